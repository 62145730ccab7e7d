// A zone file in memory: the DNS of a test, a demonstration or a closed network, written by a person.
//
// The format is the master file of RFC 1035 section 5: $ORIGIN, $TTL (RFC 2308 section 4), "@", names relative to the
// origin or absolute with a trailing dot, an omitted owner or TTL, TTLs such as "1h30m", parentheses, comments from ';'
// to the end of the line, quoted and bare strings with \X and \DDD, several strings in one TXT. Without $ORIGIN the
// origin is the root, so that every name is absolute. Types: A, AAAA, MX, TXT, CNAME, PTR, NS, TLSA and SOA (of which
// only the TTL of negative answers is used). Class IN alone. $INCLUDE and $GENERATE are refused: one text is all there
// is. The file may hold names of any number of zones; it answers as if it were the whole DNS.
//
// One directive is our own. It makes a name fail, for tests of what happens then:
//
//     $FAIL name TYPE timeout|servfail|malformed      ; TYPE is a type, or ANY for all of them
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include <sendconn/dns.hpp>
#include <sendconn/result.hpp>

#pragma GCC visibility push(default)

namespace sendconn::dns {

/// How many CNAMEs one answer may lead through. RFC 1034 section 3.6.2 sets no number; unbound stops at 11, c-ares at
/// none. Longer chains and loops answer server_failure, as recursive servers do.
constexpr std::size_t max_aliases = 8;

/// The octets of a zone file; our own bound.
constexpr std::size_t max_zone_octets = std::size_t{64} * 1024 * 1024;

struct ZoneData;

/// Immutable and cheap to copy; may be read by several threads.
class Zone {
 public:
  /// Errc::syntax with the position, and a text that begins with "line N: "; Errc::limit_exceeded past max_zone_octets.
  static Result<Zone> parse(std::string_view text);

  /// Answers as an authoritative server would: wildcards by RFC 4592, CNAMEs followed up to max_aliases, no_data for a
  /// name that has only other types or only names below it, and no_such_name otherwise (RFC 8020). The TTL of a
  /// negative answer is that of the closest SOA above (RFC 2308 section 5), 0 without one.
  [[nodiscard]] Answer lookup(const Question& question) const;

  /// How many records it holds.
  [[nodiscard]] std::size_t size() const noexcept;

 private:
  explicit Zone(std::shared_ptr<const ZoneData> data) : data_(std::move(data)) {}
  std::shared_ptr<const ZoneData> data_;
};

}  // namespace sendconn::dns

#pragma GCC visibility pop
