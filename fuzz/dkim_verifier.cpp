// DKIM verification: what comes out does not depend on the pieces nor on when answers come, nothing that cannot be
// shown gets into an explanation, and a signature passes only if the tests' own verifier agrees.
//
// The first octet of the input says where to cut, the second which policy is used and how the DNS fails or lies. The
// rest is a message; if it has no signature, one is made for it, so that the way to "pass" is open too.
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <sendconn/dkim_key.hpp>
#include <sendconn/dkim_verify.hpp>

#include "fuzz/check.hpp"
#include "lib/base/ascii.hpp"
#include "tests/dkim/drive.hpp"
#include "tests/dkim/reference.hpp"

using namespace sendconn;

namespace {

constexpr std::int64_t now = 1'790'000'000;
constexpr const char* key_name = "s._domainkey.example.com";

/// The same in every run, so that a corpus may hold signatures by it.
const crypto::PrivateKey& key() {
  static const auto read = crypto::PrivateKey::from_pem(
                               "-----BEGIN PRIVATE KEY-----\n"
                               "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
                               "-----END PRIVATE KEY-----\n")
                               .value();  // RFC 8463 appendix A.2
  return read;
}

/// The first line of the message may stand among the key records.
constexpr unsigned records_lie = 3;

dkim::FakeDns make_dns(unsigned choice, std::string_view message) {
  dkim::FakeName name;
  switch (choice % 4) {
    case 1:
      name.status = dns::Status::timeout;
      break;
    case 2:
      name.records = {"v=spf1 -all", "v=DKIM1; k=ed25519; p=", dkim::format_key_record(key())};
      break;
    case records_lie:
      name.records = {std::string(message.substr(0, message.find('\r'))), dkim::format_key_record(key())};
      break;
    default:
      name.records = {dkim::format_key_record(key())};
  }
  return {{key_name, name}};
}

dkim::VerifyOptions make_options(unsigned choice) {
  dkim::VerifyOptions options;
  options.now = UnixTime(std::chrono::seconds(now));
  if ((choice & 4U) != 0) options.policy = dkim::VerifyPolicy::legacy();
  options.policy.body_length = static_cast<dkim::BodyLength>(choice >> 3U & 1U);
  options.policy.refuse_unsigned_from = (choice & 16U) != 0;
  options.policy.max_signatures = 1 + (choice >> 5U);
  options.header.max_octets = 8'192;
  return options;
}

std::string sign(std::string_view text, unsigned choice) {
  dkim::Signature signature{Domain::parse("example.com").value(),
                            dkim::Selector::parse("s").value(),
                            std::make_shared<const crypto::PrivateKey>(key()),
                            {}};
  using enum dkim::Canonicalization;
  signature.options.header = (choice & 1U) != 0 ? simple : relaxed;
  signature.options.body = (choice & 2U) != 0 ? simple : relaxed;
  auto signer = dkim::Signer::create({std::move(signature)}, {});
  fuzz::check(signer.ok(), "the options are good");
  if (!signer->update(text)) return {};
  const auto fields = signer->finish();
  return fields ? *fields + std::string(text) : std::string();
}

void check_results(const std::vector<dkim::SignatureResult>& results, std::string_view message) {
  bool passes = false;
  for (const dkim::SignatureResult& result : results) {
    fuzz::check(result.verdict == dkim::verdict_of(result.reason), "a reason has one verdict");
    for (const char c : result.explanation)
      fuzz::check(ascii::is_vchar(c) || c == ' ', "an explanation is one printable line");
    fuzz::check(result.explanation.empty() == (result.verdict == dkim::Verdict::pass), "all but a pass is explained");
    passes = passes || result.verdict == dkim::Verdict::pass;
    if (result.verdict == dkim::Verdict::pass) fuzz::check(result.domain == "example.com", "only this key is there");
  }
  if (!passes) return;
  // The reference does not know what may stand around a tag's name in a strange signature; it judges plain ones.
  const auto verdicts = dkim::reference::verify(message, {{key_name, dkim::format_key_record(key())}});
  for (std::size_t i = 0; i < results.size() && i < verdicts.size(); ++i) {
    const auto& tags = verdicts[i].tags;
    const auto form = tags.find("c");
    if (results[i].verdict != dkim::Verdict::pass || form == tags.end()) continue;
    if (form->second.find('/') == std::string::npos || tags.find("s")->second != "s") continue;
    if (tags.find("d")->second != "example.com") continue;
    fuzz::check(verdicts[i].pass(), "the reference accepts what passes");
  }
}

std::string run(std::string_view message, std::size_t step, dkim::AnswerTime when, unsigned choice) {
  const dkim::FakeDns dns = make_dns(choice, message);
  std::vector<std::string_view> pieces;
  while (!message.empty()) {
    pieces.push_back(message.substr(0, step == 0 ? message.size() : step));
    message.remove_prefix(pieces.back().size());
  }
  const auto driven = dkim::drive(pieces, dns, make_options(choice), when);
  return driven ? dkim::describe(driven->results) : "error " + std::to_string(static_cast<int>(driven.error().code));
}

/// Amid answers that nobody asked for, and second ones, both before the end of the message and behind it; with a cache
/// of keys that has those of other messages.
std::string run_amid_lies(std::string_view message, unsigned choice) {
  const dkim::FakeDns dns = make_dns(choice, message);
  dns::Answer lie;
  lie.records.push_back({{}, 0, "v=DKIM1; k=ed25519; p="});
  static const auto cache = std::make_shared<dkim::KeyCache>(4);
  dkim::VerifyOptions options = make_options(choice);
  options.keys = cache;
  dkim::Verifier verifier(options);
  if (auto fed = verifier.update(message); !fed) return "error " + std::to_string(static_cast<int>(fed.error().code));
  for (const bool ended : {false, true}) {
    for (const dns::Question& question : verifier.questions()) {
      verifier.answer({"no.name.of.a.key", dns::RecordType::txt}, lie);
      verifier.answer({question.name, dns::RecordType::ns}, lie);
      verifier.answer(question, dkim::lookup(dns, question));
      verifier.answer(question, lie);
    }
    if (ended) break;
    if (auto end = verifier.finish(); !end) return "error " + std::to_string(static_cast<int>(end.error().code));
  }
  fuzz::check(verifier.done(), "all is answered");
  return dkim::describe(verifier.results());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  const unsigned choice = data[1];
  std::string message(text);
  if (message.find("DKIM-Signature") == std::string::npos)
    if (std::string with_signature = sign(text, choice); !with_signature.empty()) message = std::move(with_signature);

  const std::string whole = run(message, 0, dkim::AnswerTime::as_asked, choice);
  fuzz::check(run(message, 1, dkim::AnswerTime::at_the_end, choice) == whole, "octet by octet gives the same");
  fuzz::check(run(message, data[0], dkim::AnswerTime::reversed_at_the_end, choice) == whole,
              "any pieces give the same");
  fuzz::check(run_amid_lies(message, choice) == whole, "lies and a cache change nothing");
  // With a stranger's key record among ours a signature may be a stranger's.
  if (choice % 4 == records_lie) return 0;
  if (const auto driven = dkim::drive({message}, make_dns(choice, message), make_options(choice)))
    check_results(driven->results, message);
  return 0;
}
