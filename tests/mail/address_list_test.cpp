// parse_address_list: the author is who the grammar says, or there is none.
#include <sendconn/message.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "lib/mail/idn.hpp"
#include "lib/mail/lexer.hpp"

namespace sendconn::mail {
namespace {

using testing::HasSubstr;
using namespace std::string_literals;

std::vector<std::string> texts(const std::vector<Address>& addresses) {
  std::vector<std::string> out;
  for (const Address& address : addresses) out.push_back(address.format());
  return out;
}

TEST(AddressList, ReadsWhatTheGrammarAllows) {
  struct Case {
    std::string value;
    std::vector<std::string> addresses;
  };
  const std::vector<Case> table = {
      // plain forms (RFC 5322 section 3.4)
      {" a@example.org", {"a@example.org"}},
      {"<a@example.org>", {"a@example.org"}},
      {"A B <a@example.org>", {"a@example.org"}},
      {"A B<a@example.org>", {"a@example.org"}},
      {"\"B, A\" <a@example.org>", {"a@example.org"}},
      {"a@example.org, B <b@example.com>,\r\n\tc@example.net ", {"a@example.org", "b@example.com", "c@example.net"}},
      {"A@EXAMPLE.ORG", {"A@example.org"}},
      {"\"a b\"@example.org", {"\"a b\"@example.org"}},
      {"\"a\\\"@evil.example\"@example.org", {"\"a\\\"@evil.example\"@example.org"}},
      // what a display name may hold without being an address
      {"\"ceo@bank.example\" <a@example.org>", {"a@example.org"}},
      {"\"<ceo@bank.example>\" <a@example.org>", {"a@example.org"}},
      {"\"\\\"ceo@bank.example, \" <a@example.org>", {"a@example.org"}},
      {"(ceo@bank.example) a@example.org", {"a@example.org"}},
      {"a@example.org (ceo@bank.example)", {"a@example.org"}},
      {"(<ceo@bank.example>,) a@example.org", {"a@example.org"}},
      {"(a(b)c\\)d) a@example.org", {"a@example.org"}},
      // encoded words are atoms, whatever they decode to (RFC 2047 section 5)
      {"=?utf-8?Q?M=C3=BCller?= <a@example.org>", {"a@example.org"}},
      {"=?utf-8?B?DQpCY2M6IHhAeQ==?= <a@example.org>", {"a@example.org"}},  // decodes to CRLF Bcc:
      {"=?utf-8?Q?ceo=40bank.example?= <a@example.org>", {"a@example.org"}},
      {"=?utf-8?Q?a?= =?utf-8?Q?b?= <a@example.org>", {"a@example.org"}},
      // UTF-8 (RFC 6532), and display names in older charsets
      {"Jürgen Groß <juergen@example.org>", {"juergen@example.org"}},
      {"J\xfcrgen <a@example.org>", {"a@example.org"}},
      {"grüße@example.org", {"grüße@example.org"}},
      // obsolete forms (RFC 5322 section 4.4)
      {"J. R. Ewing <a@example.org>", {"a@example.org"}},
      {"a . b @ example . org", {"a.b@example.org"}},
      {"a(x).(y)b(z)@(w)example(v).org(u)", {"a.b@example.org"}},
      {"a@example\r\n .org", {"a@example.org"}},
      {"a.\"b\".c@example.org", {"a.b.c@example.org"}},
      {"a.\"b c\"@example.org", {"\"a.b c\"@example.org"}},
      {"\"a\r\n b\"@example.org", {"\"a b\"@example.org"}},
      {"<@r.example:a@example.org>", {"a@example.org"}},
      {"X <@r.example,@s.example : a@example.org>", {"a@example.org"}},
      {"<,@r.example,,:a@example.org>", {"a@example.org"}},
      {",a@example.org,,\r\n ,b@example.org,", {"a@example.org", "b@example.org"}},
      // groups (RFC 6854)
      {"Team: a@example.org, B <b@example.org>;", {"a@example.org", "b@example.org"}},
      {"undisclosed-recipients:;", {}},
      {"Team: (nobody) ;", {}},
      {"Team:,a@example.org,;", {"a@example.org"}},
      {"Team: a@example.org;, b@example.org", {"a@example.org", "b@example.org"}},
      {"\"a@example.org\": b@example.com;", {"b@example.com"}},
      {"", {}},
      {" \r\n ", {}},
      {"(only a comment)", {}},
      {",,,", {}},
  };
  for (const auto& [value, expected] : table) {
    const auto list = parse_address_list(value);
    ASSERT_TRUE(list) << testing::PrintToString(value) << ": " << list.error().text;
    EXPECT_EQ(texts(*list), expected) << testing::PrintToString(value);
  }
}

TEST(AddressList, TakesULabels) {
  if (!idn_available()) GTEST_SKIP() << "built without libidn2";
  EXPECT_EQ(texts(*parse_address_list("Bücher <info@BÜCHER.example>")),
            std::vector<std::string>{"info@xn--bcher-kva.example"});
}

TEST(AddressList, RefusesWhatTwoReadersCouldTakeDifferently) {
  struct Case {
    std::string value;
    std::size_t position;
    std::string reason;
  };
  const std::vector<Case> table = {
      // two addresses where one is meant
      {"ceo@bank.example <a@example.org>", 17, "a comma is required"},
      {"<ceo@bank.example> <a@example.org>", 19, "a comma is required"},
      {"a@example.org b@bank.example", 14, "a comma is required"},
      {"a@example.org; b@bank.example", 13, "a comma is required"},
      {"a@example.org<b@bank.example>", 13, "a comma is required"},
      {"\"x\" <a@example.org> ceo@bank.example", 20, "a comma is required"},
      {"a@example.org@bank.example", 13, "a comma is required"},
      {"<a@example.org@bank.example>", 14, "closing angle bracket"},
      {"<a@example.org, b@bank.example>", 14, "closing angle bracket"},
      {"<<a@example.org>>", 1, "local@domain"},
      {"A <B <a@example.org>>", 5, "local@domain"},
      {"[x] <a@example.org>", 0, "an address is required"},
      {"A [x] <a@example.org>", 0, "is no address"},
      // incomplete
      {"a", 0, "is no address"},
      {"a, b@example.org", 0, "is no address"},
      {"A B", 0, "is no address"},
      {"@example.org", 0, "no local part"},
      {"<>", 1, "local@domain"},
      {"A <a@example.org", 16, "closing angle bracket"},
      {"A <a>", 4, "local@domain"},
      {"a@", 2, "domain label"},
      {"a@.org", 2, "domain label"},
      {"a@example..org", 10, "domain label"},
      {"a@example.org.", 14, "domain label"},
      {"a b@example.org", 0, "no local part"},
      {"a..b@example.org", 0, "no local part"},
      {".a@example.org", 0, "no local part"},
      {"a.@example.org", 0, "no local part"},
      {"\"a\"b@example.org", 0, "no local part"},
      {". <a@example.org>", 0, "begins with a word"},
      {".: a@example.org;", 0, "begins with a word"},
      {"Team: a@example.org", 19, "closing semicolon"},
      {"Team: a@example.org, Sub: b@example.org;;", 24, "group inside a group"},
      {": a@example.org;", 0, "an address is required"},
      {"Team: a@example.org;;", 20, "a comma is required"},
      {"<@r.example a@example.org>", 12, "a route"},
      {"<,:a@example.org>", 2, "a route"},
      {"\"a <a@example.org>", 0, "closing quote"},
      {"(a a@example.org", 0, "closing parenthesis"},
      {"a@example.org (x", 14, "closing parenthesis"},
      {"a@example.org )", 14, "a comma is required"},
      // what an address may not be
      {"a@[192.0.2.1]", 0, "address literal"},
      {"a@[192.0.2.1", 12, "closing bracket"},
      {"a@192.0.2.1", 0, "digits alone"},
      {"a@exa_mple!.org", 0, "no letter, digit"},
      {"\xc3\x28@example.org", 1, "closing parenthesis"},
      {"a\xff@example.org", 0, "local part"},
      {"a\xc0\x80@example.org", 0, "local part"},
      // control characters and false folds
      {"a@example.org\r\nBcc: b@example.org", 13, "control character"},
      {"a@example.org\nBcc: b", 13, "control character"},
      {"\"a\r\nb\" <a@example.org>", 2, "control character"},
      {"(a\r\nb) a@example.org", 2, "control character"},
      {"a\0b@example.org"s, 1, "control character"},
      {"\"a\0b\" <a@example.org>"s, 2, "control character"},
      {"\"a\\\0b\" <a@example.org>"s, 3, "backslash"},
      {"(\\", 2, "backslash"},
      {"\"\\", 2, "backslash"},
      {"a@example.org\x7f", 13, "a comma is required"},
      {"\"a\tb\"@example.org", 0, "quoted local part"},
  };
  for (const auto& [value, position, reason] : table) {
    const auto list = parse_address_list(value);
    ASSERT_FALSE(list) << testing::PrintToString(value) << " gave " << testing::PrintToString(texts(*list));
    EXPECT_EQ(list.error().code, Errc::syntax) << testing::PrintToString(value);
    EXPECT_EQ(list.error().position, position) << testing::PrintToString(value) << ": " << list.error().text;
    EXPECT_THAT(list.error().text, HasSubstr(reason)) << testing::PrintToString(value);
    EXPECT_LT(list.error().text.size(), 400U);
    for (const char c : list.error().text) EXPECT_TRUE(c >= 0x20 && c < 0x7f) << list.error().text;
  }
}

TEST(AddressList, BoundsAddressesAndNesting) {
  EXPECT_TRUE(parse_address_list("a@example.org, b@example.org", 2));
  const auto many = parse_address_list("a@example.org, b@example.org", 1);
  ASSERT_FALSE(many);
  EXPECT_EQ(many.error().code, Errc::limit_exceeded);
  EXPECT_EQ(many.error().position, 15U);

  const auto nested = [](std::size_t depth) {
    return parse_address_list(std::string(depth, '(') + std::string(depth, ')') + "a@example.org");
  };
  EXPECT_TRUE(nested(max_comment_depth));
  ASSERT_FALSE(nested(max_comment_depth + 1));
  EXPECT_EQ(nested(max_comment_depth + 1).error().code, Errc::limit_exceeded);
  EXPECT_EQ(nested(100'000).error().code, Errc::limit_exceeded) << "no recursion to run out of stack";
}

TEST(AddressList, OfTheLargestSizeEndsSoon) {
  for (const std::string piece : {",", "(x)", "\"x\" ", "x ", ". ", "\r\n ", "x:;,", "<", "@x,", "\\", "=?", "\xc3"}) {
    std::string value;
    while (value.size() < HeaderLimits{}.max_octets) value += piece;
    const auto list = parse_address_list(value);
    EXPECT_TRUE(!list || list->empty()) << piece;
  }
}

TEST(AddressList, NeverReadsAPrefixAsAnotherAuthor) {
  // Cut anywhere, a value gives an error or addresses that stand in it: a cut makes no new author but a shorter name.
  const std::string value =
      "\"B, A\" <@r.example:a@example.org>, (c (d)) Team: \"e f\"@example.com, g . h @ example . net;, i@example.org";
  const std::vector<std::string> all = {"a@example.org", "\"e f\"@example.com", "g.h@example.net", "i@example.org"};
  ASSERT_EQ(texts(*parse_address_list(value)), all);
  for (std::size_t cut = 0; cut < value.size(); ++cut) {
    const auto list = parse_address_list(std::string_view(value).substr(0, cut));
    if (!list) continue;
    const auto found = texts(*list);
    for (std::size_t i = 0; i < found.size(); ++i)
      EXPECT_TRUE(i < all.size() && all[i].starts_with(found[i])) << "cut at " << cut << ": " << found[i];
  }
}

}  // namespace
}  // namespace sendconn::mail
