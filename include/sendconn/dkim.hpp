// DKIM signing (RFC 6376, RFC 8301, RFC 8463): one pass over the message in pieces of any size, any number of
// signatures.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sendconn/address.hpp>
#include <sendconn/crypto.hpp>
#include <sendconn/result.hpp>
#include <sendconn/time.hpp>

namespace sendconn::dkim {

enum class Canonicalization : std::uint8_t { simple, relaxed };

/// A selector: one or more DNS labels (RFC 6376 section 3.1). Always valid, lower case.
class Selector {
 public:
  static Result<Selector> parse(std::string_view text);
  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  friend auto operator<=>(const Selector&, const Selector&) = default;

 private:
  explicit Selector(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

/// How one signature is made. Defaults are what a sender should use today.
struct SignatureOptions {
  Canonicalization header = Canonicalization::relaxed;
  Canonicalization body = Canonicalization::relaxed;
  std::string identity;   ///< i=: empty leaves it out; else "local@d" or "@sub.d" within the domain
  bool timestamp = true;  ///< t= from SignerOptions::now
  std::optional<std::chrono::seconds> expires_in;  ///< x= so long after now; must be positive
  bool copy_fields = false;                        ///< z=: for debugging only; it doubles the header
  /// l=: signs only the first octets of the body, so that anyone can append. Only for those who insist (RFC 6376
  /// section 8.2).
  std::optional<std::uint64_t> force_body_length;
};

/// What to sign with. Keys are decoded once and shared between threads.
struct Signature {
  Domain domain;      ///< d=
  Selector selector;  ///< s=
  std::shared_ptr<const crypto::PrivateKey> key;
  SignatureOptions options;
};

struct SignerOptions {
  UnixTime now{};
  /// Signed once more than they occur, so that nobody can add another (RFC 6376 section 5.4.2). Lower case.
  std::vector<std::string> oversigned = default_oversigned();
  /// Signed as often as they occur. A name ending in '*' is a prefix.
  std::vector<std::string> signed_where_present = default_signed_where_present();
  std::size_t max_signatures = 8;           ///< our own bound; a message carries one or two
  std::size_t max_header_octets = 262'144;  ///< as mail::HeaderLimits
  static const std::vector<std::string>& default_oversigned();
  static const std::vector<std::string>& default_signed_where_present();
};

/// Signs one message. Feed the message from its first octet (CRLF line ends, no dot-stuffing); memory stays bounded by
/// the header. Return-Path, Received and DKIM-Signature are never signed. Thread-compatible; may move between threads
/// between calls (a pool calls finish()).
class Signer {
 public:
  /// Errors: Errc::invalid_argument (no signature, too many, a key below 1024 bits, identity outside the domain, l=
  /// with nothing forced …).
  static Result<Signer> create(std::vector<Signature> signatures, SignerOptions options);
  Signer(Signer&&) noexcept;
  Signer& operator=(Signer&&) noexcept;
  ~Signer();

  /// The next piece of the message. Errc::limit_exceeded (header), Errc::syntax (the header section cannot be parsed);
  /// after an error the signer is useless.
  Result<void> update(std::string_view piece);
  /// The DKIM-Signature fields, in the order of the signatures, each folded to at most 78 columns and ending in CRLF:
  /// put them in front of the message. All public-key operations happen here. Errc::crypto; Errc::syntax for a header
  /// without From.
  Result<std::string> finish();

 private:
  struct Impl;
  explicit Signer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// The text of the TXT record at <selector>._domainkey.<domain>: "v=DKIM1; k=rsa; h=sha256; p=…" (RFC 6376
/// section 3.6.1).
std::string format_key_record(const crypto::PrivateKey& key);
/// The record in zone-file form, its text in strings of at most 255 octets each quoted (RFC 1035 section 3.3.14).
std::string format_key_zone_line(const Domain& domain, const Selector& selector, const crypto::PrivateKey& key);

}  // namespace sendconn::dkim
