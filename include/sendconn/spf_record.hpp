// SPF records as text (RFC 7208 sections 3, 4.6 and 7.1): parsed with the position of each term and of each fault.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <sendconn/ip.hpp>
#include <sendconn/result.hpp>

#pragma GCC visibility push(default)

namespace sendconn::spf {

/// What stands in front of a mechanism, and so what a match means.
enum class Qualifier : std::uint8_t { pass, fail, softfail, neutral };
char format(Qualifier qualifier);  ///< '+' '-' '~' '?'

enum class TermKind : std::uint8_t {
  all,
  include,
  a,
  mx,
  ptr,
  ip4,
  ip6,
  exists,
  redirect,  ///< from here on modifiers
  exp,
  unknown_modifier,
};
std::string_view format(TermKind kind);  ///< "include"; "unknown modifier"

/// Its evaluation counts against the limit of lookups (RFC 7208 section 4.6.4).
constexpr bool needs_lookup(TermKind kind) noexcept {
  return kind != TermKind::all && kind != TermKind::ip4 && kind != TermKind::ip6 && kind < TermKind::exp;
}
constexpr bool is_modifier(TermKind kind) noexcept { return kind >= TermKind::redirect; }

/// A well-formed term. Positions are offsets in octets in the record's text.
struct Term {
  TermKind kind = TermKind::all;
  Qualifier qualifier = Qualifier::pass;
  bool has_macros = false;        ///< its domain has a '%'
  bool asks_ptr = false;          ///< its domain has %{p}, which costs a look-up of its own
  bool has_name = false;          ///< its domain is a name as written: without macros, and one that the DNS can have
  std::uint8_t prefix4 = 32;      ///< a, mx, ip4
  std::uint8_t prefix6 = 128;     ///< a, mx, ip6
  std::uint32_t position = 0;     ///< of the whole term, its qualifier included
  std::uint32_t octets = 0;       ///< of the whole term
  std::uint32_t domain_at = 0;    ///< of the domain-spec (an unknown modifier's value), macros as written
  std::uint32_t domain_size = 0;  ///< 0: none is written, and the current domain is meant
  std::uint32_t network4 = 0;     ///< ip4: the address as a number, bits behind the prefix zero
  std::uint32_t mask4 = 0;        ///< ip4: the prefix as a mask
  IpAddress address;              ///< ip4, ip6; bits behind the prefix as written
};

/// What makes a record, or a term, unusable.
struct Fault {
  std::size_t position = 0;
  std::size_t octets = 0;  ///< how much of the text is offending; at least 1 unless it stands at the end
  std::string text;        ///< one sentence: the fact, the token, what is required, the section
};

/// A record, parsed. Any text can be parsed; whether it is valid, faults() say. A valid record is evaluated as written,
/// one with faults never (RFC 7208 section 4.6). Terms keep their order. Thread-compatible.
class Record {
 public:
  /// RFC 1035 section 3.2.1: the data of a record has at most so many octets.
  static constexpr std::size_t max_octets = 65535;
  /// Of one record; further ones are not looked for. Our own bound.
  static constexpr std::size_t max_faults = 64;

  /// The text begins with the version section "v=spf1", in either case, and ends there or goes on with a space (RFC
  /// 7208 section 4.5). Other TXT records are none of SPF's business.
  static bool is_spf(std::string_view text) noexcept;

  static Record parse(std::string_view text);
  /// As parse(), into this object, whose memory is used again.
  void assign(std::string_view text);

  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  [[nodiscard]] bool valid() const noexcept { return faults_.empty(); }
  /// Without the malformed ones, each of which has a fault.
  [[nodiscard]] const std::vector<Term>& terms() const noexcept { return terms_; }
  [[nodiscard]] const std::vector<Fault>& faults() const noexcept { return faults_; }

  /// The term as written, until this record changes.
  [[nodiscard]] std::string_view text(const Term& term) const noexcept {
    return std::string_view(text_).substr(term.position, term.octets);
  }
  /// Its domain-spec as written, until this record changes.
  [[nodiscard]] std::string_view domain(const Term& term) const noexcept {
    return std::string_view(text_).substr(term.domain_at, term.domain_size);
  }
  /// The first term of this kind, or null.
  [[nodiscard]] const Term* find(TermKind kind) const noexcept;

 private:
  std::string text_;
  std::vector<Term> terms_;
  std::vector<Fault> faults_;
};

/// Parsed records by their text, so that a record that many messages ask for is parsed once. Bounded: the oldest go
/// first. Thread-safe.
class RecordCache {
 public:
  static constexpr std::size_t default_records = 4096;  // a few megabytes; our own bound
  static constexpr std::size_t max_kept_octets = 4096;  // longer records are parsed each time; our own bound

  explicit RecordCache(std::size_t max_records = default_records);
  ~RecordCache();
  RecordCache(const RecordCache&) = delete;
  RecordCache& operator=(const RecordCache&) = delete;

  /// Never null.
  std::shared_ptr<const Record> parse(std::string_view text);
  [[nodiscard]] std::size_t size() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sendconn::spf

#pragma GCC visibility pop
