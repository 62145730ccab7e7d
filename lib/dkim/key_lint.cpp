// What is wrong with a key record, said to the person who published it: the form first, then what each tag means, then
// the key. A record that no verifier can read still gets a finding for each mistake that can be told.
#include <sendconn/dkim_key.hpp>

#include <algorithm>
#include <array>

#include "lib/base/ascii.hpp"
#include "lib/base/base64.hpp"
#include "lib/dkim/tag_list.hpp"

namespace sendconn::dkim {
namespace {

constexpr std::size_t max_string_octets = 255;  // RFC 1035 section 3.3
// 512 octets of RFC 1035 section 2.3.4, less the header, a name of 60 octets, and what surrounds two strings of text.
constexpr std::size_t max_udp_record_octets = 420;
constexpr unsigned weak_rsa_bits = 1024;  // RFC 8301 section 3.2, as the two below
constexpr unsigned good_rsa_bits = 2048;
constexpr unsigned usual_rsa_bits = 4096;

class Linter {
 public:
  explicit Linter(std::string_view text) noexcept : text_(text) {}
  std::vector<Finding> run();

 private:
  void add(Mistake mistake, Severity severity, std::size_t position, std::size_t length, std::string text) {
    findings_.push_back({mistake, severity, position, length, std::move(text)});
  }
  /// About the part of the text that `part` views.
  void add(Mistake mistake, Severity severity, std::string_view part, std::string text) {
    add(mistake, severity, static_cast<std::size_t>(part.data() - text_.data()), part.size(), std::move(text));
  }

  bool check_kind();
  bool check_form();
  void check_version();
  void check_known_tags();
  void check_hashes();
  void check_services();
  void check_flags();
  void check_key();
  void check_numbers(const Tag& tag, std::string_view type, const std::string& octets);
  void check_size();

  std::string_view text_;
  bool readable_ = false;  ///< a verifier would take it for a key record
  TagList tags_;
  std::vector<Finding> findings_;
};

std::vector<Finding> Linter::run() {
  // What verifiers read is a key record, whatever it looks like: "V=spf1" is a tag that nobody knows, since names of
  // tags are case-sensitive (RFC 6376 section 3.2).
  readable_ = KeyRecord::parse(text_).ok();
  if ((readable_ || check_kind()) && check_form()) {
    check_version();
    check_known_tags();
    check_hashes();
    check_services();
    check_flags();
    check_key();
    check_size();
  }
  std::stable_sort(findings_.begin(), findings_.end(),
                   [](const Finding& a, const Finding& b) { return a.position < b.position; });
  return std::move(findings_);
}

/// Other records that end up at the name of a key.
bool Linter::check_kind() {
  struct Kind {
    std::string_view start;
    const char* what;
  };
  static constexpr std::array<Kind, 4> others = {{{"v=spf1", "an SPF record; it belongs at the domain itself"},
                                                  {"v=DMARC1", "a DMARC record; it belongs at _dmarc"},
                                                  {"v=STSv1", "an MTA-STS record; it belongs at _mta-sts"},
                                                  {"v=TLSRPTv1", "a TLS report record; it belongs at _smtp._tls"}}};
  for (const Kind& kind : others)
    if (ascii::starts_with(text_, kind.start)) {
      add(Mistake::not_a_key_record, Severity::error, text_.substr(0, kind.start.size()),
          std::string("this is ") + kind.what);
      return false;
    }
  if (ascii::trim(text_).empty()) {
    add(Mistake::not_a_key_record, Severity::error, 0, 0, "the record is empty; v=DKIM1 and p= are required");
    return false;
  }
  if (text_.find('=') == std::string_view::npos) {
    const bool is_name = text_.find('.') != std::string_view::npos && text_.find(' ') == std::string_view::npos;
    add(Mistake::not_a_key_record, Severity::error, text_,
        is_name ? "a host name stands in the text; was this to be a CNAME record?"
                : "this is no tag list (RFC 6376 section 3.2)");
    return false;
  }
  return true;
}

bool Linter::check_form() {
  // Where a quotation mark does no harm it stands in a tag that nobody reads.
  if (const std::size_t at = text_.find_first_of("\"\\"); at != std::string_view::npos) {
    add(Mistake::quotes, readable_ ? Severity::warning : Severity::error, at, 1,
        std::string("a ") + (text_[at] == '"' ? "quotation mark" : "backslash") +
            " stands in the text; quoting belongs to zone files, not to the record's value");
    if (!readable_) return false;  // whatever else would be said follows from it
  }
  Result<TagList> tags = TagList::parse(text_);
  if (tags) {
    tags_ = std::move(tags).value();
    return true;
  }
  const bool twice = tags.error().text.find("twice") != std::string::npos;
  const std::size_t position = std::min(tags.error().position, text_.size());
  add(twice ? Mistake::duplicate_tag : Mistake::syntax, Severity::error, position, position < text_.size() ? 1 : 0,
      tags.error().text);
  return false;
}

void Linter::check_version() {
  const Tag* version = tags_.find("v");
  if (version == nullptr) {
    add(Mistake::no_version, Severity::note, 0, 0,
        "v=DKIM1 is left out; it tells the record from unrelated ones (RFC 6376 section 3.6.1)");
    return;
  }
  if (version->value != "DKIM1")
    add(Mistake::version, Severity::error, version->value,
        "v=" + ascii::quote(version->value, 40) + "; exactly DKIM1 is required (RFC 6376 section 3.6.1)");
  else if (version != &tags_.tags().front())
    add(Mistake::version, Severity::error, version->name, "v= must be the first tag (RFC 6376 section 3.6.1)");
}

void Linter::check_known_tags() {
  static constexpr std::array<std::string_view, 7> known = {"v", "h", "k", "n", "p", "s", "t"};
  for (const Tag& tag : tags_.tags()) {
    if (tag.name == "g")
      add(Mistake::obsolete_tag, Severity::note, tag.name, "g= was removed by RFC 6376 (appendix C); nobody heeds it");
    else if (std::find(known.begin(), known.end(), tag.name) == known.end())
      add(Mistake::unknown_tag, Severity::warning, tag.name,
          "the tag " + ascii::quote(tag.name, 40) + " is unknown and is passed over (RFC 6376 section 3.6.1)");
  }
}

void Linter::check_hashes() {
  const Tag* tag = tags_.find("h");
  if (tag == nullptr) return;
  bool sha256 = false;
  for (const std::string_view word : split_colons(tag->value)) {
    sha256 = sha256 || word == "sha256";
    if (word == "sha1")
      add(Mistake::sha1, Severity::note, word, "h= names sha1, which must not be used (RFC 8301 section 3.1)");
    else if (!is_hyphenated_word(word))
      add(Mistake::syntax, Severity::error, word.empty() ? tag->spaced : word,
          "h= needs words with colons between them (RFC 6376 section 3.6.1)");
    else if (word != "sha256")
      add(Mistake::unknown_hash, Severity::warning, word,
          "the hash " + ascii::quote(word, 40) + " is unknown; sha256 is the one in use");
  }
  if (!sha256)
    add(Mistake::no_sha256, Severity::error, tag->value.empty() ? tag->name : tag->value,
        "h= does not name sha256, the one hash that may be used (RFC 8301 section 3.1)");
}

void Linter::check_services() {
  const Tag* tag = tags_.find("s");
  if (tag == nullptr) return;
  bool for_mail = false;
  for (const std::string_view word : split_colons(tag->value)) {
    for_mail = for_mail || word == "*" || word == "email";
    if (word != "*" && !is_hyphenated_word(word))
      add(Mistake::syntax, Severity::error, word.empty() ? tag->spaced : word,
          "s= needs words with colons between them (RFC 6376 section 3.6.1)");
  }
  if (!for_mail)
    add(Mistake::not_for_mail, Severity::error, tag->value.empty() ? tag->name : tag->value,
        "s= has neither \"*\" nor \"email\", so no mail verifies with this key (RFC 6376 section 3.6.1)");
}

void Linter::check_flags() {
  const Tag* tag = tags_.find("t");
  if (tag == nullptr) return;
  for (const std::string_view word : split_colons(tag->value)) {
    if (word == "y")
      add(Mistake::testing, Severity::warning, word,
          "t=y says that the domain only tests: receivers treat its mail as unsigned (RFC 6376 section 3.6.1)");
    else if (!is_hyphenated_word(word))
      add(Mistake::syntax, Severity::error, word.empty() ? tag->spaced : word,
          "t= needs words with colons between them; leave it out for none (RFC 6376 section 3.6.1)");
    else if (word != "s")
      add(Mistake::unknown_flag, Severity::warning, word, "the flag " + ascii::quote(word, 40) + " is unknown");
  }
}

void Linter::check_key() {
  const Tag* type_tag = tags_.find("k");
  const std::string_view type = type_tag != nullptr ? type_tag->value : "rsa";
  if (type != "rsa" && type != "ed25519")
    add(Mistake::unknown_type, Severity::error, type.empty() ? type_tag->name : type,
        "k=" + ascii::quote(type, 40) + "; rsa or ed25519 is required (RFC 6376 section 3.6.1, RFC 8463 section 4)");
  const Tag* tag = tags_.find("p");
  if (tag == nullptr) {
    add(Mistake::no_key, Severity::error, text_.size(), 0, "p= is missing; it holds the key (RFC 6376 section 3.6.1)");
    return;
  }
  if (tag->value.empty()) {
    add(Mistake::revoked, Severity::error, tag->name, "p= is empty: the key is revoked (RFC 6376 section 3.6.1)");
    return;
  }
  const Result<std::string> octets = base64::decode_folded(tag->value);
  const bool ends_at_string =
      text_.size() == max_string_octets && tag->value.data() + tag->value.size() == text_.data() + text_.size();
  const bool usable =
      octets && (type == "rsa" || type == "ed25519") &&
      crypto::PublicKey::from_octets(type == "rsa" ? crypto::KeyType::rsa : crypto::KeyType::ed25519, *octets).ok();
  if (ends_at_string && !usable) {
    add(Mistake::cut_off, Severity::error, text_.substr(text_.size() - 1),
        "the record ends inside the key, at 255 octets: a longer one goes into several strings (RFC 1035 section 3.3)");
    return;
  }
  if (!octets) {
    const std::size_t at = std::min(octets.error().position, tag->value.size());
    add(Mistake::bad_base64, Severity::error, tag->position + at, at < tag->value.size() ? 1 : 0,
        "p=: " + octets.error().text);
    return;
  }
  check_numbers(*tag, type, *octets);
}

void Linter::check_numbers(const Tag& tag, std::string_view type, const std::string& octets) {
  if (type != "rsa" && type != "ed25519") return;
  const bool is_rsa = type == "rsa";
  const Result<crypto::PublicKey> key =
      crypto::PublicKey::from_octets(is_rsa ? crypto::KeyType::rsa : crypto::KeyType::ed25519, octets);
  if (!key) {
    const crypto::KeyType other = is_rsa ? crypto::KeyType::ed25519 : crypto::KeyType::rsa;
    const bool fits_other = crypto::PublicKey::from_octets(other, octets).ok();
    add(Mistake::bad_key, Severity::error, tag.value,
        "p=: " + key.error().text +
            (fits_other ? std::string("; it is a key for k=") + (is_rsa ? "ed25519" : "rsa") : ""));
    return;
  }
  if (!is_rsa) return;
  const std::string size = "an RSA key of " + std::to_string(key->bits()) + " bits; ";
  if (key->bits() < weak_rsa_bits)
    add(Mistake::key_below_1024_bits, Severity::error, tag.value,
        size + "verifiers accept none below 1024 (RFC 8301 section 3.2)");
  else if (key->bits() < good_rsa_bits)
    add(Mistake::key_below_2048_bits, Severity::warning, tag.value,
        size + "signers should use 2048 or more (RFC 8301 section 3.2)");
  else if (key->bits() > usual_rsa_bits)
    add(Mistake::key_above_4096_bits, Severity::warning, tag.value,
        size + "verifiers need not handle more than 4096 (RFC 8301 section 3.2)");
}

void Linter::check_size() {
  if (text_.size() > max_key_record_octets)
    add(Mistake::too_long, Severity::error, max_key_record_octets, text_.size() - max_key_record_octets,
        std::to_string(text_.size()) + " octets; no record holds more than " + std::to_string(max_key_record_octets));
  else if (text_.size() > max_udp_record_octets &&
           std::none_of(findings_.begin(), findings_.end(),
                        [](const Finding& finding) { return finding.severity == Severity::error; }))
    add(Mistake::too_long, Severity::note, max_udp_record_octets, text_.size() - max_udp_record_octets,
        std::to_string(text_.size()) +
            " octets; a resolver without EDNS has to ask again over TCP (RFC 1035 section 4.2.1)");
}

}  // namespace

std::vector<Finding> lint_key_record(std::string_view text) { return Linter(text).run(); }

std::string_view format(Severity severity) {
  switch (severity) {
    case Severity::note:
      return "note";
    case Severity::warning:
      return "warning";
    case Severity::error:
      return "error";
  }
  return "error";
}

std::string_view format(Mistake mistake) {
  switch (mistake) {
    case Mistake::not_a_key_record:
      return "not-a-key-record";
    case Mistake::syntax:
      return "syntax";
    case Mistake::version:
      return "version";
    case Mistake::no_version:
      return "no-version";
    case Mistake::duplicate_tag:
      return "duplicate-tag";
    case Mistake::unknown_tag:
      return "unknown-tag";
    case Mistake::obsolete_tag:
      return "obsolete-tag";
    case Mistake::no_key:
      return "no-key";
    case Mistake::revoked:
      return "revoked";
    case Mistake::bad_base64:
      return "bad-base64";
    case Mistake::bad_key:
      return "bad-key";
    case Mistake::cut_off:
      return "cut-off";
    case Mistake::quotes:
      return "quotes";
    case Mistake::unknown_type:
      return "unknown-type";
    case Mistake::key_below_1024_bits:
      return "key-below-1024-bits";
    case Mistake::key_below_2048_bits:
      return "key-below-2048-bits";
    case Mistake::key_above_4096_bits:
      return "key-above-4096-bits";
    case Mistake::no_sha256:
      return "no-sha256";
    case Mistake::sha1:
      return "sha1";
    case Mistake::unknown_hash:
      return "unknown-hash";
    case Mistake::not_for_mail:
      return "not-for-mail";
    case Mistake::testing:
      return "testing";
    case Mistake::unknown_flag:
      return "unknown-flag";
    case Mistake::too_long:
      return "too-long";
  }
  return "syntax";
}

}  // namespace sendconn::dkim
