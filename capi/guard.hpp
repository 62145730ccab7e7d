// The border of the C interface: every function runs its body inside guard(), which turns whatever comes out of it into
// a status and, if the caller wants it, a sendconn_error. Behind the border a Failure may be thrown; in front of it
// nothing is, and the thread is not cancelled while it is there. It also holds the small checks that nearly every
// function begins with.
#pragma once

#include <cstring>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <sendconn/result.hpp>

#include "capi/sendconn.h"
#include "capi/uncancelled.hpp"

namespace sendconn::capi {

/// Why a function fails.
struct Failure {
  sendconn_status status = SENDCONN_ERR_INTERNAL;
  std::string text;
  std::size_t position = Error::no_position;
};

/// The numbers of Errc are those of the general statuses.
inline Failure failure(const Error& error) {
  return {static_cast<sendconn_status>(error.code), error.text, error.position};
}

[[noreturn]] inline void refuse(sendconn_status status, std::string text) { throw Failure{status, std::move(text)}; }

/// The value, or the error thrown.
template <class T>
T take(Result<T> result) {
  if (!result) throw failure(result.error());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

/// Hands a failure to the caller; what it returns is the function's status.
sendconn_status report(sendconn_error** error, const Failure& failure) noexcept;
/// The same without any memory.
sendconn_status report_no_memory(sendconn_error** error) noexcept;

template <class Body>
sendconn_status guard(sendconn_error** error, Body&& body) noexcept {
  if (error != nullptr) *error = nullptr;
  const Uncancelled uncancelled;
  try {
    std::forward<Body>(body)();
    return SENDCONN_OK;
  } catch (const Failure& failure) {
    return report(error, failure);
  } catch (const std::bad_alloc&) {
    return report_no_memory(error);
  } catch (const std::length_error&) {
    try {
      return report(error, {SENDCONN_ERR_LIMIT_EXCEEDED, "a text is longer than the memory of any machine"});
    } catch (...) {
      return report_no_memory(error);
    }
  } catch (const std::exception& fault) {
    try {
      return report(error, {SENDCONN_ERR_INTERNAL, std::string("a fault of the library: ") + fault.what()});
    } catch (...) {
      return report_no_memory(error);
    }
  } catch (...) {
    try {
      return report(error, {SENDCONN_ERR_INTERNAL, "a fault of the library"});
    } catch (...) {
      return report_no_memory(error);
    }
  }
}

/// For functions without a status: `otherwise` if anything is wrong.
template <class Value, class Body>
Value guard_value(Value otherwise, Body&& body) noexcept {
  const Uncancelled uncancelled;
  try {
    return std::forward<Body>(body)();
  } catch (...) {
    return otherwise;
  }
}

// ---------------------------------------------------------------- arguments

template <class T>
T& need(T* pointer, const char* name) {
  if (pointer == nullptr) refuse(SENDCONN_ERR_INVALID_ARGUMENT, std::string("the argument ") + name + " is NULL");
  return *pointer;
}

/// A text as it came in.
inline std::string_view text(const char* data, std::size_t size, const char* name) {
  if (data == nullptr) {
    if (size == 0) return {};
    refuse(SENDCONN_ERR_INVALID_ARGUMENT, std::string("the text ") + name + " is NULL and not empty");
  }
  if (size == SENDCONN_NUL) return data;
  // No object is larger; what comes with such a size is -1 or another accident.
  if (size > static_cast<std::size_t>(PTRDIFF_MAX))
    refuse(SENDCONN_ERR_INVALID_ARGUMENT, std::string("the length of ") + name + " is more than any text can have");
  return {data, size};
}

/// An output for a handle: checked before anything happens, set once all is done.
template <class Handle>
class Slot {
 public:
  Slot(Handle** out, const char* name) : out_(&need(out, name)) {}
  void set(std::unique_ptr<Handle> handle) noexcept { *out_ = handle.release(); }

 private:
  Handle** out_;
};

inline void set(const char** out, std::size_t* size, std::string_view value) noexcept {
  *out = value.data() != nullptr ? value.data() : "";
  if (size != nullptr) *size = value.size();
}

/// What accessors of texts return: a text of std::string has its NUL behind it.
inline const char* give(std::size_t* size, const std::string& value) noexcept {
  if (size != nullptr) *size = value.size();
  return value.c_str();
}

inline const char* give_nothing(std::size_t* size) noexcept {
  if (size != nullptr) *size = 0;
  return nullptr;
}

}  // namespace sendconn::capi
