// Domain and Address: what is accepted, in which form it is kept, and where a refusal points.
#include <sendconn/address.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "lib/mail/idn.hpp"

namespace sendconn {
namespace {

using testing::HasSubstr;

std::string repeat(std::string_view piece, std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += piece;
  return out;
}

struct Accepted {
  std::string text;
  std::string kept;
};
struct Refused {
  std::string text;
  std::size_t position;
  std::string reason;
};

TEST(Domain, KeepsTheLowerCaseFormWithoutATrailingDot) {
  const std::vector<Accepted> table = {
      {"example.org", "example.org"},
      {"EXAMPLE.Org.", "example.org"},
      {"localhost", "localhost"},
      {"_dmarc.example.org", "_dmarc.example.org"},
      {"s1._domainkey.example.org", "s1._domainkey.example.org"},
      {"a-b.c--d.example", "a-b.c--d.example"},
      {"3com.1.example", "3com.1.example"},
      {"1.0.0.127.in-addr.arpa", "1.0.0.127.in-addr.arpa"},
      {"XN--BCHER-KVA.example", "xn--bcher-kva.example"},
      {repeat("a", 63) + ".example", repeat("a", 63) + ".example"},
      {repeat("a.", 126) + "a", repeat("a.", 126) + "a"},   // 253 octets
      {repeat("a.", 126) + "a.", repeat("a.", 126) + "a"},  // and the root's dot
  };
  for (const auto& [text, kept] : table) {
    const auto domain = Domain::parse(text);
    ASSERT_TRUE(domain) << text << ": " << domain.error().text;
    EXPECT_EQ(domain->text(), kept);
  }
}

TEST(Domain, RefusesWithThePositionOfTheFault) {
  const std::vector<Refused> table = {
      {"", 0, "empty"},
      {".", 0, "empty label"},
      {".example.org", 0, "empty label"},
      {"example..org", 8, "empty label"},
      {"example.org..", 12, "empty label"},
      {"exam ple.org", 4, "no letter, digit"},
      {"example.org\r\nRCPT TO:<x@y>", 11, "no letter, digit"},
      {std::string("exam\0ple.org", 12), 4, "no letter, digit"},
      {"a@example.org", 1, "no letter, digit"},
      {"[192.0.2.1]", 0, "no letter, digit"},
      {"example.-a.org", 8, "hyphen at the edge"},
      {"a-.org", 0, "hyphen at the edge"},
      {"192.0.2.1", 0, "digits alone"},
      {"example.123.", 0, "digits alone"},
      {repeat("a", 64) + ".org", 0, "label of 64 octets"},
      {repeat("a.", 127) + "a", 0, "255 octets"},
      {repeat("a.", 100'000), 0, "200000 octets"},
  };
  for (const auto& [text, position, reason] : table) {
    const auto domain = Domain::parse(text);
    ASSERT_FALSE(domain) << text;
    EXPECT_EQ(domain.error().code, Errc::syntax) << text;
    EXPECT_EQ(domain.error().position, position) << text;
    EXPECT_THAT(domain.error().text, HasSubstr(reason));
    EXPECT_LT(domain.error().text.size(), 300U) << "an error text is a sentence, whatever the input";
    for (const char c : domain.error().text) EXPECT_TRUE(c >= 0x20 && c < 0x7f) << domain.error().text;
  }
}

TEST(Domain, TakesULabelsAndShowsThem) {
  if (!mail::idn_available()) GTEST_SKIP() << "built without libidn2";
  const std::vector<Accepted> table = {
      {"bücher.example", "xn--bcher-kva.example"},       {"BÜCHER.Example", "xn--bcher-kva.example"},
      {"bu\u0308cher.example", "xn--bcher-kva.example"},  // decomposed: NFC makes it one
      {"straße.example", "xn--strae-oqa.example"},        // nontransitional: not strasse
      {"例え.テスト", "xn--r8jz45g.xn--zckzah"},         {"mail.bücher.example", "mail.xn--bcher-kva.example"},
  };
  for (const auto& [text, kept] : table) {
    const auto domain = Domain::parse(text);
    ASSERT_TRUE(domain) << text << ": " << domain.error().text;
    EXPECT_EQ(domain->text(), kept);
    EXPECT_EQ(*Domain::parse(domain->display()), *domain) << "display() can be read back";
  }
  EXPECT_EQ(Domain::parse("xn--bcher-kva.example")->display(), "bücher.example");
  EXPECT_EQ(*Domain::parse("bücher.example"), *Domain::parse("XN--bcher-kva.example"));
}

TEST(Domain, ShowsAnALabelThatStandsForNothingAsItIs) {
  for (const char* text : {"xn--a.example", "xn--0.example", "xn--example.example", "example.org"})
    EXPECT_EQ(Domain::parse(text)->display(), text);
}

TEST(Domain, RefusesULabelsThatHideOrFail) {
  if (!mail::idn_available()) GTEST_SKIP() << "built without libidn2";
  const std::vector<Refused> table = {
      {"ex\u00adample.org", 0, "invisible"},        // soft hyphen: dropped by the mapping
      {"mail.exa\u200bmple.org", 5, "invisible"},   // zero-width space
      {"example\u3002org", 0, "no letter, digit"},  // ideographic full stop would become a dot
      {"a\u2024b.org", 0, "disallowed"},            // one dot leader
      {"a\u2100b.org", 0, "no letter, digit"},      // maps to "a/c"
      {"x.\xc3.org", 2, "not UTF-8"},
      {"x.\xc0\xaf.org", 2, "not UTF-8"},      // overlong
      {"x.\xed\xa0\x80.org", 2, "not UTF-8"},  // surrogate
      {"\u0301x.org", 0, "label"},             // begins with a combining mark
  };
  for (const auto& [text, position, reason] : table) {
    const auto domain = Domain::parse(text);
    ASSERT_FALSE(domain) << text << " became " << domain->text();
    EXPECT_EQ(domain.error().position, position) << text;
    EXPECT_THAT(domain.error().text, HasSubstr(reason)) << text;
  }
}

TEST(Domain, IsWithinItselfAndItsParentsAlone) {
  const Domain mail = *Domain::parse("a.mail.example.org");
  for (const char* parent : {"a.mail.example.org", "mail.example.org", "example.org", "org"})
    EXPECT_TRUE(mail.is_within(*Domain::parse(parent))) << parent;
  for (const char* other : {"b.a.mail.example.org", "ail.example.org", "example.com", "mail.example", "g"})
    EXPECT_FALSE(mail.is_within(*Domain::parse(other))) << other;
}

TEST(Address, KeepsTheLocalPartAndLowersTheDomain) {
  const std::vector<Accepted> table = {
      {"User@Example.ORG", "User@example.org"},
      {"a.b.c@example.org", "a.b.c@example.org"},
      {"!#$%&'*+-/=?^_`{|}~@example.org", "!#$%&'*+-/=?^_`{|}~@example.org"},
      {"\"a b\"@example.org", "\"a b\"@example.org"},
      {"\"a@b\"@example.org", "\"a@b\"@example.org"},
      {R"("a\"b\\c"@example.org)", R"("a\"b\\c"@example.org)"},
      {"\"\"@example.org", "\"\"@example.org"},
      {"grüße@example.org", "grüße@example.org"},
      {"\"grüße an\"@example.org", "\"grüße an\"@example.org"},
      {"\xf0\x9f\x93\xa7@example.org", "\xf0\x9f\x93\xa7@example.org"},
      {repeat("a", 64) + "@example.org", repeat("a", 64) + "@example.org"},
  };
  for (const auto& [text, kept] : table) {
    const auto address = Address::parse(text);
    ASSERT_TRUE(address) << text << ": " << address.error().text;
    EXPECT_EQ(address->format(), kept);
    EXPECT_EQ(*Address::parse(address->format()), *address);
  }
}

TEST(Address, RefusesWithThePositionOfTheFault) {
  const std::string long_domain = repeat("a.", 110) + "example";
  const std::vector<Refused> table = {
      {"", 0, "empty"},
      {"user", 4, "@ and a domain"},
      {"@example.org", 0, "local part"},
      {"user@", 5, "empty"},
      {".user@example.org", 0, "local part"},
      {"user.@example.org", 5, "local part"},
      {"us..er@example.org", 3, "local part"},
      {"us er@example.org", 2, "@ and a domain"},
      {"user@@example.org", 5, "no letter, digit"},
      {"a@b@example.org", 3, "no letter, digit"},
      {"user@example.org.", 16, "dot behind the domain"},
      {"user@[192.0.2.1]", 5, "address literal"},
      {"user@[IPv6:::1]", 5, "address literal"},
      {"user@192.0.2.1", 5, "digits alone"},
      {"<user@example.org>", 0, "local part"},
      {"@relay.example:user@example.org", 0, "local part"},  // a source route is the envelope parser's business
      {"user@example.org\r\nDATA", 16, "no letter, digit"},
      {"us\r\ner@example.org", 2, "@ and a domain"},
      {std::string("us\0er@example.org", 17), 2, "@ and a domain"},
      {"us\x7f"
       "er@example.org",
       2, "@ and a domain"},
      {"\"us\r\ner\"@example.org", 3, "quoted"},
      {std::string("\"us\0er\"@example.org", 19), 3, "quoted"},
      {"\"us\ter\"@example.org", 3, "quoted"},
      {"\"user@example.org", 17, "quoted"},
      {"\"user\\", 5, "quoted"},
      {"\"us\\\ner\"@example.org", 3, "quoted"},
      {"\"a\"b@example.org", 3, "@ and a domain"},
      {"\xc3@example.org", 0, "local part"},  // half a sequence
      {"a\xc0\x80"
       "b@example.org",
       1, "@ and a domain"},                                   // overlong NUL
      {"a\xc0\xae@example.org", 1, "@ and a domain"},          // overlong dot
      {"a\xed\xa0\x80@example.org", 1, "@ and a domain"},      // surrogate
      {"a\xf4\x90\x80\x80@example.org", 1, "@ and a domain"},  // above U+10FFFF
      {"a\xc2\x85@example.org", 1, "@ and a domain"},          // NEL, a control character
      {repeat("a", 65) + "@example.org", 0, "65 octets"},
      {repeat("a", 64) + "@" + long_domain, 0, "254 octets"},
  };
  for (const auto& [text, position, reason] : table) {
    const auto address = Address::parse(text);
    ASSERT_FALSE(address) << text;
    EXPECT_EQ(address.error().code, Errc::syntax) << text;
    EXPECT_EQ(address.error().position, position) << text << ": " << address.error().text;
    EXPECT_THAT(address.error().text, HasSubstr(reason)) << text;
    for (const char c : address.error().text) EXPECT_TRUE(c >= 0x20 && c < 0x7f) << address.error().text;
  }
}

TEST(Address, NeedsSmtputf8ForItsLocalPartAlone) {
  EXPECT_TRUE(Address::parse("grüße@example.org")->needs_smtputf8());
  EXPECT_FALSE(Address::parse("gruesse@example.org")->needs_smtputf8());
  if (mail::idn_available()) {
    EXPECT_FALSE(Address::parse("gruesse@bücher.example")->needs_smtputf8());
  }
}

TEST(Address, ComparesTheLocalPartWithItsCase) {
  EXPECT_EQ(*Address::parse("User@EXAMPLE.org"), *Address::parse("User@example.org"));
  EXPECT_NE(*Address::parse("User@example.org"), *Address::parse("user@example.org"));
}

}  // namespace
}  // namespace sendconn
