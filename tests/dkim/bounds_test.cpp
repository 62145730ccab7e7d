// Bounds of DKIM, each at its value and one past it, with the defaults that a receiver has; and the most that a key
// record of 64 KB costs. A thousand signatures are in verifier_test.cpp.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

#include <sendconn/dkim_key.hpp>
#include <sendconn/dkim_rotation.hpp>

#include "tests/dkim/drive.hpp"
#include "tests/heap/heap.hpp"

namespace sendconn::dkim {
namespace {

constexpr std::int64_t now = 1'790'000'000;
constexpr std::int64_t last_time = 999'999'999'999;  // RFC 6376 section 3.5: 12 digits
constexpr std::string_view message = "From: joe@example.com\r\nSubject: lunch\r\n\r\nat one\r\n";

std::shared_ptr<const crypto::PrivateKey> key() {
  static const auto made =
      std::make_shared<const crypto::PrivateKey>(crypto::PrivateKey::generate(crypto::KeyType::ed25519).value());
  return made;
}

Signature signature(const std::string& selector = "s") {
  return {Domain::parse("example.com").value(), Selector::parse(selector).value(), key(), {}};
}

Result<std::string> sign(std::vector<Signature> signatures, SignerOptions options, std::string_view text = message) {
  auto signer = Signer::create(std::move(signatures), std::move(options));
  if (!signer) return signer.error();
  if (auto fed = signer->update(text); !fed) return fed.error();
  return signer->finish();
}

SignerOptions at(std::int64_t seconds) {
  SignerOptions options;
  options.now = UnixTime(std::chrono::seconds(seconds));
  return options;
}

VerifyOptions receiver() {
  VerifyOptions options;
  options.now = UnixTime(std::chrono::seconds(now));
  return options;
}

std::size_t passed(const std::vector<SignatureResult>& results) {
  return static_cast<std::size_t>(std::count_if(
      results.begin(), results.end(), [](const SignatureResult& result) { return result.verdict == Verdict::pass; }));
}

TEST(Bounds, TenSignaturesAreVerifiedAndTheEleventhIsRefused) {
  ASSERT_EQ(VerifyPolicy{}.max_signatures, 10U);
  FakeDns dns;
  dns["s._domainkey.example.com"] = {{format_key_record(*key())}};
  for (const std::size_t count : {std::size_t{10}, std::size_t{11}}) {
    std::string text(message);
    for (std::size_t i = 0; i < count; ++i) text = *sign({signature()}, at(now), message) + text;
    const auto driven = drive({text}, dns, receiver());
    ASSERT_TRUE(driven.ok());
    EXPECT_EQ(passed(driven->results), 10U);
    EXPECT_EQ(driven->results.back().reason, count == 10 ? Reason::verified : Reason::too_many_signatures);
  }
}

TEST(Bounds, OfTheRecordsAtANameFourKeysAreTried) {
  ASSERT_EQ(VerifyOptions{}.max_key_records, 4U);
  const auto stranger = crypto::PrivateKey::generate(crypto::KeyType::ed25519).value();
  const std::string text = *sign({signature()}, at(now)) + std::string(message);
  for (const std::size_t strangers : {std::size_t{3}, std::size_t{4}}) {
    FakeName name;
    name.records.assign(strangers, format_key_record(stranger));
    name.records.push_back(format_key_record(*key()));
    const auto driven = drive({text}, {{"s._domainkey.example.com", name}}, receiver());
    ASSERT_EQ(driven->results.size(), 1U);
    EXPECT_EQ(driven->results[0].reason, strangers == 3 ? Reason::verified : Reason::signature_differs);
  }
}

TEST(Bounds, ASignerTakesEightSignaturesAndAHeaderUpToItsLimit) {
  const auto count = [](std::size_t signatures) {
    return sign(std::vector<Signature>(signatures, signature()), at(now)).ok();
  };
  EXPECT_TRUE(count(SignerOptions{}.max_signatures));
  EXPECT_FALSE(count(SignerOptions{}.max_signatures + 1));
  const std::size_t header_octets = message.find("\r\n\r\n") + 2;
  SignerOptions options = at(now);
  options.max_header_octets = header_octets;
  EXPECT_TRUE(sign({signature()}, options).ok());
  options.max_header_octets = header_octets - 1;
  EXPECT_EQ(sign({signature()}, options).error().code, Errc::limit_exceeded);
}

TEST(Bounds, TimesHaveTwelveDigits) {
  EXPECT_TRUE(sign({signature()}, at(last_time)).ok());
  EXPECT_FALSE(sign({signature()}, at(last_time + 1)).ok());
  Signature expiring = signature();
  expiring.options.expires_in = std::chrono::seconds(last_time - now);
  EXPECT_TRUE(sign({expiring}, at(now)).ok());
  expiring.options.expires_in = std::chrono::seconds(last_time - now + 1);
  EXPECT_FALSE(sign({expiring}, at(now)).ok());
  // What others write: one digit more is a time that never comes (RFC 6376 section 3.5).
  for (const std::size_t digits : {std::size_t{12}, std::size_t{13}}) {
    const std::string field =
        "DKIM-Signature: v=1; a=ed25519-sha256; d=example.com; s=s; h=from; bh=" + std::string(43, 'A') +
        "=; b=AAAA; x=" + std::string(digits, '9') + "\r\n";
    const auto driven = drive({field + std::string(message)}, {}, receiver());
    ASSERT_EQ(driven->results.size(), 1U);
    EXPECT_EQ(driven->results[0].expires_at.has_value(), digits == 12) << driven->results[0].explanation;
    EXPECT_EQ(driven->results[0].reason, Reason::no_key) << driven->results[0].explanation;
  }
}

TEST(Bounds, TheNameOfAKeyHas253Octets) {
  // "._domainkey." has 12.
  const std::string label(60, 'a');
  const std::string domain = label + "." + label + "." + label + ".example";  // 190
  for (const std::size_t octets : {std::size_t{51}, std::size_t{52}}) {
    Signature long_one = signature(std::string(octets, 's'));
    long_one.domain = Domain::parse(domain).value();
    EXPECT_EQ(sign({long_one}, at(now)).ok(), octets == 51) << octets + 12 + domain.size();
  }
}

TEST(Bounds, OfTheRotationAreExactToTheSecond) {
  const Selector old_one = Selector::parse("old").value();
  const Selector new_one = Selector::parse("new").value();
  const RotationTimes times;
  const UnixTime begin(std::chrono::hours(500'000));
  const auto one = std::chrono::seconds(1);
  const auto watch = [&](Rotation& rotation, UnixTime until) {
    for (UnixTime time = rotation.state().since; time < until; time += times.stale) {
      rotation.observe(old_one, RecordSeen::matches, time);
      rotation.observe(new_one, RecordSeen::matches, time);
    }
  };
  Rotation rotation(old_one, times);
  ASSERT_TRUE(rotation.begin(new_one, begin).ok());
  rotation.observe(new_one, RecordSeen::matches, begin);
  watch(rotation, begin + times.settle);
  rotation.on_time(begin + times.settle - one);
  EXPECT_EQ(rotation.state().phase, RotationPhase::settling);
  rotation.on_time(begin + times.settle);
  EXPECT_EQ(rotation.state().phase, RotationPhase::switched);
  const UnixTime switched = rotation.state().since;
  watch(rotation, switched + times.keep);
  rotation.on_time(switched + times.keep - one);
  EXPECT_EQ(rotation.state().phase, RotationPhase::switched);
  rotation.on_time(switched + times.keep);
  EXPECT_EQ(rotation.state().phase, RotationPhase::retiring);

  for (const auto past : {std::chrono::seconds(0), one}) {
    Rotation settling(old_one, times);
    ASSERT_TRUE(settling.begin(new_one, begin).ok());
    settling.observe(new_one, RecordSeen::matches, begin);
    settling.on_time(begin + times.stale + past);
    EXPECT_EQ(settling.state().phase, past == one ? RotationPhase::prepared : RotationPhase::settling);
  }
}

/// As docs/dkim.md states it. The most have 32,000 flags of a letter each.
constexpr long most_octets_for_64_kilobytes = 3'000'000;

TEST(Costs, AKeyRecordOf64KilobytesTakesThreeMegabytes) {
  const std::string text = *sign({signature()}, at(now)) + std::string(message);
  const auto fill = [](std::string record, const std::string& with) {
    while (record.size() + with.size() <= max_key_record_octets) record += with;
    return record;
  };
  for (const std::string& record :
       {fill("k=ed25519; p=", "A"), fill("p=", " A"), fill("v=DKIM1; n=", "=41"), fill("v=DKIM1; p=; h=", "sha256:"),
        fill("v=DKIM1; p=; s=", "email:"), fill("p=; t=", "y:"), fill("", "a=b;"), fill("", ";"), fill("p=", "=")}) {
    const FakeDns dns = {{"s._domainkey.example.com", {std::vector<std::string>(4, record)}}};
    const auto began = std::chrono::steady_clock::now();
    Verifier verifier(receiver());
    ASSERT_TRUE(verifier.update(text).ok());
    ASSERT_TRUE(verifier.finish().ok());
    const auto questions = verifier.questions();
    ASSERT_EQ(questions.size(), 1U);
    const dns::Answer answer = lookup(dns, questions[0]);
    const long before = test::heap_octets();
    test::begin_heap_peak();
    verifier.answer(questions[0], answer);
    EXPECT_LT(test::heap_peak_octets() - before, most_octets_for_64_kilobytes) << record.substr(0, 20);
    EXPECT_TRUE(verifier.done());
    EXPECT_NE(verifier.results().at(0).verdict, Verdict::pass);
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(1)) << record.substr(0, 20);
    // Its linter has a finding for each.
    test::begin_heap_peak();
    const long idle = test::heap_octets();
    const auto findings = lint_key_record(record);
    EXPECT_LT(test::heap_peak_octets() - idle, 8'000'000) << record.substr(0, 20) << " " << findings.size();
  }
}

}  // namespace
}  // namespace sendconn::dkim
