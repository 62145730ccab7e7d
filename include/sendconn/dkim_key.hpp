// DKIM key records: what a domain publishes at <selector>._domainkey.<domain> (RFC 6376 section 3.6.1, RFC 8463), read
// as a verifier does, checked as a careful person would, and compared with the key that signs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sendconn/crypto.hpp>
#include <sendconn/dkim.hpp>
#include <sendconn/result.hpp>

#pragma GCC visibility push(default)

namespace sendconn::dkim {

/// The data of one TXT record cannot be longer (RFC 1035 section 3.2.1).
constexpr std::size_t max_key_record_octets = 65'535;

/// One record, its defaults filled in. What a tag's value means for a certain signature is the verifier's to decide.
struct KeyRecord {
  std::string type = "rsa";                        ///< k=
  std::optional<std::vector<std::string>> hashes;  ///< h=; nothing: all
  std::vector<std::string> services;               ///< s=; empty: the default "*"
  std::vector<std::string> flags;                  ///< t=
  std::string notes;                               ///< n=, decoded: a stranger's octets
  std::string key;                                 ///< p=, decoded; empty: revoked

  /// The text of the record, its strings joined. Unknown tags are passed over. Errc::syntax with the position: no tag
  /// list, a tag twice, v= that is not DKIM1 or not first, no p=, a value that is not in its tag's form;
  /// Errc::limit_exceeded above max_key_record_octets. Whether the key in it is one, PublicKey::from_octets says.
  static Result<KeyRecord> parse(std::string_view text);

  [[nodiscard]] bool revoked() const noexcept { return key.empty(); }
  [[nodiscard]] bool testing() const noexcept;  ///< t=y: to be treated as unsigned mail is, whatever comes out
  [[nodiscard]] bool strict() const noexcept;   ///< t=s: i= must have the domain of d= itself
  [[nodiscard]] bool allows_hash(std::string_view name) const noexcept;
  [[nodiscard]] bool serves_mail() const noexcept;  ///< s= has "*" or "email"

  friend bool operator==(const KeyRecord&, const KeyRecord&) = default;
};

/// A record as it was published, parsed, and the key in it, decoded when it is first asked for. Immutable otherwise,
/// and thread-safe.
class PublishedKey {
 public:
  explicit PublishedKey(std::string_view text);

  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  [[nodiscard]] const Result<KeyRecord>& record() const noexcept { return record_; }
  /// What crypto::PublicKey::from_octets() makes of p= by k=; Errc::unsupported if k= is none of its types; the error
  /// of record() if there is no record.
  [[nodiscard]] const Result<crypto::PublicKey>& key() const;

 private:
  std::string text_;
  Result<KeyRecord> record_;
  mutable std::once_flag decoded_;
  mutable std::optional<Result<crypto::PublicKey>> key_;
};

/// Published keys by their text: decoding an RSA key takes nearly as long as verifying a signature with it. Whether a
/// record still stands in the DNS is not known here, so ask for it as if there were no cache. Bounded: what was not
/// asked for longest goes first. Thread-safe.
class KeyCache {
 public:
  static constexpr std::size_t default_keys = 4096;     // up to 30 MB with RSA-2048; our own bound
  static constexpr std::size_t max_kept_octets = 2048;  // RSA-8192 has 1,450; longer ones are parsed each time

  explicit KeyCache(std::size_t max_keys = default_keys);
  ~KeyCache();
  KeyCache(const KeyCache&) = delete;
  KeyCache& operator=(const KeyCache&) = delete;

  /// Never null.
  std::shared_ptr<const PublishedKey> parse(std::string_view text);
  [[nodiscard]] std::size_t size() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// ---------------------------------------------------------------- lint

/// How bad a finding is.
enum class Severity : std::uint8_t {
  note,     ///< nothing breaks
  warning,  ///< some verifiers will object, or the owner means something else
  error,    ///< no signature verifies with this record
};
std::string_view format(Severity severity);

enum class Mistake : std::uint8_t {
  not_a_key_record,     ///< another kind of record (SPF, DMARC, a host name), or no tag list
  syntax,               ///< the tag list or a value is malformed
  version,              ///< v= is not DKIM1, or not first
  no_version,           ///< v= is left out; allowed, but unrelated records cannot be told apart
  duplicate_tag,        ///< makes the whole record void
  unknown_tag,          ///< ignored by everyone
  obsolete_tag,         ///< g= of RFC 4871
  no_key,               ///< p= is missing
  revoked,              ///< p= is empty
  bad_base64,           ///< p= is not base64; often cut off or pasted with quotes
  bad_key,              ///< p= holds no key of type k=
  cut_off,              ///< the text ends at 255 octets inside p=: a string's limit (RFC 1035 section 3.3)
  quotes,               ///< quotation marks or backslashes of a zone file pasted into the value
  unknown_type,         ///< k=
  key_below_1024_bits,  ///< verifiers must not accept it (RFC 8301 section 3.2)
  key_below_2048_bits,  ///< signers should use more (RFC 8301 section 3.2)
  key_above_4096_bits,  ///< verifiers need not handle it (RFC 8301 section 3.2)
  no_sha256,            ///< h= leaves out the one hash that may be used (RFC 8301 section 3.1)
  sha1,                 ///< h= names one that may not
  unknown_hash,
  not_for_mail,  ///< s= has neither "*" nor "email"
  testing,       ///< t=y
  unknown_flag,
  too_long,  ///< longer than fits 512 octets of a DNS message over UDP, with the name and the header
};
std::string_view format(Mistake mistake);  ///< "key-below-2048-bits"

/// One finding: what, where in the text, and a sentence that says what to do.
struct Finding {
  Mistake mistake = Mistake::syntax;
  Severity severity = Severity::error;
  std::size_t position = 0;  ///< offset in octets of the offending part
  std::size_t length = 0;    ///< of the offending part; 0 where something is missing
  std::string text;
  friend bool operator==(const Finding&, const Finding&) = default;
};

/// What is wrong with the text of a record, by position. Empty for a record that needs nothing.
std::vector<Finding> lint_key_record(std::string_view text);

// ---------------------------------------------------------------- key and record

/// How a private key and a published record fit together.
enum class KeyMatch : std::uint8_t {
  matches,
  malformed,   ///< the record cannot be read
  revoked,     ///< p= is empty
  other_type,  ///< k= is not the key's type
  other_key,   ///< a key, but another one
  unusable,    ///< the right key, but the record forbids sha256 or mail
};
std::string_view format(KeyMatch match);

struct KeyComparison {
  KeyMatch match = KeyMatch::matches;
  std::string explanation;  ///< one sentence
};
/// Would a signature made by `key` verify with this record?
KeyComparison compare_key(const crypto::PrivateKey& key, std::string_view record);

}  // namespace sendconn::dkim

#pragma GCC visibility pop
