// What the files that bind SMTP share: replies, and the octets that a session has not taken yet.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <sendconn/reply.hpp>
#include <sendconn/sasl.hpp>
#include <sendconn/smtp.hpp>

#include "bindings/python/src/machine.hpp"
#include "bindings/python/src/words.hpp"

namespace sendconn::python {

py::object to_python(const Reply& reply);
/// None for a reply that nobody gave: code 0.
py::object maybe_reply(const Reply& reply);
/// A Reply of the package or its text: "550 5.1.1 nobody here". InputError for a code outside 200 to 599.
Reply take_reply(py::handle value, const char* what);

py::object word(sasl::Mechanism mechanism);
/// From any iterable of names.
std::uint8_t take_mechanisms(py::handle value, const char* what);
/// A tuple of the names.
py::tuple mechanisms(std::uint8_t bits);

std::chrono::seconds take_whole_seconds(py::handle value, const char* what);

py::object start_tls_event();
py::object closed_event(const smtp::Closed& closed);

/// What was fed and not yet taken, and whether more can come. The octets of a call of feed() are copied once, here.
class Input {
 public:
  void append(std::string_view octets) { octets_.append(octets); }
  void close() noexcept { has_ended_ = true; }
  [[nodiscard]] std::string_view rest() const noexcept { return std::string_view(octets_).substr(used_); }
  [[nodiscard]] bool empty() const noexcept { return used_ == octets_.size(); }
  void take(std::size_t count) noexcept { used_ += count; }
  /// The end has come and was not told yet. True once.
  bool take_end() noexcept { return has_ended_ && !std::exchange(end_is_taken_, true); }
  /// Once nothing views what was taken any more. As long as most of it is left, that is not moved up: so a piece with
  /// many commands costs its own length, not that for each of them.
  void forget_taken() {
    if (used_ < octets_.size() - used_) return;
    octets_.erase(0, used_);
    used_ = 0;
    // A session that waits for its next command holds no room of a message that passed.
    if (octets_.empty() && octets_.capacity() > max_idle_octets) octets_.shrink_to_fit();
  }

 private:
  static constexpr std::size_t max_idle_octets = 4'096;
  std::string octets_;
  std::size_t used_ = 0;
  bool has_ended_ = false;
  bool end_is_taken_ = false;
};

}  // namespace sendconn::python
