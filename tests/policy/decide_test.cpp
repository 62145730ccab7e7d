// decide_mail and decide_header: nobody sends for a domain without its right, whichever field names it.
#include <sendconn/policy.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "lib/mail/idn.hpp"

namespace sendconn::policy {
namespace {

using testing::HasSubstr;

constexpr std::size_t max_received = 5;
const std::string record = "Publish TXT \"token=86e1\" at _sendconn-challenge.pending.example.";

/// own.example and also.example are granted, the rest stands as it says.
DomainRight rights(const Domain& domain) {
  static const std::map<std::string, DomainRight> table = {
      {"own.example", {Right::granted, ""}},         {"also.example", {Right::granted, ""}},
      {"pending.example", {Right::pending, record}}, {"revoked.example", {Right::revoked, ""}},
      {"other.example", {Right::not_granted, ""}},   {"xn--bcher-kva.example", {Right::granted, ""}}};
  const auto found = table.find(domain.text());
  return found == table.end() ? DomainRight{} : found->second;
}

std::optional<Reply> check(const std::string& fields, Authors* authors = nullptr) {
  const auto header = mail::Header::parse(fields);
  EXPECT_TRUE(header) << header.error().text;
  Authors unused;
  return decide_header(*header, rights, max_received, authors != nullptr ? *authors : unused);
}

std::string shown(const std::optional<Reply>& reply) {
  return reply ? std::to_string(reply->code) + " " + reply->enhanced.format() + " " + reply->text : "allowed";
}

TEST(DecideMail, AsksForTheRightOfExactlyThatDomain) {
  struct Case {
    std::string reverse_path;
    std::vector<std::string> words;  ///< empty: allowed
  };
  const std::vector<Case> table = {
      {"a@own.example", {}},
      {"a@OWN.example", {}},
      {"a@mail.own.example", {"mail.own.example", "has not added", "Add the domain", "subdomain"}},
      {"a@example", {"example", "has not added"}},
      {"a@foreign.example", {"foreign.example", "has not added", "ownership record"}},
      {"a@pending.example", {"pending.example", "not proven", record}},
      {"a@revoked.example", {"revoked.example", "proof of its ownership is gone", "again"}},
      {"a@other.example", {"other.example", "not granted to this connector", "Grant"}},
  };
  for (const auto& [reverse_path, words] : table) {
    const auto reply = decide_mail(*Address::parse(reverse_path), rights);
    ASSERT_EQ(reply.has_value(), !words.empty()) << reverse_path << ": " << shown(reply);
    if (!reply) continue;
    EXPECT_EQ(reply->code, 550);
    EXPECT_EQ(reply->enhanced, (EnhancedCode{5, 7, 1}));
    EXPECT_THAT(reply->text, HasSubstr("reverse-path"));
    for (const auto& word : words) EXPECT_THAT(reply->text, HasSubstr(word)) << reverse_path;
  }
}

TEST(DecideMail, LeavesTheNullReversePathToTheFromField) { EXPECT_EQ(decide_mail(std::nullopt, rights), std::nullopt); }

TEST(DecideHeader, AllowsAuthorsWithRights) {
  const std::vector<std::string> table = {
      "From: a@own.example\r\n",
      "From: A <a@OWN.EXAMPLE>\r\nSubject: x\r\nTo: b@foreign.example\r\nReply-To: c@foreign.example\r\n",
      "From: a@own.example, b@also.example\r\nSender: a@own.example\r\n",
      "From: Team: a@own.example, b@also.example;\r\n",
      "From: \"ceo@foreign.example\" <a@own.example>\r\n",
      "From: =?utf-8?Q?ceo=40foreign.example?= <a@own.example>\r\n",
      "From: <@foreign.example:a@own.example>\r\n",
      "from : a@own.example\r\n",
      "From: a@xn--bcher-kva.example\r\n",
      "From: a@own.example\r\nResent-From: b@also.example\r\nResent-Sender: a@own.example\r\n"
      "Resent-From: a@own.example\r\nResent-Date: x\r\nResent-Date: y\r\n",
      "From: a@own.example\r\nComments: a\r\nComments: b\r\nKeywords: a\r\nKeywords: b\r\nX-From: "
      "q@foreign.example\r\n",
      "From: a@own.example\r\nReceived: 1\r\nReceived: 2\r\nReceived: 3\r\nReceived: 4\r\nReceived: 5\r\n",
  };
  for (const auto& fields : table) EXPECT_EQ(check(fields), std::nullopt) << fields << shown(check(fields));
}

struct Refusal {
  std::string fields;
  std::string codes;
  std::vector<std::string> words;
};

void expect_refusals(const std::vector<Refusal>& table) {
  for (const auto& [fields, codes, words] : table) {
    const auto reply = check(fields);
    ASSERT_TRUE(reply) << testing::PrintToString(fields);
    EXPECT_THAT(shown(reply), testing::StartsWith(codes)) << fields;
    for (const auto& word : words) EXPECT_THAT(reply->text, HasSubstr(word)) << fields;
    for (const char c : reply->text) EXPECT_TRUE(c >= 0x20 && c < 0x7f) << reply->text;
  }
}

TEST(DecideHeader, RefusesAuthorsWithoutRights) {
  expect_refusals({
      {"From: a@foreign.example\r\n", "550 5.7.1", {"From domain foreign.example", "has not added"}},
      {"From: a@sub.own.example\r\n", "550 5.7.1", {"sub.own.example"}},
      {"From: a@pending.example\r\n", "550 5.7.1", {"pending.example", "not proven", record}},
      {"From: a@revoked.example\r\n", "550 5.7.1", {"revoked.example", "gone"}},
      {"From: a@other.example\r\n", "550 5.7.1", {"other.example", "not granted"}},
      {"From: a@own.example, b@foreign.example\r\n", "550 5.7.1", {"foreign.example"}},
      {"From: b@foreign.example, a@own.example\r\n", "550 5.7.1", {"foreign.example"}},
      {"From: Team: a@own.example, b@foreign.example;\r\n", "550 5.7.1", {"foreign.example"}},
      {"From: \"a@own.example\" <b@foreign.example>\r\n", "550 5.7.1", {"foreign.example"}},
      {"From: (a@own.example) b@foreign.example\r\n", "550 5.7.1", {"foreign.example"}},
      {"From: <@own.example:b@foreign.example>\r\n", "550 5.7.1", {"foreign.example"}},
      {"From: \"a@own.example\"@foreign.example\r\n", "550 5.7.1", {"foreign.example"}},
      {"From: a@own.example\r\n .foreign.example\r\n", "550 5.7.1", {"own.example.foreign.example"}},
      {"From: a@own.example\r\nSender: b@foreign.example\r\n", "550 5.7.1", {"Sender domain foreign.example"}},
      {"From: a@own.example\r\nResent-From: b@foreign.example\r\n", "550 5.7.1", {"Resent-From domain"}},
      {"From: a@own.example\r\nResent-From: a@own.example, b@foreign.example\r\n", "550 5.7.1", {"Resent-From domain"}},
      {"From: a@own.example\r\nResent-From: a@own.example\r\nResent-From: b@foreign.example\r\n",
       "550 5.7.1",
       {"foreign.example"}},
      {"Resent-Sender: b@foreign.example\r\nFrom: a@own.example\r\n", "550 5.7.1", {"Resent-Sender domain"}},
  });
}

TEST(DecideHeader, TakesULabelAndALabelForOneDomain) {
  expect_refusals({{"From: a@xn--bcher-kva2.example\r\n", "550 5.7.1", {"xn--bcher-kva2.example"}}});
  if (!mail::idn_available()) GTEST_SKIP() << "built without libidn2";
  EXPECT_EQ(check("From: a@b\xc3\xbc\x63her.example\r\n"), std::nullopt);
  expect_refusals({{"From: a@m\xc3\xbcller.example\r\n", "550 5.7.1", {"xn--mller-kva.example"}}});
}

TEST(DecideHeader, RefusesWhatRfc5322Forbids) {
  std::vector<Refusal> table = {
      {"", "550 5.6.0", {"no From field"}},
      {"To: a@own.example\r\n", "550 5.6.0", {"no From field"}},
      {"From:\r\n", "550 5.6.0", {"From field names no address"}},
      {"From: (nobody)\r\n", "550 5.6.0", {"From field names no address"}},
      {"From: undisclosed:;\r\n", "550 5.6.0", {"From field names no address"}},
      {"From: <>\r\n", "550 5.6.0", {"From field cannot be read"}},
      {"From: a\r\n", "550 5.6.0", {"From field cannot be read", "local@domain"}},
      {"From: a@[192.0.2.1]\r\n", "550 5.6.0", {"address literal"}},
      {"From: a@own.example <b@foreign.example>\r\n", "550 5.6.0", {"comma"}},
      {"From: a@own.example\r\nfRoM : b@own.example\r\n", "550 5.6.0", {"two From fields", "section 3.6"}},
      {"From: a@own.example\r\nSender: a@own.example, b@own.example\r\n", "550 5.6.0", {"Sender", "exactly one"}},
      {"From: a@own.example\r\nSender:\r\n", "550 5.6.0", {"Sender field names no address"}},
      {"From: a@own.example\r\nResent-Sender: a@own.example, b@own.example\r\n", "550 5.6.0", {"Resent-Sender"}},
      {"From: a@own.example\r\nResent-From: broken\r\n", "550 5.6.0", {"Resent-From field cannot be read"}},
  };
  for (const std::string name :
       {"Date", "Sender", "Reply-To", "To", "Cc", "Bcc", "Message-ID", "In-Reply-To", "References", "Subject"})
    table.push_back({"From: a@own.example\r\n" + name + ": a@own.example\r\n" + name + ": a@own.example\r\n",
                     "550 5.6.0",
                     {"two " + name + " fields"}});
  expect_refusals(table);
}

TEST(DecideHeader, EndsLoops) {
  std::string fields = "From: a@own.example\r\n";
  for (std::size_t i = 0; i < max_received; ++i) fields += "RECEIVED: x\r\n";
  EXPECT_EQ(check(fields), std::nullopt);
  expect_refusals({{fields + "Received: x\r\n", "554 5.4.6", {"6 Received fields", "at most 5", "loop"}}});
}

TEST(DecideHeader, HandsOutTheAuthorsAlsoOfWhatItRefuses) {
  Authors authors;
  EXPECT_TRUE(check(
      "From: a@own.example, b@also.example\r\nSender: c@own.example\r\nResent-From: d@foreign.example\r\n", &authors));
  ASSERT_EQ(authors.from.size(), 2U);
  EXPECT_EQ(authors.from[0].format(), "a@own.example");
  EXPECT_EQ(authors.from[1].format(), "b@also.example");
  ASSERT_EQ(authors.sender.size(), 2U);
  EXPECT_EQ(authors.sender[0].format(), "c@own.example");
  EXPECT_EQ(authors.sender[1].format(), "d@foreign.example");
}

TEST(DecideAuthors, AsksForTheRightsOfAllOfThemOnceMore) {
  Authors authors;
  EXPECT_EQ(check("From: a@own.example, b@also.example\r\nSender: c@own.example\r\n", &authors), std::nullopt);
  EXPECT_EQ(decide_authors(authors, rights), std::nullopt);
  EXPECT_EQ(decide_authors({}, rights), std::nullopt);
  for (const std::string gone : {"own.example", "also.example"}) {
    const auto later = [&gone](const Domain& domain) {
      return domain.text() == gone ? DomainRight{Right::revoked, ""} : rights(domain);
    };
    EXPECT_THAT(shown(decide_authors(authors, later)), HasSubstr("550 5.7.1 From domain " + gone));
  }
  authors.from.erase(authors.from.begin());
  const auto only_also = [](const Domain& domain) {
    return DomainRight{domain.text() == "also.example" ? Right::granted : Right::unknown_domain, ""};
  };
  EXPECT_THAT(shown(decide_authors(authors, only_also)), HasSubstr("550 5.7.1 Sender or Resent domain own.example"));
}

TEST(DecideDelivery, WaitsWhileADomainHasNoRightAnyMore) {
  const std::vector<Domain> domains = {*Domain::parse("own.example"), *Domain::parse("also.example")};
  EXPECT_EQ(decide_delivery({}, rights), std::nullopt);
  EXPECT_EQ(decide_delivery(domains, rights), std::nullopt);
  for (const Domain& gone : domains) {
    const auto later = [&gone](const Domain& domain) {
      return domain == gone ? DomainRight{Right::revoked, "Publish it again."} : rights(domain);
    };
    EXPECT_THAT(shown(decide_delivery(domains, later)),
                AllOf(HasSubstr("451 4.7.1 sender domain " + gone.text()), HasSubstr("Publish it again.")));
  }
}

TEST(DecideReceived, EndsLoopsAndJudgesNothingElse) {
  const auto decide = [](const std::string& fields) {
    return decide_received(*mail::Header::parse(fields), max_received);
  };
  for (const char* odd :
       {"", "Subject: no author\r\n", "From: a@b.example\r\nFrom: c@d.example\r\n", "From: nobody\r\n"})
    EXPECT_EQ(decide(odd), std::nullopt) << odd;
  std::string fields;
  for (std::size_t i = 0; i < max_received; ++i) fields += "received: x\r\n";
  EXPECT_EQ(decide(fields), std::nullopt);
  const auto refusal = decide(fields + "Received: x\r\n");
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->summary().substr(0, 10), "554 5.4.6 ");
}

}  // namespace
}  // namespace sendconn::policy
