// What the owner of a domain publishes so that others can verify (RFC 6376 section 3.6.1, RFC 8463 section 4.2):
// written for a key, and read.
#include <sendconn/dkim_key.hpp>

#include <algorithm>

#include "lib/base/ascii.hpp"
#include "lib/base/base64.hpp"
#include "lib/dkim/tag_list.hpp"

namespace sendconn::dkim {
namespace {

Error malformed(const Tag& tag, const std::string& required, std::size_t position) {
  return {Errc::syntax,
          std::string(tag.name) + "=" + ascii::quote(tag.value, 40) + ": " + required + " (RFC 6376 section 3.6.1)",
          position};
}

/// A colon-separated list of words; for s= also "*".
Result<std::vector<std::string>> read_words(const Tag& tag, bool star) {
  std::vector<std::string> words;
  for (const std::string_view word : split_colons(tag.value)) {
    if (!is_hyphenated_word(word) && !(star && word == "*"))
      return malformed(tag, "words with colons between them are required",
                       tag.position + static_cast<std::size_t>(word.data() - tag.value.data()));
    words.emplace_back(word);
  }
  return words;
}

bool holds(const std::vector<std::string>& words, std::string_view word) noexcept {
  return std::find(words.begin(), words.end(), word) != words.end();
}

Result<void> read_version(const TagList& tags) {
  const Tag* version = tags.find("v");
  if (version == nullptr) return {};
  if (version->value != "DKIM1") return malformed(*version, "DKIM1 is required", version->position);
  if (version != &tags.tags().front()) return malformed(*version, "it must be the first tag", version->name_position);
  return {};
}

}  // namespace

Result<KeyRecord> KeyRecord::parse(std::string_view text) {
  if (text.size() > max_key_record_octets)
    return Error{Errc::limit_exceeded,
                 "key record: " + std::to_string(text.size()) + " octets; at most " +
                     std::to_string(max_key_record_octets) + " fit a record",
                 max_key_record_octets};
  const Result<TagList> tags = TagList::parse(text);
  if (!tags) return tags.error();
  if (Result<void> version = read_version(*tags); !version) return std::move(version).error();

  KeyRecord record;
  if (const Tag* type = tags->find("k")) {
    if (!is_hyphenated_word(type->value)) return malformed(*type, "a word is required", type->position);
    record.type = type->value;
  }
  if (const Tag* hashes = tags->find("h")) {
    auto words = read_words(*hashes, false);
    if (!words) return std::move(words).error();
    record.hashes = std::move(words).value();
  }
  if (const Tag* services = tags->find("s")) {
    auto words = read_words(*services, true);
    if (!words) return std::move(words).error();
    record.services = std::move(words).value();
  }
  if (const Tag* flags = tags->find("t")) {
    auto words = read_words(*flags, false);
    if (!words) return std::move(words).error();
    record.flags = std::move(words).value();
  }
  // Nobody but a person reads the notes, so that a fault in them is no reason to refuse mail.
  if (const Tag* notes = tags->find("n")) {
    Result<std::string> decoded = decode_quoted_printable(notes->value);
    record.notes = decoded ? std::move(decoded).value() : std::string(notes->value);
  }
  const Tag* key = tags->find("p");
  if (key == nullptr)
    return Error{Errc::syntax, "the tag p= is missing; it holds the key (RFC 6376 section 3.6.1)", text.size()};
  Result<std::string> decoded = base64::decode_folded(key->value);
  if (!decoded) return malformed(*key, decoded.error().text, key->position + decoded.error().position);
  record.key = std::move(decoded).value();
  return record;
}

bool KeyRecord::testing() const noexcept { return holds(flags, "y"); }
bool KeyRecord::strict() const noexcept { return holds(flags, "s"); }
bool KeyRecord::allows_hash(std::string_view name) const noexcept { return !hashes || holds(*hashes, name); }
bool KeyRecord::serves_mail() const noexcept {
  return services.empty() || holds(services, "*") || holds(services, "email");
}

std::string format_key_record(const crypto::PrivateKey& key) {
  const bool is_rsa = key.type() == crypto::KeyType::rsa;
  return std::string("v=DKIM1; k=") + (is_rsa ? "rsa" : "ed25519") +
         "; h=sha256; p=" + base64::encode(key.public_octets());
}

std::string format_key_zone_line(const Domain& domain, const Selector& selector, const crypto::PrivateKey& key) {
  constexpr std::size_t max_string_octets = 255;  // RFC 1035 section 3.3
  const std::string record = format_key_record(key);
  std::string line = selector.text() + "._domainkey." + domain.text() + ". IN TXT";
  for (std::size_t at = 0; at < record.size(); at += max_string_octets)
    line += " \"" + record.substr(at, max_string_octets) + "\"";
  return line;
}

}  // namespace sendconn::dkim
