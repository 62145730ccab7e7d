// LineReader: lines out of pieces of any size. A line that lies whole in one piece is never copied.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sendconn::smtp {

/// Cuts at LF, and says whether CR stood in front of it: a command of SMTP ends in CR LF alone (RFC 5321
/// section 2.3.8), a reply of an old server is read either way. Memory is held only while a line is incomplete, and
/// never more than the limit. Thread-compatible.
class LineReader {
 public:
  enum class Status : std::uint8_t {
    partial,       ///< everything was taken, and no line has ended
    complete,      ///< `line`, without its end, ended in CR LF
    bare_newline,  ///< `line`, without its end, ended in LF alone
    too_long,      ///< more octets than the limit, the line's end included; the rest of it will be skipped
  };
  struct Taken {
    std::size_t used = 0;
    Status status = Status::partial;
    std::string_view line;  ///< valid until the input goes, or release()
  };

  Taken take(std::string_view input, std::size_t limit);
  /// What comes is dropped up to and including the next CR LF: what stands there could be anything, also a command that
  /// somebody smuggled into another.
  void skip_to_crlf() noexcept { skipping_ = true; }
  /// Gives the memory of the last line back, wiped: it may have been a password.
  void release() noexcept;

 private:
  std::size_t skip(std::string_view input) noexcept;

  std::string kept_;
  bool skipping_ = false;
  bool after_cr_ = false;  ///< while skipping: the octet before was CR
};

}  // namespace sendconn::smtp
