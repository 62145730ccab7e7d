// The parts of a message as they stand on the wire: header fields, and where the header section ends (RFC 5322).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sendconn/address.hpp>
#include <sendconn/result.hpp>
#include <sendconn/time.hpp>

#pragma GCC visibility push(default)

namespace sendconn::mail {

/// One header field as views into the text it was parsed from; valid as long as that text is.
struct Field {
  std::string_view name;   ///< without white space before the colon
  std::string_view value;  ///< everything behind the colon, folds included, without the final CRLF
  std::string_view raw;    ///< the whole field with its final CRLF
};

struct HeaderLimits {
  std::size_t max_octets =
      262'144;  ///< of the whole section. Precedent: Postfix header_size_limit is 102,400 for one field
  std::size_t max_fields = 1'000;  ///< precedent: Exim and mail-auth refuse in the thousands
};

/// A header section, parsed. Copies nothing: it holds views into the text given to parse().
class Header {
 public:
  /// `text`: the fields with CRLF line ends, without the empty line. Errc::syntax for a line that is no field (RFC 5322
  /// section 2.2), for a bare CR or LF, for NUL, and for a section that begins with white space; Errc::limit_exceeded.
  static Result<Header> parse(std::string_view text, const HeaderLimits& limits = {});

  [[nodiscard]] const std::vector<Field>& fields() const noexcept { return fields_; }
  [[nodiscard]] std::size_t count(std::string_view name) const noexcept;  ///< case-insensitive
  [[nodiscard]] const Field* find(std::string_view name) const noexcept;  ///< the first one, or null

 private:
  std::vector<Field> fields_;
};

/// The value with folds removed (CRLF before white space; RFC 5322 section 2.2.3), trimmed.
std::string unfold(std::string_view value);

/// The mailboxes of an address list such as From: display names, comments, routes and groups understood, obsolete forms
/// included (RFC 5322 sections 3.4 and 4.4, RFC 6854 for groups in From). An empty group gives no address.
/// Errc::syntax with the position; Errc::limit_exceeded above `max_addresses`.
Result<std::vector<Address>> parse_address_list(std::string_view value, std::size_t max_addresses = 100);

/// RFC 5322 section 3.3 date-time in UTC: "Sun, 22 Nov 2026 15:02:50 +0000".
std::string format_date(UnixTime time);

/// Splits a message that comes in pieces into header section and body. Thread-compatible.
/// Between the two stands the first empty line; it belongs to neither. A message may have no body, or no header.
class Splitter {
 public:
  explicit Splitter(std::size_t max_header_octets = HeaderLimits{}.max_octets)
      : max_header_octets_(max_header_octets) {}

  /// Takes a piece. Header octets are kept; once the empty line was seen, header_complete() is true and what is
  /// returned is the part of `piece` that belongs to the body (a view into it). Errc::limit_exceeded when the section
  /// is too long.
  Result<std::string_view> feed(std::string_view piece);
  /// No more pieces: a header without an empty line is complete now.
  void finish() noexcept { complete_ = true; }
  [[nodiscard]] bool header_complete() const noexcept { return complete_; }
  /// The fields, each with its CRLF, without the empty line.
  [[nodiscard]] const std::string& header() const noexcept { return header_; }
  std::string take_header() noexcept { return std::move(header_); }

 private:
  std::string header_;
  std::size_t max_header_octets_;
  bool complete_ = false;
};

}  // namespace sendconn::mail

#pragma GCC visibility pop
