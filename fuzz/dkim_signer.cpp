// DKIM: a signature does not depend on the pieces, fits its columns, and verifies with the tests' own verifier,
// whatever the message is. The first octet of the input says where to cut, the second which forms and tags are used.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <sendconn/dkim.hpp>

#include "fuzz/check.hpp"
#include "tests/dkim/reference.hpp"

using namespace sendconn;

namespace {

const std::shared_ptr<const crypto::PrivateKey>& key() {
  static const auto made =
      std::make_shared<const crypto::PrivateKey>(crypto::PrivateKey::generate(crypto::KeyType::ed25519).value());
  return made;
}

dkim::Signature make_signature(unsigned choice) {
  using enum dkim::Canonicalization;
  dkim::Signature signature{Domain::parse("example.com").value(), dkim::Selector::parse("s").value(), key(), {}};
  signature.options.header = (choice & 1U) != 0 ? simple : relaxed;
  signature.options.body = (choice & 2U) != 0 ? simple : relaxed;
  signature.options.copy_fields = (choice & 4U) != 0;
  if ((choice & 8U) != 0) signature.options.force_body_length = choice >> 4U;
  return signature;
}

/// In pieces of `step` octets; 0: at once. Empty if the message is refused.
std::string sign(std::string_view text, std::size_t step, unsigned choice) {
  dkim::SignerOptions options;
  options.max_header_octets = 8'192;
  auto signer = dkim::Signer::create({make_signature(choice), make_signature(choice ^ 3U)}, options);
  fuzz::check(signer.ok(), "the options are good");
  while (!text.empty()) {
    const std::string_view piece = text.substr(0, step == 0 ? text.size() : step);
    text.remove_prefix(piece.size());
    if (!signer->update(piece)) return {};
  }
  const auto fields = signer->finish();
  return fields ? *fields : std::string();
}

/// A name that does not fit a line is the one thing that may make a line too long.
bool may_have_long_name(std::string_view message) {
  constexpr std::size_t fits = 60;
  for (std::size_t start = 0; start < message.size();) {
    const std::size_t end = std::min(message.find('\n', start), message.size() - 1) + 1;
    const std::size_t colon = message.substr(start, end - start).find(':');
    if (colon != std::string_view::npos && colon > fits) return true;
    start = end;
  }
  return false;
}

void check_lines(std::string_view fields, std::string_view message) {
  const bool has_long_name = may_have_long_name(message);
  while (!fields.empty()) {
    const std::size_t end = fields.find("\r\n");
    fuzz::check(end != std::string_view::npos, "each line ends in CRLF");
    fuzz::check(end <= 78 || has_long_name, "no line is longer than 78 columns");
    fuzz::check(end > 1, "no line is empty");
    for (const char c : fields.substr(0, end)) fuzz::check(c >= 0x20 && c < 0x7f, "the field is printable ASCII");
    fields.remove_prefix(end + 2);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::string whole = sign(text, 0, data[1]);
  fuzz::check(sign(text, 1, data[1]) == whole, "octet by octet gives the same signatures");
  fuzz::check(sign(text, data[0], data[1]) == whole, "any pieces give the same signatures");
  if (!whole.empty()) {
    check_lines(whole, text);
    const auto verdicts = dkim::reference::verify(whole + std::string(text),
                                                  {{"s._domainkey.example.com", dkim::format_key_record(*key())}});
    fuzz::check(verdicts.size() >= 2 && verdicts[0].pass() && verdicts[1].pass(), "both signatures verify");
  }
  if (const auto selector = dkim::Selector::parse(text))
    fuzz::check(dkim::Selector::parse(selector->text()) && selector->text().size() == text.size(),
                "a selector can be read again");
  return 0;
}
