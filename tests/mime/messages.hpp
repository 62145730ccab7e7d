// What the tests of lib/mime have in common: a small message, and fixed inputs.
#pragma once

#include <string>
#include <string_view>

#include <sendconn/mime.hpp>

namespace sendconn::mime {

inline Address address(std::string_view text) { return *Address::parse(text); }

inline Message small_message() {
  Message message;
  message.from = {{"Ada", address("ada@example.org")}};
  message.to = {{"", address("bob@example.net")}};
  message.subject = "Hello";
  message.text = "Hi Bob\n";
  return message;
}

inline ComposeOptions fixed_options() {
  ComposeOptions options;
  options.now = UnixTime(std::chrono::seconds(1'764'000'000));
  options.random = "0123456789abcdef";
  return options;
}

}  // namespace sendconn::mime
