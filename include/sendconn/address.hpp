// Domain names and mailbox addresses as validated values (RFC 5321 section 4.1.2, RFC 5890, RFC 6531).
#pragma once

#include <compare>
#include <string>
#include <string_view>

#include <sendconn/result.hpp>

#pragma GCC visibility push(default)

namespace sendconn {

/// A domain name of mail: lower case, A-labels, no trailing dot, at most 253 octets, each label 1 to 63 octets of
/// letters, digits, hyphen or (for names such as _dmarc) underscore. Never empty. Compares by value. Thread-compatible.
class Domain {
 public:
  static constexpr std::size_t max_octets = 253;  // RFC 1035 section 3.1, without length octets and the root

  /// Accepts upper case, one trailing dot, and U-labels in UTF-8 (converted to A-labels by RFC 5891's lookup protocol
  /// after lower-casing and NFC). Errc::syntax with the position otherwise.
  static Result<Domain> parse(std::string_view text);

  [[nodiscard]] const std::string& text() const noexcept { return text_; }  ///< A-labels
  [[nodiscard]] std::string display() const;                                ///< U-labels where they are valid
  /// This name is `other` or below it.
  [[nodiscard]] bool is_within(const Domain& other) const noexcept;

  friend auto operator<=>(const Domain&, const Domain&) = default;

 private:
  explicit Domain(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

/// A mailbox: local part and domain. The local part is kept as written (its case belongs to the domain's owner).
class Address {
 public:
  static constexpr std::size_t max_local_octets = 64;  // RFC 5321 section 4.5.3.1.1
  static constexpr std::size_t max_path_octets = 256;  // RFC 5321 section 4.5.3.1.3, with the angle brackets

  /// "local@domain": dot-string or quoted string, UTF-8 allowed (RFC 6531). No address literals: mail for other
  /// people's domains has a domain. Errc::syntax with the position otherwise; control characters are always refused.
  static Result<Address> parse(std::string_view text);

  [[nodiscard]] const std::string& local() const noexcept { return local_; }  ///< quotes and escapes as written
  [[nodiscard]] const Domain& domain() const noexcept { return domain_; }
  [[nodiscard]] std::string format() const { return local_ + "@" + domain_.text(); }
  /// The local part has octets above 0x7f, so the address can travel only with SMTPUTF8.
  [[nodiscard]] bool needs_smtputf8() const noexcept;

  friend auto operator<=>(const Address&, const Address&) = default;

 private:
  Address(std::string local, Domain domain) : local_(std::move(local)), domain_(std::move(domain)) {}
  std::string local_;
  Domain domain_;
};

}  // namespace sendconn

#pragma GCC visibility pop
