// How every function of the C interface is tried: with NULL for each pointer that is required, with struct_size too
// short, too long and absurd, with something in a reserved member, and with each of its allocations failing in turn.
//
// A scenario is a function that makes calls in a sensible order. It is run many times; in each run one of its calls is
// the one that is tried, the others are made as they stand.
//
//     void parse_an_address(Trial& trial) {
//       Handle<sendconn_address, sendconn_address_free> address;
//       CALL(trial, sendconn_address_parse, address.out(), "ada@example.org", SENDCONN_NUL);
//       GET(trial, sendconn_address_needs_smtputf8, address.get());
//     }
#pragma once

#include <gtest/gtest.h>
#include <pthread.h>

#include <cstring>
#include <set>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include "capi/sendconn.h"
#include "tests/capi/failing_heap.hpp"

namespace sendconn::test {

/// A pointer that may be NULL.
template <class T>
struct Optional {
  T* pointer;
};
template <class T>
Optional<T> optional(T* pointer) {
  return {pointer};
}

template <class T>
T plain(T value) {
  return value;
}
template <class T>
T* plain(Optional<T> value) {
  return value.pointer;
}

template <class T, void (*free_function)(T*) noexcept>
class Handle {
 public:
  Handle() = default;
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() { free_function(handle_); }
  T** out() {
    free_function(std::exchange(handle_, nullptr));
    return &handle_;
  }
  [[nodiscard]] T* get() const { return handle_; }

 private:
  T* handle_ = nullptr;
};

/// The run ends here: the call that was tried has failed as it should.
struct Stop {};

class Trial {
 public:
  /// `tried`: which of the scenario's calls; `failing`: which of its allocations.
  Trial(int tried, long failing) : tried_(tried), failing_(failing) {}

  /// All allocations behind the failing one fail, too.
  void fail_for_good() { for_good_ = true; }

  /// Each call is made by a thread that is to be cancelled as soon as it may be. The scenario runs in a thread of its
  /// own, which ends behind it.
  void cancel() { is_cancelled_ = true; }

  [[nodiscard]] int calls() const { return calls_; }
  [[nodiscard]] bool failed() const { return failed_; }            ///< an allocation was made to fail
  [[nodiscard]] const std::string& name() const { return name_; }  ///< of the function that was tried
  [[nodiscard]] sendconn_status status() const { return status_; }
  static std::set<std::string>& names() {
    static std::set<std::string> all;
    return all;
  }

  template <class Function, class... Arguments>
  sendconn_status call(const char* name, Function function, sendconn_status wanted, Arguments... arguments) {
    names().insert(name);
    const bool is_tried = calls_++ == tried_;
    if (is_tried && failing_ == 0) try_arguments(name, function, arguments...);
    sendconn_error* error = nullptr;
    if (is_tried) fail_allocation(failing_, for_good_);
    const sendconn_status status = while_cancelled([&] { return function(plain(arguments)..., &error); });
    if (is_tried) note(name, status);
    const std::string text = sendconn_error_text(error);
    const bool is_told = status == SENDCONN_OK ? error == nullptr : sendconn_error_status(error) == status;
    sendconn_error_free(error);
    EXPECT_TRUE(is_told) << name << ": the error does not say what the status does";
    if (failed_) {
      EXPECT_TRUE(status == SENDCONN_ERR_NO_MEMORY || status == wanted)
          << name << ", allocation " << failing_ << " failing: " << sendconn_status_name(status) << ": " << text;
      if (status != wanted) throw Stop();
    } else {
      EXPECT_EQ(status, wanted) << name << ": " << text;
      if (status != wanted) throw Stop();
    }
    return status;
  }

  /// Functions without a status.
  template <class Function, class... Arguments>
  auto get(const char* name, Function function, Arguments... arguments) {
    names().insert(name);
    const bool is_tried = calls_++ == tried_;
    if (is_tried && failing_ == 0) get_without(function, std::index_sequence_for<Arguments...>(), arguments...);
    if (is_tried) fail_allocation(failing_, for_good_);
    if constexpr (std::is_void_v<decltype(function(plain(arguments)...))>) {
      while_cancelled([&] { function(plain(arguments)...); });
      if (is_tried) note(name, SENDCONN_OK);
    } else {
      const auto value = while_cancelled([&] { return function(plain(arguments)...); });
      if (is_tried) note(name, SENDCONN_OK);
      return value;
    }
  }

 private:
  template <class Call>
  auto while_cancelled(Call call) const {
    if (is_cancelled_) pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, nullptr);
    if constexpr (std::is_void_v<decltype(call())>) {
      call();
      pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, nullptr);
    } else {
      const auto value = call();
      pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, nullptr);
      return value;
    }
  }

  void note(const char* name, sendconn_status status) {
    failed_ = allocation_failed();
    heal_heap();
    name_ = name;
    status_ = status;
  }

  template <std::size_t index, class Function, class Changed, class... Arguments>
  static sendconn_status call_with(Function function, Changed changed, Arguments... arguments) {
    std::tuple<decltype(plain(arguments))...> all(plain(arguments)...);
    std::get<index>(all) = changed;
    return std::apply([&](auto... values) { return function(values..., nullptr); }, all);
  }

  template <class Function, class... Arguments>
  static void try_arguments(const char* name, Function function, Arguments... arguments) {
    try_each(name, function, std::index_sequence_for<Arguments...>(), arguments...);
  }

  template <class Function, std::size_t... indices, class... Arguments>
  static void try_each(const char* name, Function function, std::index_sequence<indices...>, Arguments... arguments) {
    (try_one<indices>(name, function, arguments...), ...);
  }

  template <std::size_t index, class Function, class... Arguments>
  static void try_one(const char* name, Function function, Arguments... arguments) {
    using Argument = std::tuple_element_t<index, std::tuple<Arguments...>>;
    using Plain = decltype(plain(std::declval<Argument>()));
    if constexpr (std::is_pointer_v<Argument>) {
      EXPECT_EQ(call_with<index>(function, Plain(nullptr), arguments...), SENDCONN_ERR_INVALID_ARGUMENT)
          << name << " with NULL as argument " << index;
    }
    if constexpr (std::is_pointer_v<Plain>) {
      const Plain given = plain(std::get<index>(std::tuple(arguments...)));
      if (given != nullptr) try_struct<index>(name, function, given, arguments...);
    }
  }

  template <std::size_t index, class Function, class Struct, class... Arguments>
  static void try_struct(const char* name, Function function, Struct* given, Arguments... arguments) {
    if constexpr (requires { given->struct_size; }) {
      using Bare = std::remove_const_t<Struct>;
      struct Larger {
        Bare known;
        char unknown[8];
      } larger = {};
      std::memcpy(&larger.known, given, sizeof(Bare));
      const auto with = [&](std::size_t size) {
        larger.known.struct_size = size;
        return call_with<index>(function, static_cast<Struct*>(&larger.known), arguments...);
      };
      for (const std::size_t size : {std::size_t{0}, std::size_t{8}, sizeof(Bare) - 8, std::size_t{4097}, SIZE_MAX})
        EXPECT_EQ(with(size), SENDCONN_ERR_STRUCT_SIZE) << name << " with a struct of " << size << " octets";
      if constexpr (std::is_const_v<Struct>) {
        larger.unknown[7] = 1;
        EXPECT_EQ(with(sizeof(Larger)), SENDCONN_ERR_UNSUPPORTED) << name << " with a member of the future";
        larger.unknown[7] = 0;
        if constexpr (requires { given->reserved; }) {
          std::memset(&larger.known.reserved, 1, sizeof larger.known.reserved);
          EXPECT_EQ(with(sizeof(Bare)), SENDCONN_ERR_INVALID_ARGUMENT) << name << " with something reserved";
        }
      }
    }
  }

  /// NULL for each pointer, one at a time: nothing must happen.
  template <class Function, std::size_t... indices, class... Arguments>
  static void get_without(Function function, std::index_sequence<indices...>, Arguments... arguments) {
    [[maybe_unused]] const auto without = [&]<std::size_t index>(std::integral_constant<std::size_t, index>) {
      std::tuple<decltype(plain(arguments))...> all(plain(arguments)...);
      if constexpr (std::is_pointer_v<std::tuple_element_t<index, std::tuple<Arguments...>>>) {
        std::get<index>(all) = nullptr;
        std::apply([&](auto... values) { static_cast<void>(function(values...)); }, all);
      }
    };
    (without(std::integral_constant<std::size_t, indices>()), ...);
  }

  int tried_;
  bool for_good_ = false;
  bool is_cancelled_ = false;
  long failing_;
  int calls_ = 0;
  bool failed_ = false;
  std::string name_;
  sendconn_status status_ = SENDCONN_OK;
};

using Scenario = void (*)(Trial&);
struct NamedScenario {
  const char* name;
  Scenario run;
};

/// SENDCONN_OK is what is wanted.
#define CALL(trial, function, ...) (trial).call(#function, function, SENDCONN_OK __VA_OPT__(, ) __VA_ARGS__)
/// Another status is.
#define CALL_FOR(trial, wanted, function, ...) (trial).call(#function, function, wanted, __VA_ARGS__)
#define GET(trial, function, ...) (trial).get(#function, function __VA_OPT__(, ) __VA_ARGS__)

}  // namespace sendconn::test
