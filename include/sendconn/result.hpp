// Result: a value, or the reason why there is none.
//
// A verdict (an SPF permerror, a refused recipient) is a value. An Error means misuse, malformed input
// or an exceeded limit. Nothing in the library throws for such reasons.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#pragma GCC visibility push(default)

namespace sendconn {

/// What kind of thing went wrong. The numbers are pinned: the C interface hands them out.
enum class Errc {
  invalid_argument = 1,  ///< a value the caller chose is outside the documented range
  syntax = 2,            ///< the input does not follow its grammar; Error::position says where
  limit_exceeded = 3,    ///< a named limit was passed; the text says which one and its value
  wrong_state = 4,       ///< the call is not allowed in the object's present state
  not_found = 5,         ///< what was asked for does not exist
  conflict = 6,          ///< what was to be made exists already, or contradicts what exists
  crypto = 7,            ///< the cryptographic library refused the operation
  io = 8,                ///< the operating system refused the operation
  unsupported = 9,       ///< understood, but not offered by this build or this peer
};

/// Why there is no value. `text` is one sentence: the fact, the offending token, what is required, the RFC section.
/// It never holds a secret.
struct Error {
  static constexpr std::size_t no_position = static_cast<std::size_t>(-1);

  Errc code = Errc::invalid_argument;
  std::string text;
  /// Offset in bytes of the offending place in the input, or no_position.
  std::size_t position = no_position;

  friend bool operator==(const Error&, const Error&) = default;
};

/// A T or an Error. Thread-compatible. Asking for the side that is not there is a programming error and terminates.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT(google-explicit-constructor)
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool ok() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return ok(); }

  T& value() & noexcept { return *std::get_if<0>(&state_); }
  const T& value() const& noexcept { return *std::get_if<0>(&state_); }
  T&& value() && noexcept { return std::move(*std::get_if<0>(&state_)); }
  T& operator*() & noexcept { return value(); }
  const T& operator*() const& noexcept { return value(); }
  T&& operator*() && noexcept { return std::move(*this).value(); }
  T* operator->() noexcept { return std::get_if<0>(&state_); }
  const T* operator->() const noexcept { return std::get_if<0>(&state_); }

  Error& error() & noexcept { return *std::get_if<1>(&state_); }
  const Error& error() const& noexcept { return *std::get_if<1>(&state_); }
  Error&& error() && noexcept { return std::move(*std::get_if<1>(&state_)); }

 private:
  std::variant<T, Error> state_;
};

/// Success, or an Error.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), ok_(false) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool ok() const noexcept { return ok_; }
  explicit operator bool() const noexcept { return ok_; }
  Error& error() & noexcept { return error_; }
  const Error& error() const& noexcept { return error_; }
  Error&& error() && noexcept { return std::move(error_); }

 private:
  Error error_;
  bool ok_ = true;
};

}  // namespace sendconn

#pragma GCC visibility pop
