// A Unix stream socket that carries one line each way, with deadlines: the plumbing of admin server and client.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include <sendconn/result.hpp>

namespace sendconn::relay::admin {

/// Owns a file descriptor.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int value) noexcept : value_(value) {}
  Descriptor(Descriptor&& other) noexcept : value_(other.value_) { other.value_ = -1; }
  Descriptor& operator=(Descriptor&& other) noexcept;
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor();
  [[nodiscard]] int get() const noexcept { return value_; }
  [[nodiscard]] bool valid() const noexcept { return value_ >= 0; }

 private:
  int value_ = -1;
};

/// Listens at `path` with mode 0600, replacing a socket that stands there; anything else there is left and refused.
Result<Descriptor> listen_at(const std::string& path);
/// Errc::not_found: nobody listens there (no file, or one left behind). Errc::io: the system refuses.
Result<Descriptor> connect_to(const std::string& path);

/// Up to and without the next '\n'. Errors: Errc::limit_exceeded (longer than `max`), Errc::io (deadline passed, closed
/// before the end of the line, or stopped). Readability of `stop`, if it is a descriptor, ends the wait.
Result<std::string> read_line(const Descriptor& socket, std::size_t max, std::chrono::milliseconds deadline,
                              int stop = -1);
/// Everything, and a '\n'.
Result<void> write_line(const Descriptor& socket, std::string_view line, std::chrono::milliseconds deadline,
                        int stop = -1);

}  // namespace sendconn::relay::admin
