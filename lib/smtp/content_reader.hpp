// ContentReader: the message between 354 and the final dot, as the server reads it (RFC 5321 sections 4.1.1.4
// and 4.5.2).
//
// It finds the end, takes stuffed dots away, and refuses or normalizes bare newlines, without copying anything: what it
// gives out are runs of the input, as long as possible. Only CR LF ends a line; so only CR LF "." CR LF ends the
// message, and a dot is stuffed only at the start of the message or behind CR LF. Everything else that some server
// somewhere takes for an end of line (CVE-2023-51764 and its kin) is a fault, or, if the option says so, becomes CR LF
// in the content, where it ends nothing.
//
// The place within the framing is five states; the octet that comes decides:
//
//   place        .            CR            LF                other
//   line_start   dot          after_cr      bare LF           inside
//   inside       inside       after_cr      bare LF           inside
//   after_cr     bare CR      bare CR       line_start        bare CR
//   dot          inside       dot_cr        bare LF           inside           (the dot is dropped)
//   dot_cr       bare CR      bare CR       end of message    bare CR          (the dot is dropped)
//
// An octet that follows a bare CR is then read again as if it stood inside a line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sendconn::smtp {

class ContentReader {
 public:
  enum class Fault : std::uint8_t { none, bare_newline, nul, line_too_long, too_large };

  struct Limits {
    std::uint64_t max_octets = 0;  ///< of the message; 0: no bound
    std::size_t max_line = 0;      ///< of a line without its end; 0: no bound
    bool normalize = false;        ///< bare newlines become CR LF instead of a fault
  };

  /// One thing at a time: a run of content, the end, or a fault; or nothing, when all input was taken.
  struct Step {
    std::size_t used = 0;
    std::string_view octets;  ///< of the input, or a constant
    bool end = false;
    Fault fault = Fault::none;  ///< reported once; from then on only the end is looked for
  };

  void begin() noexcept { *this = ContentReader(); }
  Step take(std::string_view input, const Limits& limits) noexcept;

  [[nodiscard]] std::uint64_t octets() const noexcept { return octets_; }  ///< given out so far
  [[nodiscard]] bool eight_bit() const noexcept { return eight_bit_; }     ///< given out octets above 0x7f

 private:
  enum class Place : std::uint8_t { line_start, inside, after_cr, dot, dot_cr };

  Step fail(std::size_t used, Fault fault) noexcept;
  Step give_newline(std::size_t used, std::string_view octets, const Limits& limits) noexcept;
  std::size_t measure_lines(std::string_view run, std::size_t max_line) noexcept;

  std::uint64_t octets_ = 0;
  std::size_t column_ = 0;  ///< octets of the present line that were given out, if lines are bounded
  Place place_ = Place::line_start;
  bool eight_bit_ = false;
  bool faulty_ = false;
};

}  // namespace sendconn::smtp
