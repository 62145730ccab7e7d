// ReplyReader: a server's replies out of pieces of any size (RFC 5321 section 4.2).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <sendconn/reply.hpp>

#include "lib/smtp/line_reader.hpp"

namespace sendconn::smtp {

/// Lines ended by LF alone are taken too: old servers send them, and nothing is at stake. Enhanced codes at the start
/// of a text are taken out of it if they have the class of the code (RFC 2034 section 4). Control characters become
/// spaces: a reply ends up in front of people, and a terminal obeys them. Thread-compatible.
class ReplyReader {
 public:
  enum class Status : std::uint8_t { partial, complete, malformed, too_long };
  struct Taken {
    std::size_t used = 0;
    Status status = Status::partial;
  };

  /// `limit`: of one reply, all its lines with their ends.
  Taken take(std::string_view input, std::size_t limit);
  /// After complete: the reply; the reader begins the next.
  Reply release();
  /// After malformed: the line, for the error text.
  [[nodiscard]] const std::string& malformed_line() const noexcept { return malformed_; }

 private:
  bool take_line(std::string_view line, bool& last);

  LineReader lines_;
  Reply reply_;
  std::size_t octets_ = 0;
  bool begun_ = false;
  std::string malformed_;
};

}  // namespace sendconn::smtp
