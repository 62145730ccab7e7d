// SPF records as people keep them: checked for the mistakes that are made, changed without breaking what stands there,
// and split for publication (RFC 7208 sections 3 and 4.6, RFC 1035 section 3.3).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <sendconn/result.hpp>
#include <sendconn/spf_record.hpp>

#pragma GCC visibility push(default)

namespace sendconn::spf {

enum class Severity : std::uint8_t {
  error,    ///< every check of the record ends in a permerror, or it is no SPF record
  warning,  ///< it does not do what its author will have meant, or may soon fail
  advice,   ///< it works, and could be better
};
std::string_view format(Severity severity);  ///< "warning"

struct Finding {
  Severity severity = Severity::error;
  std::string_view code;  ///< "ptr-used": stable, for programs; a literal, so it lives for ever
  std::size_t position = 0;
  std::size_t octets = 0;
  std::string text;  ///< the fact, and what to write instead
};

/// What is wrong with a record as far as its text alone tells, in the order of the text: the faults of Record with a
/// hint for the mistakes that people make (typographic quotes, "ipv4:", "ip4=", a space behind "include:", commas, a
/// bare address), and what is valid and yet wrong (terms behind "all", "+all", no "all", networks that overlap, ptr,
/// more than 10 lookups, too long). What needs the DNS cannot be seen here.
std::vector<Finding> lint(std::string_view text);

/// The record with `term` in it. A mechanism goes in front of "all", or behind the last mechanism without one; a
/// modifier goes to the end. What stands there already changes nothing. "all", redirect and exp, of which there can be
/// one, take the place of the old one. Between terms one space is left; everything else stays as written. Errc::syntax
/// for a malformed record or term; Errc::conflict for a mechanism that stands there with another qualifier, and for
/// "all" and redirect together (RFC 7208 section 6.1).
Result<std::string> add_term(std::string_view record, std::string_view term);

/// The record without `term`, which is compared by its meaning: "+a" is "a", and upper and lower case are the same.
/// Errc::syntax for a malformed record or term; Errc::not_found if it does not stand there.
Result<std::string> remove_term(std::string_view record, std::string_view term);

/// One record out of several, which a domain must not publish (RFC 7208 section 3.2): their mechanisms in order, each
/// once, then the "all" of the first record that has one, then the modifiers. Errc::syntax for a malformed record,
/// Errc::conflict for mechanisms that differ in their qualifier alone, for two different redirect or exp, and for a
/// redirect in one record beside an "all" in another; Errc::invalid_argument for no record at all.
Result<std::string> merge(const std::vector<std::string>& records);

/// The strings of a TXT record: at most 255 octets each (RFC 1035 section 3.3), cut behind a space where there is one
/// in the second half. Joined they are the text again. Never empty.
std::vector<std::string> split_strings(std::string_view text);

/// Those strings as a master file has them: quoted, escaped, with spaces between them (RFC 1035 section 5.1).
std::string format_txt(std::string_view text);

}  // namespace sendconn::spf

#pragma GCC visibility pop
