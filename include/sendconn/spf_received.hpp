// The header field Received-SPF (RFC 7208 section 9.1): written for those behind us in the delivery, and read.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sendconn/result.hpp>
#include <sendconn/spf.hpp>

#pragma GCC visibility push(default)

namespace sendconn::spf {

/// The field's content. Empty members are left out when it is written, and were absent where it was read.
struct ReceivedSpf {
  Verdict verdict = Verdict::none;
  std::string comment;  ///< for people
  std::string client_ip;
  std::string envelope_from;  ///< the sender as the check saw it
  std::string helo;
  std::string problem;   ///< of temperror and permerror: what went wrong
  std::string receiver;  ///< the host that checked
  std::string identity;  ///< "mailfrom", "helo"
  std::string mechanism;
  std::vector<std::pair<std::string, std::string>> others;  ///< keys that RFC 7208 does not name, in their order
};

/// What a check found, for a field. `receiver` names the host that checked.
ReceivedSpf to_received(const Outcome& outcome, const IpAddress& client, std::string_view helo,
                        std::string_view receiver);

/// Of each value and of the comment, so that a line stays below RFC 5322's 998 octets; the rest is cut off.
constexpr std::size_t max_received_value_octets = 320;

/// The whole field with its name and CRLF at the end, folded behind each pair. Values come from strangers: what is not
/// printable ASCII becomes a question mark, and nothing in them can end a quoted string or the field.
std::string format(const ReceivedSpf& received);

/// Of a field that is read; longer ones are Errc::limit_exceeded. Our own bound.
constexpr std::size_t max_received_octets = std::size_t{16} * 1024;

/// Reads the field's value, the part behind "Received-SPF:", folded or not. Names of keys and results may have upper
/// case. Errc::syntax with the position otherwise. Whoever reads one must know that it comes from a host of his own:
/// anybody can write the field.
Result<ReceivedSpf> parse_received(std::string_view value);

}  // namespace sendconn::spf

#pragma GCC visibility pop
