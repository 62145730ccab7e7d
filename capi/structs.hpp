// Structs that grow: how the library reads those of older and newer programs, and fills them in.
//
// To append members to a struct of sendconn.h: put them at its end, behind explicit padding up to a multiple of 8
// octets, let zero be their default, and give `first_size` of that struct the size that it had before.
// tests/capi/layout_test.cpp pins the offsets.
#pragma once

#include <algorithm>
#include <cstring>
#include <string>

#include "capi/guard.hpp"

namespace sendconn::capi {

/// What the struct had in the first version of the library that knew it.
template <class Struct>
inline constexpr std::size_t first_size = sizeof(Struct);

/// Larger ones are an accident: a struct that was not initialized. Our own bound.
constexpr std::size_t max_struct_size = 4096;

/// What the program says its struct has; behind the fields that both know there must be nothing that we would overlook.
template <class Struct>
std::size_t size_of(const Struct& given, const char* name) {
  const std::size_t size = given.struct_size;
  if (size < first_size<Struct> || size > max_struct_size)
    refuse(SENDCONN_ERR_STRUCT_SIZE, "struct_size of " + std::string(name) + " is " + std::to_string(size) +
                                         "; it must be " + std::to_string(first_size<Struct>) +
                                         " at least, which its _INIT macro sees to");
  return size;
}

template <class Struct>
void check_reserved(const Struct& value, const char* name) {
  if constexpr (requires { value.reserved; }) {
    static constexpr decltype(value.reserved) zero{};
    if (std::memcmp(&value.reserved, &zero, sizeof zero) != 0)
      refuse(SENDCONN_ERR_INVALID_ARGUMENT, std::string(name) + " has something in a reserved member; it must be zero");
  }
}

/// A copy of what the program gave, with zero in what it does not know.
template <class Struct>
Struct read(const Struct* given, const char* name) {
  const std::size_t size = size_of(need(given, name), name);
  Struct copy = sendconn_initialized<Struct>();
  std::memcpy(&copy, given, std::min(size, sizeof(Struct)));
  const char* const octets = reinterpret_cast<const char*>(given);
  if (size > sizeof(Struct) && std::any_of(octets + sizeof(Struct), octets + size, [](char c) { return c != 0; }))
    refuse(SENDCONN_ERR_UNSUPPORTED,
           std::string(name) + " asks for something that this version of the library does not know");
  copy.struct_size = sizeof(Struct);
  check_reserved(copy, name);
  return copy;
}

/// The same for options that may be left out.
template <class Struct>
Struct read_or_default(const Struct* given, const char* name) {
  return given != nullptr ? read(given, name) : sendconn_initialized<Struct>();
}

/// A struct to be filled in: checked before anything happens.
template <class Struct>
class OutStruct {
 public:
  OutStruct(Struct* out, const char* name) : out_(&need(out, name)), size_(size_of(*out, name)) {}

  void set(Struct value) noexcept {
    value.struct_size = size_;
    std::memcpy(out_, &value, std::min(size_, sizeof(Struct)));
    if (size_ > sizeof(Struct)) std::memset(reinterpret_cast<char*>(out_) + sizeof(Struct), 0, size_ - sizeof(Struct));
  }

 private:
  Struct* out_;
  std::size_t size_;
};

/// For each of an array's structs, which all have the first one's size.
template <class Struct, class Each>
void for_each_struct(const Struct* array, std::size_t count, const char* name, Each each) {
  if (count == 0) return;
  const std::size_t size = size_of(need(array, name), name);
  for (std::size_t i = 0; i < count; ++i) {
    const auto* at = reinterpret_cast<const char*>(array) + i * size;
    each(read(reinterpret_cast<const Struct*>(at), name));
  }
}

/// An option that is a choice: one of 0 to `last`.
template <class Enum = int>
Enum choice(std::int32_t value, std::int32_t last, const char* name) {
  if (value < 0 || value > last)
    refuse(SENDCONN_ERR_INVALID_ARGUMENT,
           std::string(name) + " is " + std::to_string(value) + "; it must be from 0 to " + std::to_string(last));
  return static_cast<Enum>(value);
}

}  // namespace sendconn::capi
