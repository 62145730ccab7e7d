// What was found, as the field says it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sendconn/authenticate.hpp>

namespace sendconn::authenticate {
namespace {

using ::testing::HasSubstr;

dkim::SignatureResult signature(const std::string& b, dkim::Verdict verdict = dkim::Verdict::pass) {
  dkim::SignatureResult result;
  result.verdict = verdict;
  result.domain = "example.org";
  result.selector = "sel";
  result.identity = "@example.org";
  result.algorithm = "rsa-sha256";
  result.signature = b;
  result.key_bits = 2048;
  return result;
}

Results results() {
  Results made;
  made.spf.verdict = spf::Verdict::pass;
  made.spf.domain = "example.org";
  made.spf.sender = "joe@example.org";
  made.dmarc.verdict = dmarc::Verdict::pass;
  made.dmarc.author = Domain::parse("example.org").value();
  return made;
}

std::string field(const Results& found) {
  const auto written = authres::format(to_authres(found, "mx.example.net"));
  EXPECT_TRUE(written.ok()) << written.error().text;
  return written.ok() ? *written : std::string();
}

TEST(ToAuthres, SaysWhoFoundWhat) {
  Results found = results();
  found.helo.emplace();
  found.helo->verdict = spf::Verdict::none;
  found.helo->domain = "mail.example.org";
  found.helo->text = "mail.example.org has no SPF record";
  found.dkim.push_back(signature("abcdefghijkl"));
  found.dkim.back().identity = "joe@sub.example.org";
  const authres::Results made = to_authres(found, "mx.example.net");
  EXPECT_EQ(made.id, "mx.example.net");
  ASSERT_EQ(made.statements.size(), 4U);
  EXPECT_EQ(made.statements[0].method, "spf");
  EXPECT_EQ(made.statements[0].result, "pass");
  EXPECT_EQ(*made.statements[0].find("smtp", "mailfrom"), "joe@example.org");
  EXPECT_EQ(made.statements[1].result, "none");
  EXPECT_EQ(made.statements[1].reason, "mail.example.org has no SPF record");
  EXPECT_EQ(*made.statements[1].find("smtp", "helo"), "mail.example.org");
  EXPECT_EQ(made.statements[2].method, "dkim");
  EXPECT_EQ(made.statements[2].comment, "2048-bit key");
  EXPECT_EQ(*made.statements[2].find("header", "d"), "example.org");
  EXPECT_EQ(*made.statements[2].find("header", "i"), "joe@sub.example.org");
  EXPECT_EQ(*made.statements[2].find("header", "b"), "abcdefgh");
  EXPECT_EQ(made.statements[3].method, "dmarc");
  // What is written can be read, and says the same.
  const std::string written = field(found);
  const auto read = authres::parse(std::string_view(written).substr(written.find(':') + 1));
  ASSERT_TRUE(read.ok()) << read.error().text;
  EXPECT_EQ(read->statements, made.statements);
}

TEST(ToAuthres, NamesTheHeloOfANullReversePath) {
  Results found = results();
  found.null_sender = true;
  found.spf.sender = "postmaster@mail.example.org";
  found.spf.domain = "mail.example.org";
  const authres::Results made = to_authres(found, "mx.example.net");
  EXPECT_EQ(*made.statements[0].find("smtp", "helo"), "mail.example.org");
  EXPECT_EQ(made.statements[0].find("smtp", "mailfrom"), nullptr);
  EXPECT_EQ(made.statements[1].result, "none") << "no signature";
}

TEST(ToAuthres, TellsSignaturesApart) {
  Results found = results();
  found.dkim = {signature("abcdefghij1"), signature("abcdefghij2", dkim::Verdict::fail), signature("abcdefghij2")};
  found.dkim[1].explanation = "the body was changed";
  const authres::Results made = to_authres(found, "mx.example.net");
  EXPECT_EQ(*made.statements[1].find("header", "b"), "abcdefghij1");
  EXPECT_EQ(*made.statements[2].find("header", "b"), "abcdefghij2");
  EXPECT_EQ(made.statements[2].reason, "the body was changed");
}

TEST(ToAuthres, LeavesOutSignaturesRatherThanDmarc) {
  for (const std::size_t signatures : {authres::max_statements - 2, authres::max_statements - 1, std::size_t{1000}}) {
    Results found = results();
    for (std::size_t i = 0; i < signatures; ++i) found.dkim.push_back(signature(std::to_string(1'000'000'000 + i)));
    const authres::Results made = to_authres(found, "mx.example.net");
    EXPECT_EQ(made.statements.size(), std::min(signatures + 2, authres::max_statements));
    EXPECT_EQ(made.statements.back().method, "dmarc");
    EXPECT_FALSE(field(found).empty());
  }
}

TEST(ToAuthres, NothingFromAStrangerGetsOutOfItsPlace) {
  Results found = results();
  found.spf.sender = "\"a; dkim=pass header.d=bank.example\r\nX: y\"@example.org";
  found.spf.verdict = spf::Verdict::fail;
  found.spf.text = "no\"); dkim=pass (\r\n\r\n";
  found.dkim.push_back(signature("abc; dmarc=pass"));
  found.dkim.back().verdict = dkim::Verdict::neutral;
  found.dkim.back().domain.clear();
  found.dkim.back().identity = "x\r\n y\"; dmarc=pass";
  found.dkim.back().algorithm = "(((";
  found.dmarc.verdict = dmarc::Verdict::fail;
  const std::string written = field(found);
  const auto read = authres::parse(std::string_view(written).substr(written.find(':') + 1));
  ASSERT_TRUE(read.ok()) << written;
  ASSERT_EQ(read->statements.size(), 3U) << written;
  EXPECT_EQ(read->statements[0].result, "fail");
  EXPECT_EQ(read->statements[1].result, "neutral");
  EXPECT_EQ(read->statements[2].result, "fail");
  EXPECT_EQ(written.find("\r\nX"), std::string::npos);
  EXPECT_EQ(written.find("\r\n\r\n"), std::string::npos);
}

}  // namespace
}  // namespace sendconn::authenticate
