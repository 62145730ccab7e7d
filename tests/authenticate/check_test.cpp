// The machine of all three: who is told what, in which order, and what comes out whatever the order.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include <sendconn/authenticate.hpp>
#include <sendconn/dkim_key.hpp>
#include <sendconn/zone.hpp>

namespace sendconn::authenticate {
namespace {

using namespace std::string_literals;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr UnixTime now{std::chrono::seconds(1'790'000'000)};
constexpr std::string_view plain =
    "From: Joe <joe@example.org>\r\nSubject: Is dinner ready?\r\n\r\nWe lost the game.\r\n";

std::shared_ptr<const crypto::PrivateKey> key() {
  static const auto made =
      std::make_shared<const crypto::PrivateKey>(crypto::PrivateKey::generate(crypto::KeyType::ed25519).value());
  return made;
}

std::string sign(std::string_view message, const std::string& domain) {
  dkim::SignerOptions options;
  options.now = now;
  std::vector<dkim::Signature> signatures;
  signatures.push_back({Domain::parse(domain).value(), dkim::Selector::parse("sel").value(), key(), {}});
  dkim::Signer signer = std::move(dkim::Signer::create(std::move(signatures), std::move(options))).value();
  EXPECT_TRUE(signer.update(message).ok());
  return signer.finish().value() + std::string(message);
}

dns::Zone zone(const std::string& more = "") {
  const std::string record = dkim::format_key_record(*key());
  return dns::Zone::parse(
             "$TTL 300\n"
             "example.org. TXT \"v=spf1 ip4:192.0.2.1 -all\"\n"
             "mail.example.org. TXT \"v=spf1 a -all\"\n"
             "mail.example.org. A 192.0.2.1\n"
             "_dmarc.example.org. TXT \"v=DMARC1; p=reject\"\n"
             "sel._domainkey.example.org. TXT \"" +
             record + "\"\n" + "sel._domainkey.example.net. TXT \"" + record + "\"\n" + more)
      .value();
}

Envelope envelope(const std::string& client = "192.0.2.1", const std::string& mail_from = "joe@example.org") {
  return {IpAddress::parse(client).value(), "mail.example.org", mail_from, now};
}

Results run(Check& check, const dns::Zone& dns, std::string_view message) {
  check.update(message);
  check.finish();
  for (int round = 0; !check.done(); ++round) {
    const auto questions = check.questions();
    if (questions.empty() || round > 100) {
      ADD_FAILURE() << "neither done nor asking";
      return {};
    }
    for (const dns::Question& question : questions) check.answer(question, dns.lookup(question));
  }
  return check.results();
}

Results run(const Envelope& from, const dns::Zone& dns, std::string_view message, const Options& options = {}) {
  Check check(from, options);
  return run(check, dns, message);
}

/// All that matters of the results, so that two runs can be compared.
std::string describe(const Results& results) {
  std::string text;
  for (const authres::Statement& statement : to_authres(results, "mx.example.net").statements) {
    text += statement.method + "=" + statement.result + " " + statement.reason;
    for (const authres::Property& property : statement.properties) text += " " + property.name + "=" + property.value;
    text += "\n";
  }
  return text + results.problem + "\n";
}

TEST(Check, AllThreePass) {
  const Results results = run(envelope(), zone(), sign(plain, "example.org"));
  EXPECT_EQ(results.spf.verdict, spf::Verdict::pass);
  ASSERT_TRUE(results.helo.has_value());
  EXPECT_EQ(results.helo->verdict, spf::Verdict::pass);
  ASSERT_EQ(results.dkim.size(), 1U);
  EXPECT_EQ(results.dkim[0].verdict, dkim::Verdict::pass);
  EXPECT_EQ(results.passed_signature(), &results.dkim[0]);
  ASSERT_EQ(results.authors.size(), 1U);
  EXPECT_EQ(results.dmarc.verdict, dmarc::Verdict::pass);
  EXPECT_TRUE(results.dmarc.spf_aligned());
  EXPECT_TRUE(results.dmarc.dkim_aligned());
  EXPECT_THAT(results.problem, IsEmpty());
}

struct Case {
  const char* name;
  const char* client;
  const char* mail_from;
  const char* signer;  ///< "": not signed
  spf::Verdict spf;
  dmarc::Verdict dmarc;
};

TEST(Check, DmarcGoesByWhatAligns) {
  const Case cases[] = {
      {"SPF alone", "192.0.2.1", "joe@example.org", "", spf::Verdict::pass, dmarc::Verdict::pass},
      {"DKIM alone", "203.0.113.9", "joe@example.org", "example.org", spf::Verdict::fail, dmarc::Verdict::pass},
      {"neither", "203.0.113.9", "joe@example.org", "", spf::Verdict::fail, dmarc::Verdict::fail},
      {"a foreign signature", "203.0.113.9", "joe@example.org", "example.net", spf::Verdict::fail,
       dmarc::Verdict::fail},
      {"a foreign reverse-path", "192.0.2.1", "joe@example.net", "", spf::Verdict::none, dmarc::Verdict::fail},
      {"the null reverse-path", "192.0.2.1", "", "", spf::Verdict::pass, dmarc::Verdict::pass},
  };
  for (const Case& it : cases) {
    SCOPED_TRACE(it.name);
    const std::string message = *it.signer == '\0' ? std::string(plain) : sign(plain, it.signer);
    const Results results = run(envelope(it.client, it.mail_from), zone(), message);
    EXPECT_EQ(results.spf.verdict, it.spf);
    EXPECT_EQ(results.dmarc.verdict, it.dmarc) << results.dmarc.reason;
    EXPECT_EQ(results.null_sender, *it.mail_from == '\0');
    EXPECT_EQ(results.helo.has_value(), *it.mail_from != '\0');
  }
}

TEST(Check, NeitherCutsNorTheOrderOfAnswersMatter) {
  const dns::Zone dns = zone("_dmarc.example.net. TXT \"v=DMARC1; p=none\"\n");
  const std::string message = sign(sign(plain, "example.org"), "example.net");
  const std::string expected = describe(run(envelope("203.0.113.9"), dns, message));
  std::mt19937 random(20'261'128);
  for (std::size_t cut = 0; cut <= message.size(); ++cut) {
    Check check(envelope("203.0.113.9"));
    std::vector<dns::Question> open;
    const auto ask = [&] {
      for (dns::Question& question : check.questions()) open.push_back(std::move(question));
      std::shuffle(open.begin(), open.end(), random);
    };
    const auto answer_one = [&] {
      if (open.empty()) return;
      const dns::Question question = open.back();
      open.pop_back();
      check.answer(question, dns.lookup(question));
      check.answer(question, dns::Answer{});  // a second answer does not count
    };
    if (cut % 2 == 0) ask();
    answer_one();
    check.update(std::string_view(message).substr(0, cut));
    ask();
    if (cut % 3 == 0) answer_one();
    check.update(std::string_view(message).substr(cut));
    check.finish();
    check.finish();
    check.update("behind the end");
    while (!check.done()) {
      ask();
      ASSERT_FALSE(open.empty()) << "cut at " << cut;
      answer_one();
    }
    ASSERT_EQ(describe(check.results()), expected) << "cut at " << cut;
    EXPECT_THAT(check.questions(), IsEmpty());
  }
}

TEST(Check, AsksBeforeTheMessageAndEachQuestionOnce) {
  Envelope both = envelope();
  both.mail_from = "joe@mail.example.org";  // the domain of HELO as well
  Check check(both);
  EXPECT_THAT(check.questions(), UnorderedElementsAre(dns::Question{"mail.example.org", dns::RecordType::txt}));
  EXPECT_THAT(check.questions(), IsEmpty());
  check.update(sign(plain, "example.org"));
  EXPECT_THAT(check.questions(),
              UnorderedElementsAre(dns::Question{"sel._domainkey.example.org", dns::RecordType::txt}));
  // One answer serves both identities.
  const dns::Question shared{"mail.example.org", dns::RecordType::txt};
  check.answer(shared, zone().lookup(shared));
  EXPECT_THAT(check.questions(), UnorderedElementsAre(dns::Question{"mail.example.org", dns::RecordType::a}));
  EXPECT_FALSE(check.done());
}

TEST(Check, AnswersThatWereNotAskedForAreIgnored) {
  Check check(envelope());
  const dns::Question early{"example.org", dns::RecordType::txt};
  check.answer(early, zone("").lookup(early));  // not handed out yet
  check.answer({"other.example", dns::RecordType::txt}, {});
  EXPECT_EQ(check.questions().size(), 2U);
}

TEST(Check, GivingUpEndsItAtAnyPoint) {
  const dns::Zone dns = zone();
  const std::string message = sign(plain, "example.org");
  for (int answered = 0; answered < 10; ++answered) {
    for (const bool early : {false, true}) {
      Check check(envelope());
      check.update(message);
      int left = answered;
      bool asking = true;
      if (!early) check.finish();
      while (asking && !check.done()) {
        const auto questions = check.questions();
        asking = !questions.empty();
        for (const dns::Question& question : questions) {
          if (left-- > 0) check.answer(question, dns.lookup(question));
          asking = asking && left > 0;
        }
      }
      check.give_up();
      EXPECT_THAT(check.questions(), IsEmpty());
      if (early) check.finish();
      ASSERT_TRUE(check.done()) << answered;
      if (answered == 0) {
        EXPECT_EQ(check.results().spf.verdict, spf::Verdict::temperror);
        EXPECT_EQ(check.results().dkim.at(0).verdict, dkim::Verdict::temperror);
        EXPECT_EQ(check.results().dmarc.verdict, dmarc::Verdict::temporary_error);
      }
    }
  }
}

TEST(Check, FailuresOfTheDnsAreToldApart) {
  for (const char* failure : {"timeout", "servfail", "malformed"}) {
    SCOPED_TRACE(failure);
    const dns::Zone dns = zone("$FAIL _dmarc.example.org. TXT " + std::string(failure) + "\n");
    const Results results = run(envelope(), dns, sign(plain, "example.org"));
    EXPECT_EQ(results.spf.verdict, spf::Verdict::pass);
    EXPECT_EQ(results.dmarc.verdict, dmarc::Verdict::temporary_error);
  }
}

TEST(Check, AMessageThatIsNoneOrHasNoAuthorPassesForNobody) {
  const struct {
    const char* name;
    std::string message;
    const char* problem;
  } cases[] = {
      {"no From", "Subject: x\r\n\r\nbody\r\n", "0 From fields"},
      {"two From", "From: a@example.org\r\nFrom: b@example.org\r\n\r\n", "2 From fields"},
      {"an unreadable From", "From: joe at example.org\r\n\r\n", "cannot be read"},
      {"no field", "this is no field\r\n\r\nbody\r\n", "the message cannot be read"},
      {"bare LF", "From: joe@example.org\nSubject: x\r\n\r\n", "the message cannot be read"},
      {"NUL", "From: joe@example.org\r\nX: \0\r\n\r\n"s, "the message cannot be read"},
      {"nothing", "", "0 From fields"},
  };
  for (const auto& it : cases) {
    SCOPED_TRACE(it.name);
    const Results results = run(envelope(), zone(), it.message);
    EXPECT_THAT(results.problem, HasSubstr(it.problem));
    EXPECT_THAT(results.authors, IsEmpty());
    EXPECT_EQ(results.spf.verdict, spf::Verdict::pass);
    EXPECT_EQ(results.dmarc.verdict, dmarc::Verdict::permanent_error);
  }
}

TEST(Check, AHeaderAtTheLimitIsReadAndOneOctetMoreIsNot) {
  Options options;
  const std::string header = "From: joe@example.org\r\n";
  options.header.max_octets = header.size();
  EXPECT_THAT(run(envelope(), zone(), header + "\r\nbody\r\n", options).problem, IsEmpty());
  options.header.max_octets = header.size() - 1;
  const Results results = run(envelope(), zone(), header + "\r\nbody\r\n", options);
  EXPECT_THAT(results.problem, HasSubstr("the message cannot be read"));
  EXPECT_EQ(results.dmarc.verdict, dmarc::Verdict::permanent_error);
}

TEST(Check, TakesAnotherEngineForSpf) {
  class Broken final : public spf::Check {
   public:
    void start(const spf::Request& request) override { identity_ = request.identity; }
    const dns::Question* next_question() override { return nullptr; }
    void answer(const dns::Question&, const dns::Answer&) override {}
    [[nodiscard]] bool done() const noexcept override { return true; }
    [[nodiscard]] spf::Verdict verdict() const noexcept override { return spf::Verdict::temperror; }
    [[nodiscard]] spf::Outcome outcome() const override {
      spf::Outcome outcome;
      outcome.verdict = spf::Verdict::temperror;
      outcome.reason = spf::Reason::engine_failure;
      outcome.identity = identity_;
      outcome.domain = "example.org";
      return outcome;
    }

   private:
    spf::Identity identity_ = spf::Identity::mail_from;
  };
  int made = 0;
  Options options;
  options.engine = [&made](const spf::Options&) {
    ++made;
    return std::make_unique<Broken>();
  };
  const Results results = run(envelope(), zone(), plain, options);
  EXPECT_EQ(made, 2);
  EXPECT_EQ(results.helo->identity, spf::Identity::helo);
  EXPECT_EQ(results.spf.reason, spf::Reason::engine_failure);
  EXPECT_EQ(results.dmarc.verdict, dmarc::Verdict::temporary_error) << "SPF might have passed";
}

}  // namespace
}  // namespace sendconn::authenticate
