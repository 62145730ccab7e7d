// DKIM verification (RFC 6376, with RFC 8301, RFC 8463 and RFC 8616): one pass over the message in pieces of any size,
// all its signatures at once, and the keys asked for as DNS questions that somebody else carries to the network.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sendconn/crypto.hpp>
#include <sendconn/dkim.hpp>
#include <sendconn/dkim_key.hpp>
#include <sendconn/dns.hpp>
#include <sendconn/message.hpp>
#include <sendconn/result.hpp>
#include <sendconn/time.hpp>

#pragma GCC visibility push(default)

namespace sendconn::dkim {

/// What Authentication-Results says of one signature (RFC 8601 section 2.7.1). A message without signatures, "none"
/// there, has no results here.
enum class Verdict : std::uint8_t {
  pass,
  fail,       ///< the message or the signature was changed
  policy,     ///< refused by an option of VerifyPolicy
  neutral,    ///< the field cannot be processed: its form, its version, an algorithm unknown here
  temperror,  ///< the DNS did not say; a later attempt may end otherwise
  permerror,  ///< there is no key for it
};
std::string_view format(Verdict verdict);  ///< "pass"

/// Why. In the order in which a signature is looked at: its field, the policy, the key, the message.
enum class Reason : std::uint8_t {
  verified,

  // The field (RFC 6376 section 6.1.1).
  syntax,                        ///< no tag list, a tag twice, or a value that is not in its tag's form
  version,                       ///< v= is not 1
  missing_tag,                   ///< one of v, a, b, bh, d, h, s
  unknown_algorithm,             ///< a=
  unknown_canonicalization,      ///< c=
  unknown_query,                 ///< q= without dns/txt
  identity_outside_domain,       ///< i= is not within d=
  from_not_signed,               ///< h= has no From
  expires_before_it_was_signed,  ///< x= is not above t=

  // The policy. Each names the option that decides it.
  too_many_signatures,  ///< VerifyPolicy::max_signatures
  sha1_refused,         ///< allow_sha1
  expired,              ///< refuse_expired
  from_future,          ///< refuse_future
  length_refused,       ///< body_length
  unsigned_content,     ///< body_length
  unsigned_from,        ///< refuse_unsigned_from
  key_too_short,        ///< min_rsa_bits
  key_too_long,         ///< max_rsa_bits

  // The key (RFC 6376 section 6.1.2).
  key_unavailable,      ///< the DNS failed
  no_key,               ///< no such name, or no TXT record there
  key_syntax,           ///< none of the records is a key record
  key_revoked,          ///< p= is empty
  key_type_differs,     ///< k= is not what a= needs
  key_forbids_hash,     ///< h= of the record
  key_not_for_mail,     ///< s= of the record
  key_forbids_subname,  ///< t=s, and i= is below d=
  key_unusable,         ///< p= holds no key that can be used

  // The message (RFC 6376 section 6.1.3).
  length_beyond_body,  ///< l= is more than the body has
  body_differs,        ///< bh= is not the hash of this body
  signature_differs,   ///< b= was not made over these fields by this key
};
std::string_view format(Reason reason);      ///< a few words: "body hash did not verify"
Verdict verdict_of(Reason reason) noexcept;  ///< each reason has one
std::string_view option_of(Reason reason);   ///< the member of VerifyPolicy that decided it; empty for the others

/// What l= may leave open (RFC 6376 section 8.2).
enum class BodyLength : std::uint8_t {
  accept,                   ///< and tell by SignatureResult::unsigned_octets
  refuse_unsigned_content,  ///< refuse where the body goes on behind l=
  refuse,                   ///< refuse any l=
};

/// What is accepted. The defaults are the RFCs' own.
struct VerifyPolicy {
  bool allow_sha1 = false;       ///< RFC 8301 section 3.1: MUST NOT
  unsigned min_rsa_bits = 1024;  ///< RFC 8301 section 3.2: MUST NOT be less
  unsigned max_rsa_bits = 4096;  ///< RFC 8301 section 3.2: more is a MAY; crypto::PublicKey::max_rsa_bits at most
  /// How many signatures are worth a question and a calculation; those whose field is malformed do not count. Our own
  /// bound: who relays adds one or two.
  std::size_t max_signatures = 10;
  BodyLength body_length = BodyLength::accept;
  bool refuse_expired = true;            ///< RFC 6376 section 3.5, x=: MAY
  bool refuse_future = false;            ///< RFC 6376 section 3.5, t=: MAY
  std::chrono::seconds clock_skew{300};  ///< for both: how far the signer's clock may be off
  bool require_from = true;              ///< RFC 6376 section 6.1.1: MUST be in h=
  bool refuse_unsigned_from = false;     ///< a From that h= does not cover was added (RFC 6376 section 8.15)
  /// Signatures of the drafts before RFC 4871: v= missing or 0.5, q=dns.
  bool allow_drafts = false;

  /// For mail from before 2018: SHA-1, RSA keys from 384 bits, drafts.
  static VerifyPolicy legacy();
};

struct VerifyOptions {
  UnixTime now{};  ///< when the message was received
  VerifyPolicy policy;
  mail::HeaderLimits header;
  /// Of the records at one name, so many key records are tried (RFC 6376 section 6.1.2, step 4). Our own bound.
  std::size_t max_key_records = 4;
  std::shared_ptr<KeyCache> keys;  ///< decoded keys, shared by any number of verifiers; null: none
};

/// One DKIM-Signature field, in the order they stand in the header. What the field says is there as far as it could be
/// read, whatever the verdict. It is a stranger's text.
struct SignatureResult {
  Verdict verdict = Verdict::neutral;
  Reason reason = Reason::syntax;
  std::string explanation;  ///< one line of printable ASCII: the fact, what is required, the section; empty for a pass

  std::string domain;     ///< d=, lower case, A-labels; empty if it could not be read
  std::string selector;   ///< s=, lower case, A-labels
  std::string identity;   ///< i=, decoded, its domain lower case and in A-labels; "@" and d= if the tag is not there
  std::string algorithm;  ///< a=
  std::string signature;  ///< b=, base64 without white space: RFC 6008 tells signatures apart by its first octets
  Canonicalization header = Canonicalization::simple;
  Canonicalization body = Canonicalization::simple;
  std::optional<UnixTime> signed_at;         ///< t=
  std::optional<UnixTime> expires_at;        ///< x=; nothing also above 12 digits, which RFC 6376 takes for "never"
  std::optional<std::uint64_t> body_length;  ///< l=
  std::uint64_t unsigned_octets = 0;         ///< of the canonical body, behind l=
  bool unsigned_from = false;                ///< the header has a From field that h= does not cover

  unsigned key_bits = 0;           ///< of the key that decided it; 0 if there was none
  bool testing = false;            ///< t=y in its record
  bool strict = false;             ///< t=s in its record
  bool key_authenticated = false;  ///< the record came with the AD bit (DNSSEC)
};

/// Verifies one message. Feed it from its first octet (CRLF line ends, no dot-stuffing) and end it with finish(). As
/// soon as the header is complete, questions() has the names of the keys, at most one question for each name; their
/// answers may come at any time and in any order, before or after the end of the message. The results depend on none of
/// this.
///
/// Memory: the header, and a small buffer for each way the body is hashed. The body is hashed once for each distinct
/// canonicalization, hash and l=, whatever the number of signatures. Public-key operations happen once the message and
/// the key are both there, in finish() or in answer(): at most max_signatures times max_key_records.
///
/// Where header and body meet, an empty line must stand. A body without a final CRLF is taken as if it had one.
/// Thread-compatible; may move between threads between calls.
class Verifier {
 public:
  explicit Verifier(const VerifyOptions& options);
  Verifier(Verifier&&) noexcept;
  Verifier& operator=(Verifier&&) noexcept;
  ~Verifier();

  /// The next piece of the message. Errc::limit_exceeded (header), Errc::syntax (the header section cannot be parsed,
  /// so that no reader would agree on what was signed); after an error the verifier is useless.
  Result<void> update(std::string_view piece);
  /// The message ends here. Errors as update(); Errc::wrong_state the second time.
  Result<void> finish();

  /// The questions not yet handed out.
  std::vector<dns::Question> questions();
  /// Unknown questions and second answers are ignored.
  void answer(const dns::Question& question, const dns::Answer& answer);

  /// The message has ended, and every question that a result needs is answered.
  [[nodiscard]] bool done() const noexcept;
  /// Once done(); one for each DKIM-Signature field, from the top.
  [[nodiscard]] const std::vector<SignatureResult>& results() const noexcept;
  std::vector<SignatureResult> take_results() noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sendconn::dkim

#pragma GCC visibility pop
