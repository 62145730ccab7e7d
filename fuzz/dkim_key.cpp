// Key records: the parser and the linter agree on what is broken, findings lie within the text, and a key that is taken
// has a size within its bounds.
#include <cstdint>
#include <string>
#include <string_view>

#include <sendconn/dkim_key.hpp>

#include "fuzz/check.hpp"
#include "lib/base/ascii.hpp"

using namespace sendconn;

namespace {

void check_line(std::string_view text) {
  fuzz::check(!text.empty(), "a finding has a text");
  for (const char c : text) fuzz::check(ascii::is_vchar(c) || c == ' ', "a text is one printable line");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  bool broken = false;
  std::size_t last = 0;
  for (const dkim::Finding& finding : dkim::lint_key_record(text)) {
    check_line(finding.text);
    fuzz::check(finding.position >= last && finding.position + finding.length <= text.size(), "findings lie in order");
    fuzz::check(!format(finding.mistake).empty(), "a mistake has a name");
    last = finding.position;
    broken = broken || finding.severity == dkim::Severity::error;
  }
  const auto record = dkim::KeyRecord::parse(text);
  if (!record) {
    check_line(record.error().text);
    fuzz::check(record.error().position <= text.size(), "a fault lies in the text");
    fuzz::check(broken, "what cannot be parsed is an error to the linter");
    return 0;
  }
  if (record->revoked()) fuzz::check(broken, "a revoked key is an error to the linter");
  bool usable = false;
  for (const auto type : {crypto::KeyType::rsa, crypto::KeyType::ed25519}) {
    const auto key = crypto::PublicKey::from_octets(type, record->key);
    if (!key) continue;
    fuzz::check(key->bits() <= crypto::PublicKey::max_rsa_bits, "a key has its bounds");
    const bool fits = record->type == (type == crypto::KeyType::rsa ? "rsa" : "ed25519");
    usable = usable || (fits && (type == crypto::KeyType::ed25519 || key->bits() >= 1024));
  }
  fuzz::check(broken == !(usable && record->serves_mail() && record->allows_hash("sha256")),
              "an error to the linter is what no signature verifies with");
  return 0;
}
