// What docs/dkim.md shows, as a test: tests/programs/test_dkim.py sees to it that the two stay the same.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <sendconn/dkim.hpp>
#include <sendconn/dkim_key.hpp>
#include <sendconn/dkim_rotation.hpp>
#include <sendconn/dkim_verify.hpp>
#include <sendconn/zone.hpp>

namespace sendconn {
namespace {

using testing::HasSubstr;

constexpr UnixTime now{std::chrono::seconds(1'790'000'000)};
using Key = std::shared_ptr<const crypto::PrivateKey>;

struct Manual : testing::Test {
  const Key key = std::make_shared<const crypto::PrivateKey>(*crypto::PrivateKey::generate(crypto::KeyType::ed25519));
  const std::string message = "From: a@example.org\r\n\r\nHello\r\n";
  const dns::Zone zone =
      *dns::Zone::parse("s2026._domainkey.example.org. 1h TXT \"" + dkim::format_key_record(*key) + "\"\n");
  std::string log;

  std::string sign(const std::vector<std::string_view>& pieces) const;
  std::string verify(const std::vector<std::string_view>& signed_pieces);
  std::string look_after_the_key();
};

// clang-format off
std::string Manual::sign(const std::vector<std::string_view>& pieces) const {
dkim::SignerOptions signing;
signing.now = now;
auto signer = dkim::Signer::create({{*Domain::parse("example.org"), *dkim::Selector::parse("s2026"), key, {}}}, signing);
for (std::string_view piece : pieces)
  if (auto fed = signer->update(piece); !fed) return fed.error().text;
const auto fields = signer->finish();  // in front of the message
return *fields;
}

std::string Manual::verify(const std::vector<std::string_view>& signed_pieces) {
dkim::VerifyOptions options;
options.now = now;
dkim::Verifier verifier(options);
for (std::string_view piece : signed_pieces)
  if (auto fed = verifier.update(piece); !fed) return fed.error().text;  // not a message
if (auto ended = verifier.finish(); !ended) return ended.error().text;
for (const dns::Question& question : verifier.questions()) verifier.answer(question, zone.lookup(question));
for (const dkim::SignatureResult& result : verifier.results())
  log += result.domain + ": " + std::string(format(result.verdict)) + ", " + std::string(format(result.reason)) + "\n";
return "";
}

std::string Manual::look_after_the_key() {
const dns::Question question{"s2026._domainkey.example.org", dns::RecordType::txt};
const std::string record = zone.lookup(question).records.front().text;
for (const dkim::Finding& finding : dkim::lint_key_record(record))
  log += std::string(format(finding.severity)) + " at " + std::to_string(finding.position) + ": " + finding.text + "\n";
if (dkim::compare_key(*key, record).match != dkim::KeyMatch::matches) log += "this key does not belong there\n";
dkim::Rotation rotation(*dkim::Selector::parse("s2026"));
if (auto begun = rotation.begin(*dkim::Selector::parse("s2027"), now); !begun) return begun.error().text;
rotation.observe(*dkim::Selector::parse("s2026"), dkim::look_at_record(*key, zone.lookup(question)), now);
log += rotation.signing() + " signs; " + rotation.advice(now) + "\n";
const dkim::RotationState kept = rotation.state();
EXPECT_EQ(kept.signing_seen, dkim::RecordSeen::matches);
return "";
}
// clang-format on

TEST_F(Manual, signs_and_verifies) {
  const std::string fields = sign({message});
  EXPECT_EQ(verify({fields, message}), "");
  EXPECT_EQ(log, "example.org: pass, good signature\n");
}

TEST_F(Manual, looks_after_records_and_keys) {
  EXPECT_EQ(look_after_the_key(), "");
  EXPECT_THAT(log, HasSubstr("s2026 signs; publish the record of s2027"));
}

}  // namespace
}  // namespace sendconn
