// OutputBuffer: what a session wants written, taken away from its front as the socket takes it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sendconn::smtp {

/// Thread-compatible. When it is empty it keeps at most `kept_octets` of memory, for an idle session must be small.
class OutputBuffer {
 public:
  static constexpr std::size_t kept_octets = 256;

  [[nodiscard]] std::string_view pending() const noexcept { return std::string_view(octets_).substr(start_); }
  /// Where to append; the reference holds until consume().
  std::string& end() noexcept { return octets_; }

  void consume(std::size_t count) {
    start_ += count < octets_.size() - start_ ? count : octets_.size() - start_;
    if (start_ < octets_.size()) return;
    start_ = 0;
    if (octets_.capacity() > kept_octets) {
      std::string().swap(octets_);  // assignment would keep the memory
    } else {
      octets_.clear();
    }
  }

 private:
  std::string octets_;
  std::size_t start_ = 0;
};

}  // namespace sendconn::smtp
