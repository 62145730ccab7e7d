// What verdicts lead to, and who may be written to: the pure decisions about received mail.
#include "relay/submission/findings.hpp"

#include <gtest/gtest.h>

#include "relay/submission/recipients.hpp"

namespace sendconn::relay {
namespace {

class FindingsTest : public ::testing::Test {
 protected:
  FindingsTest() {
    config_.hostname = "mx.example.org";
    config_.authserv_id = "example.org";
    results_.spf.verdict = spf::Verdict::pass;
    results_.spf.domain = "a.example";
    results_.spf.sender = "joe@a.example";
    results_.authors.push_back(*Domain::parse("a.example"));
    results_.dmarc.verdict = dmarc::Verdict::pass;
    results_.dmarc.author = results_.authors.front();
  }

  void sign(const char* domain, dkim::Verdict verdict) {
    dkim::SignatureResult signature;
    signature.domain = domain;
    signature.verdict = verdict;
    if (verdict != dkim::Verdict::pass) signature.explanation = "so it is";
    results_.dkim.push_back(signature);
  }
  Findings judged() { return judge(results_, {config_, actions_, *IpAddress::parse("192.0.2.1"), "mx.a.example"}); }
  void set(spf::Verdict verdict, CheckAction action) { actions_.spf[static_cast<std::size_t>(verdict)] = action; }
  void set(dmarc::Verdict verdict, CheckAction action) { actions_.dmarc[static_cast<std::size_t>(verdict)] = action; }

  Config config_;
  CheckActions actions_;
  authenticate::Results results_;
};

TEST_F(FindingsTest, ASignatureOfTheAuthorOrAboveHimCountsBeforeOthers) {
  EXPECT_EQ(dkim_finding(results_), DkimFinding::none);
  sign("b.example", dkim::Verdict::permerror);
  EXPECT_EQ(dkim_finding(results_), DkimFinding::permerror);
  sign("c.example", dkim::Verdict::temperror);
  EXPECT_EQ(dkim_finding(results_), DkimFinding::temperror);
  sign("b.example", dkim::Verdict::pass);
  EXPECT_EQ(dkim_finding(results_), DkimFinding::foreign);
  sign("x.a.example", dkim::Verdict::pass);  // below the author: not his word
  EXPECT_EQ(dkim_finding(results_), DkimFinding::foreign);
  sign("a.example", dkim::Verdict::pass);
  EXPECT_EQ(dkim_finding(results_), DkimFinding::pass);
}

TEST_F(FindingsTest, RecordedMethodsAreLeftOutOfTheFields) {
  EXPECT_EQ(judged().action, "tag");
  EXPECT_NE(judged().fields.find("spf=pass"), std::string::npos);
  EXPECT_NE(judged().fields.find("Received-SPF: pass"), std::string::npos);
  set(spf::Verdict::pass, CheckAction::record);
  EXPECT_EQ(judged().fields.find("spf="), std::string::npos);
  EXPECT_EQ(judged().fields.find("Received-SPF"), std::string::npos);
  EXPECT_NE(judged().fields.find("dmarc=pass"), std::string::npos);
  actions_.dkim.fill(CheckAction::record);
  actions_.dmarc.fill(CheckAction::record);
  EXPECT_EQ(judged().fields, "");
  EXPECT_EQ(judged().action, "record");
}

TEST_F(FindingsTest, DmarcFollowsTheOwnerUnlessToldOtherwise) {
  results_.dmarc.verdict = dmarc::Verdict::fail;
  results_.dmarc.policy = dmarc::Policy::none;
  EXPECT_FALSE(judged().refusal);
  results_.dmarc.policy = dmarc::Policy::quarantine;
  EXPECT_NE(judged().fields.find("X-Quarantine: dmarc=fail\r\n"), std::string::npos);
  results_.dmarc.policy = dmarc::Policy::reject;
  ASSERT_TRUE(judged().refusal);
  EXPECT_EQ(judged().refusal->summary().substr(0, 11), "550 5.7.26 ");
  set(dmarc::Verdict::fail, CheckAction::tag);
  EXPECT_FALSE(judged().refusal);
  set(dmarc::Verdict::fail, CheckAction::reject);
  results_.dmarc.policy = dmarc::Policy::none;
  EXPECT_TRUE(judged().refusal);
}

TEST_F(FindingsTest, AFinalRefusalCountsBeforeATemporaryOne) {
  results_.spf.verdict = spf::Verdict::temperror;
  set(spf::Verdict::temperror, CheckAction::reject);
  ASSERT_TRUE(judged().refusal);
  EXPECT_EQ(judged().refusal->summary().substr(0, 11), "451 4.7.24 ");
  EXPECT_EQ(judged().action, "defer");
  results_.dmarc.verdict = dmarc::Verdict::fail;
  results_.dmarc.policy = dmarc::Policy::reject;
  EXPECT_EQ(judged().refusal->summary().substr(0, 11), "550 5.7.26 ");
  EXPECT_EQ(judged().action, "reject");
}

TEST_F(FindingsTest, OnlyAPassForAReversePathProvesTheSender) {
  EXPECT_TRUE(judged().sender_proven);
  results_.null_sender = true;
  EXPECT_FALSE(judged().sender_proven);
  results_.null_sender = false;
  results_.spf.verdict = spf::Verdict::softfail;
  EXPECT_FALSE(judged().sender_proven);
}

TEST_F(FindingsTest, TextsOfStrangersAreShortenedAndStayInTheirLine) {
  results_.spf.verdict = spf::Verdict::fail;
  results_.spf.text = std::string(5'000, 'x') + "\r\n.\r\n";
  results_.spf.explanation = "a\r\nX-Forged: b";
  results_.spf.explained = true;
  set(spf::Verdict::fail, CheckAction::quarantine);
  const std::string fields = judged().fields;
  EXPECT_EQ(fields.find("\r\nX-Forged"), std::string::npos);
  EXPECT_EQ(fields.find("\r\n."), std::string::npos);
  set(spf::Verdict::fail, CheckAction::reject);
  EXPECT_LT(judged().refusal->format().size(), 1'500U);
  EXPECT_EQ(judged().refusal->format().find("\nX-Forged"), std::string::npos);
}

TEST(DecideRecipient, TakesItsDomainsAndNoWayOn) {
  const std::vector<std::string> domains = {"a.example", ".b.example"};
  const auto decide = [&domains](const char* address) { return decide_recipient(*Address::parse(address), domains); };
  for (const char* good :
       {"joe@a.example", "joe@A.EXAMPLE", "joe@x.b.example", "\"joe x\"@a.example", "joe+y=z@a.example"})
    EXPECT_FALSE(decide(good)) << good;
  for (const char* bad : {"joe@b.example", "joe@x.a.example", "joe@aa.example", "x%y.example@a.example",
                          "y.example!x@a.example", "\"x@y.example\"@a.example", "%@a.example"}) {
    ASSERT_TRUE(decide(bad)) << bad;
    EXPECT_EQ(decide(bad)->summary().substr(0, 10), "550 5.7.1 ") << bad;
  }
}

}  // namespace
}  // namespace sendconn::relay
