// compose(): the octets of messages of each shape. That other programs read them back is tested in
// tests/programs/test_mime.py.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/mime/messages.hpp"

namespace sendconn::mime {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string octets(const Message& message, const ComposeOptions& options = fixed_options()) {
  auto composed = compose(message, options);
  EXPECT_TRUE(composed.ok()) << (composed ? "" : composed.error().text);
  return composed ? composed->octets : "";
}

std::size_t longest_line(std::string_view text) {
  std::size_t longest = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find("\r\n"), text.size());
    longest = std::max(longest, end);
    text.remove_prefix(std::min(end + 2, text.size()));
  }
  return longest;
}

TEST(Compose, WritesASmallMessageAsAPersonWould) {
  EXPECT_EQ(octets(small_message()),
            "Date: Mon, 24 Nov 2025 16:00:00 +0000\r\n"
            "From: Ada <ada@example.org>\r\n"
            "To: bob@example.net\r\n"
            "Subject: Hello\r\n"
            "Message-ID: <30313233343536373839616263646566@example.org>\r\n"
            "MIME-Version: 1.0\r\n"
            "Content-Type: text/plain; charset=utf-8\r\n"
            "Content-Transfer-Encoding: 7bit\r\n"
            "\r\n"
            "Hi Bob\r\n");
}

TEST(Compose, NestsAlternativesRelatedImagesAndAttachments) {
  Message message = small_message();
  message.html = "<img src=\"cid:logo@example.org\">";
  message.attachments.push_back({"PNG", "logo.png", "image/png", "logo@example.org"});
  message.attachments.push_back({"a,b\n", "table.csv", "text/csv; charset=utf-8", ""});
  const std::string text = octets(message);
  const std::string expected =
      "Content-Type: multipart/mixed;\r\n"
      " boundary=\"=_m_30313233343536373839616263646566\"\r\n"
      "\r\n"
      "--=_m_30313233343536373839616263646566\r\n"
      "Content-Type: multipart/alternative;\r\n"
      " boundary=\"=_a_30313233343536373839616263646566\"\r\n"
      "\r\n"
      "--=_a_30313233343536373839616263646566\r\n"
      "Content-Type: text/plain; charset=utf-8\r\n"
      "Content-Transfer-Encoding: 7bit\r\n"
      "\r\n"
      "Hi Bob\r\n"
      "\r\n"
      "--=_a_30313233343536373839616263646566\r\n"
      "Content-Type: multipart/related; type=\"text/html\";\r\n"
      " boundary=\"=_r_30313233343536373839616263646566\"\r\n"
      "\r\n"
      "--=_r_30313233343536373839616263646566\r\n"
      "Content-Type: text/html; charset=utf-8\r\n"
      "Content-Transfer-Encoding: 7bit\r\n"
      "\r\n"
      "<img src=\"cid:logo@example.org\">\r\n"
      "\r\n"
      "--=_r_30313233343536373839616263646566\r\n"
      "Content-Type: image/png; name=\"logo.png\"\r\n"
      "Content-Transfer-Encoding: base64\r\n"
      "Content-Disposition: inline; filename=\"logo.png\"\r\n"
      "Content-ID: <logo@example.org>\r\n"
      "\r\n"
      "UE5H\r\n"
      "--=_r_30313233343536373839616263646566--\r\n"
      "--=_a_30313233343536373839616263646566--\r\n"
      "--=_m_30313233343536373839616263646566\r\n"
      "Content-Type: text/csv; charset=utf-8; name=\"table.csv\"\r\n"
      "Content-Transfer-Encoding: base64\r\n"
      "Content-Disposition: attachment; filename=\"table.csv\"\r\n"
      "\r\n"
      "YSxiCg==\r\n"
      "--=_m_30313233343536373839616263646566--\r\n";
  EXPECT_EQ(text.substr(text.find("Content-Type")), expected);
}

TEST(Compose, GivesTheSameOctetsForTheSameInputs) {
  Message message = small_message();
  message.attachments.push_back({"x", "x", "", ""});
  EXPECT_EQ(octets(message), octets(message));
  ComposeOptions other = fixed_options();
  other.random = "another sixteen octets";
  EXPECT_NE(octets(message), octets(message, other));
}

TEST(Compose, NeverWritesBcc) {
  Message message = small_message();
  message.bcc = {{"Eve", address("eve@example.com")}};
  EXPECT_THAT(octets(message), Not(HasSubstr("eve")));
  EXPECT_EQ(recipients(message), (std::vector<Address>{address("bob@example.net"), address("eve@example.com")}));
  message.to.clear();
  EXPECT_THAT(octets(message), HasSubstr("\r\nTo: undisclosed-recipients:;\r\n"));
}

TEST(Compose, CountsEachRecipientOnce) {
  Message message = small_message();
  message.cc = {{"Bob again", address("bob@EXAMPLE.net")}, {"", address("carl@example.net")}};
  EXPECT_EQ(recipients(message), (std::vector<Address>{address("bob@example.net"), address("carl@example.net")}));
}

TEST(Compose, EncodesWordsOfASubjectThatNeedIt) {
  const std::pair<std::string, std::string> table[] = {
      {"plain words", "Subject: plain words\r\n"},
      {"Grüße aus Köln", "Subject: =?utf-8?b?R3LDvMOfZQ==?= aus =?utf-8?b?S8O2bG4=?=\r\n"},
      {"Grüße Köln", "Subject: =?utf-8?b?R3LDvMOfZSBLw7Zsbg==?=\r\n"},
      {"an =?utf-8?q?impostor?=", "Subject: an =?utf-8?b?PT91dGYtOD9xP2ltcG9zdG9yPz0=?=\r\n"},
      {" at the ends ", "Subject: =?utf-8?q?_at_the_ends_?=\r\n"},
      {"Brückenzollhaus", "Subject: =?utf-8?q?Br=C3=BCckenzollhaus?=\r\n"},
      {"a  b", "Subject: a  b\r\n"},
      {"a\tb", "Subject: =?utf-8?b?YQli?=\r\n"},
  };
  for (const auto& [subject, field] : table) {
    Message message = small_message();
    message.subject = subject;
    EXPECT_THAT(octets(message), HasSubstr(field)) << subject;
  }
}

TEST(Compose, WritesNamesAsAtomsQuotedOrEncoded) {
  const std::pair<std::string, std::string> table[] = {
      {"", "From: ada@example.org\r\n"},
      {"Ada Lovelace", "From: Ada Lovelace <ada@example.org>\r\n"},
      {"Lovelace, Ada", "From: \"Lovelace, Ada\" <ada@example.org>\r\n"},
      {"a\"b\\c", "From: \"a\\\"b\\\\c\" <ada@example.org>\r\n"},
      {"ceo@bank.example", "From: \"ceo@bank.example\" <ada@example.org>\r\n"},
      {"Ädä", "From: =?utf-8?b?w4Rkw6Q=?= <ada@example.org>\r\n"},
      {"=?utf-8?q?x?=", "From: =?utf-8?b?PT91dGYtOD9xP3g/PQ==?= <ada@example.org>\r\n"},
      {"  ", "From: \"  \" <ada@example.org>\r\n"},
  };
  for (const auto& [name, field] : table) {
    Message message = small_message();
    message.from.front().name = name;
    EXPECT_THAT(octets(message), HasSubstr(field)) << name;
  }
}

TEST(Compose, NamesFilesInAnyLanguage) {
  const std::tuple<std::string, std::string, std::string> table[] = {
      {"a.txt", "; filename=\"a.txt\"\r\n", "name=\"a.txt\"\r\n"},
      {"Übersicht.pdf", "; filename*=utf-8''%C3%9Cbersicht.pdf\r\n", "name=\"_bersicht.pdf\"\r\n"},
      {"a\"; x=\"b.txt", "; filename*=utf-8''a%22%3B%20x%3D%22b.txt\r\n", "name=\"a_; x__b.txt\"\r\n"},
      {"報告報告報告報告報告.txt",
       ";\r\n filename*0*=utf-8''%E5%A0%B1%E5%91%8A%E5%A0%B1%E5%91%8A%E5%A0%B1%E5%91%8A;\r\n"
       " filename*1*=%E5%A0%B1%E5%91%8A%E5%A0%B1%E5%91%8A.txt\r\n",
       "name=\"__________.txt\"\r\n"},
      {std::string(100, 'x') + ".tar.gz", ";\r\n filename*0*=", "name=\"" + std::string(57, 'x') + ".gz\"\r\n"},
  };
  for (const auto& [name, disposition, fallback] : table) {
    Message message = small_message();
    message.attachments.push_back({"x", name, "", ""});
    const std::string text = octets(message);
    EXPECT_THAT(text, HasSubstr("Content-Disposition: attachment" + disposition)) << name;
    EXPECT_THAT(text, HasSubstr(fallback)) << name;
  }
}

TEST(Compose, KeepsEveryLineShort) {
  Message message = small_message();
  std::string lorem;
  for (int i = 0; lorem.size() < 1'000; ++i)
    lorem += "w\u00f6rd" + std::string(static_cast<std::size_t>(i % 90), 'x') + " ";
  message.subject = std::string(1'000, 'x');
  message.from.front().name = lorem.substr(0, 990);
  message.text = std::string(5'000, 'y') + "\n" + lorem;
  message.html = "<p>" + lorem + lorem;
  message.attachments.push_back({std::string(10'000, '\xff'), std::string(250, 'n'), "", ""});
  message.fields.push_back({"X-Long", lorem + lorem});
  for (int i = 0; i < 100; ++i) message.cc.push_back({"Person, number " + std::to_string(i), address("p@example.net")});
  EXPECT_LE(longest_line(octets(message)), 78U);
}

TEST(Compose, KeepsALongWordOfAFieldWithAGrammar) {
  Message message = small_message();
  const std::string url = "<https://example.org/unsubscribe/" + std::string(500, 'x') + ">";
  message.fields.push_back({"List-Unsubscribe", "<mailto:a@example.org>, " + url});
  EXPECT_THAT(octets(message), HasSubstr("List-Unsubscribe: <mailto:a@example.org>,\r\n " + url + "\r\n"));
}

TEST(Compose, GoesOverToUtf8HeadersWhenAnAddressNeedsThem) {
  Message message = small_message();
  message.to.push_back({"Jörg, der", address("jörg@example.net")});
  message.subject = "Grüße";
  message.text = "Übung\n";
  auto composed = compose(message, fixed_options());
  ASSERT_TRUE(composed.ok());
  EXPECT_TRUE(composed->smtputf8 && composed->eight_bit);
  EXPECT_THAT(composed->octets, HasSubstr("To: bob@example.net, \"Jörg, der\" <jörg@example.net>\r\n"));
  EXPECT_THAT(composed->octets, HasSubstr("Subject: Grüße\r\n"));
  EXPECT_THAT(composed->octets, HasSubstr("Content-Transfer-Encoding: 8bit\r\n\r\nÜbung\r\n"));
  message.to.pop_back();
  message.bcc.push_back({"", address("jörg@example.net")});  // the envelope's business alone
  composed = compose(message, fixed_options());
  ASSERT_TRUE(composed.ok());
  EXPECT_FALSE(composed->smtputf8 || composed->eight_bit);
}

TEST(Compose, LeavesTextAsItIsWhereEightBitsMayPass) {
  Message message = small_message();
  message.text = "Grüße\n";
  ComposeOptions options = fixed_options();
  options.eight_bit = true;
  auto composed = compose(message, options);
  ASSERT_TRUE(composed.ok());
  EXPECT_TRUE(composed->eight_bit);
  EXPECT_THAT(composed->octets, HasSubstr("Content-Transfer-Encoding: 8bit\r\n\r\nGrüße\r\n"));
}

TEST(Compose, ChoosesABoundaryThatNoPartHolds) {
  Message message = small_message();
  const std::string token = "30313233343536373839616263646566";
  message.text = "--=_m_" + token + "\n--=_m_" + token + ".1--\n";
  message.attachments.push_back({"x", "x", "", ""});
  EXPECT_THAT(octets(message), HasSubstr("boundary=\"=_m_" + token + ".2\""));
}

TEST(Compose, CarriesAMessageInsideUnencoded) {
  Message message = small_message();
  const std::string inner = "Subject: inner\r\n\r\n--=_m_30313233343536373839616263646566\r\nno line end";
  message.attachments.push_back({inner, "inner.eml", "message/rfc822", ""});
  const std::string text = octets(message);
  EXPECT_THAT(text,
              HasSubstr("Content-Type: message/rfc822; name=\"inner.eml\"\r\nContent-Transfer-Encoding: 7bit\r\n"));
  EXPECT_THAT(text, HasSubstr("\r\n\r\n" + inner + "\r\n--=_m_30313233343536373839616263646566.1--\r\n"));
}

TEST(Compose, NormalizesLineEndsAndAddsTheLast) {
  Message message = small_message();
  message.text = "a\rb\nc\r\nd\n\re";
  EXPECT_THAT(octets(message), HasSubstr("\r\n\r\na\r\nb\r\nc\r\nd\r\n\r\ne\r\n"));
  message.text.clear();
  EXPECT_TRUE(octets(message).ends_with("7bit\r\n\r\n"));
}

TEST(Compose, NamesTheSenderOfSeveralAuthors) {
  Message message = small_message();
  message.from.push_back({"", address("carl@example.com")});
  message.sender = Mailbox{"Office", address("office@example.org")};
  message.reply_to = {{"", address("answers@example.org")}};
  EXPECT_THAT(octets(message), HasSubstr("From: Ada <ada@example.org>, carl@example.com\r\n"
                                         "Sender: Office <office@example.org>\r\n"
                                         "Reply-To: answers@example.org\r\n"));
}

}  // namespace
}  // namespace sendconn::mime
