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

#pragma GCC visibility push(default)

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

/// Which header fields a signature covers. A name listed k times in h= covers the k lowest fields of that name (RFC
/// 6376 section 5.4.2), so fields that are added on top later, as lists and resenders do, break nothing unless their
/// name is oversigned. A list manager that adds a List-* field of a name that was signed *below* the signed one does
/// break it; RFC 8058 section 4 wants those fields signed all the same. Immutable, checked once and copied for the
/// price of a pointer. Thread-safe.
class SignedFields {
 public:
  /// The defaults: From, To, Cc, Subject, Date, Reply-To, Message-ID, In-Reply-To, References, MIME-Version,
  /// Content-Type and Content-Transfer-Encoding are oversigned; Sender, Resent-* and List-* signed where present.
  SignedFields();
  /// `oversigned`: signed once more than they occur, so that nobody can add another. `where_present`: signed as often
  /// as they occur; a name ending in '*' is a prefix. Case does not matter. Errc::invalid_argument for a name that
  /// cannot stand in h=, for Return-Path, Received and DKIM-Signature, and if From is in neither (RFC 6376
  /// section 5.4).
  static Result<SignedFields> create(std::vector<std::string> oversigned, std::vector<std::string> where_present);

  [[nodiscard]] const std::vector<std::string>& oversigned() const noexcept { return lists_->oversigned; }
  [[nodiscard]] const std::vector<std::string>& where_present() const noexcept { return lists_->where_present; }

 private:
  struct Lists {
    std::vector<std::string> oversigned;  // lower case, none twice
    std::vector<std::string> where_present;
  };
  explicit SignedFields(std::shared_ptr<const Lists> lists) : lists_(std::move(lists)) {}
  std::shared_ptr<const Lists> lists_;
};

struct SignerOptions {
  UnixTime now{};
  SignedFields fields;
  std::size_t max_signatures = 8;           ///< our own bound; a message carries one or two
  std::size_t max_header_octets = 262'144;  ///< as mail::HeaderLimits
};

/// Signs one message. Feed the message from its first octet (CRLF line ends, no dot-stuffing); memory stays bounded by
/// the header. A body without a final CRLF is signed as if it had one: SMTP adds it. Return-Path, Received and
/// DKIM-Signature are never signed. Thread-compatible; may move between threads between calls (a pool calls finish()).
class Signer {
 public:
  /// Errors: Errc::invalid_argument (no signature or too many, no key, identity outside the domain, a lifetime that is
  /// not positive, times above 12 digits, a key record's name above 253 octets).
  static Result<Signer> create(std::vector<Signature> signatures, SignerOptions options);
  Signer(Signer&&) noexcept;
  Signer& operator=(Signer&&) noexcept;
  ~Signer();

  /// The next piece of the message. Errc::limit_exceeded (header), Errc::syntax (the header section cannot be parsed);
  /// after an error the signer is useless.
  Result<void> update(std::string_view piece);
  /// The DKIM-Signature fields, in the order of the signatures, each folded to at most 78 columns (unless a single name
  /// in it is longer) and ending in CRLF: put them in front of the message. All public-key operations happen here, once
  /// for each signer. Errc::crypto; Errc::syntax for a header without From; Errc::wrong_state the second time.
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

#pragma GCC visibility pop
