// OpenDKIM's library as its milter drives it: a field at a time, then the body.
#pragma once

#include <string>
#include <string_view>

struct dkim_lib;

namespace sendconn::bench {

/// Thread-compatible; one verification at a time in a process, since the library asks for keys through a function
/// without an argument of ours.
class OpenDkim {
 public:
  OpenDkim();
  ~OpenDkim();
  OpenDkim(const OpenDkim&) = delete;
  OpenDkim& operator=(const OpenDkim&) = delete;

  /// Signs as "rsa" of example.org, relaxed; false if the library refuses.
  bool sign(const std::string& pem, std::string_view message);
  /// `record`: what stands at every key's name.
  bool verify(std::string_view message, const std::string& record);

 private:
  dkim_lib* library_;
};

}  // namespace sendconn::bench
