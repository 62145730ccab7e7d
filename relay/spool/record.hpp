// What the spool writes about a message, as octets: the form on the disk.
//
// Integers are little-endian base-128 (7 bits an octet, the top bit says that more follow), texts are their length and
// their octets. A reader never goes past the end and refuses what does not fit: a damaged record is an error, not a
// crash.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "relay/spool/spool.hpp"

namespace sendconn::relay {

void put_number(std::string& out, std::uint64_t value);
void put_text(std::string& out, std::string_view text);

/// Reads what put_* wrote. After the first thing that does not fit every get returns zero or nothing, and ok() is
/// false.
class RecordReader {
 public:
  explicit RecordReader(std::string_view octets) noexcept : rest_(octets) {}
  explicit RecordReader(std::string&& octets) = delete;  // it would be gone before it is read
  std::uint64_t number() noexcept;
  std::uint32_t small_number() noexcept;
  std::string_view text() noexcept;
  void fail() noexcept;
  [[nodiscard]] bool ok() const noexcept { return ok_; }
  [[nodiscard]] bool done() const noexcept { return ok_ && rest_.empty(); }
  [[nodiscard]] std::size_t left() const noexcept { return rest_.size(); }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

/// Everything but the octets of prefix and content. `file` names the large file, 0: the content is in the spool itself.
void put_message(std::string& out, const QueuedMessage& message, std::uint64_t file);
struct MessageRecord {
  QueuedMessage message;
  std::uint64_t file = 0;
};
MessageRecord get_message(RecordReader& reader);

void put_settlements(std::string& out, const std::vector<Settlement>& settlements);
std::vector<Settlement> get_settlements(RecordReader& reader);

/// Replaces the state of recipients and drops the done ones, as settle() says.
void settle_recipients(QueuedMessage& message, const std::vector<Settlement>& settlements);

}  // namespace sendconn::relay
