// Selectors, and the records that publish a key.
#include <gtest/gtest.h>

#include <sendconn/dkim.hpp>

#include "lib/base/base64.hpp"

namespace sendconn::dkim {
namespace {

TEST(Selector, takes_labels_of_letters_digits_and_inner_hyphens) {
  for (const char* text : {"s", "2024", "brisbane", "s1-2024", "a.b.c", "xn--bcher-kva", "a--b"})
    EXPECT_EQ(Selector::parse(text)->text(), text);
  EXPECT_EQ(Selector::parse("March2005.Reykjavik")->text(), "march2005.reykjavik");
  EXPECT_TRUE(Selector::parse(std::string(63, 'a')).ok());
}

TEST(Selector, refuses_everything_else_and_says_where) {
  struct Case {
    std::string text;
    std::size_t position;
  };
  const Case cases[] = {{"", 0},
                        {".", 0},
                        {"a.", 2},
                        {".a", 0},
                        {"a..b", 2},
                        {"a_b", 1},
                        {"-a", 0},
                        {"a-", 0},
                        {"b.a-.c", 2},
                        {"a b", 1},
                        {"a;b", 1},
                        {"a\r\nb", 1},
                        {"a\"b", 1},
                        {"\xc3\xa4", 0},
                        {std::string(64, 'a'), 0},
                        {std::string("a\0b", 3), 1}};
  for (const Case& given : cases) {
    const Result<Selector> selector = Selector::parse(given.text);
    ASSERT_FALSE(selector.ok()) << given.text;
    EXPECT_EQ(selector.error().code, Errc::syntax);
    EXPECT_EQ(selector.error().position, given.position) << given.text;
    EXPECT_EQ(selector.error().text.find_first_of("\r\n"), std::string::npos) << "foreign text must not make lines";
  }
  std::string many;
  for (int i = 0; i < 130; ++i) many += "a.";
  EXPECT_FALSE(Selector::parse(many + "a").ok());
}

const Domain& domain() {
  static const Domain value = Domain::parse("Example.COM").value();
  return value;
}

TEST(KeyRecord, names_type_and_hash_and_holds_the_key) {
  const auto key = crypto::PrivateKey::generate(crypto::KeyType::rsa, 2048).value();
  const std::string record = format_key_record(key);
  const std::string start = "v=DKIM1; k=rsa; h=sha256; p=";
  ASSERT_TRUE(record.starts_with(start));
  EXPECT_EQ(base64::decode(record.substr(start.size())).value(), key.public_octets());
}

TEST(KeyRecord, is_split_into_strings_of_255_octets_in_a_zone_file) {
  for (const unsigned bits : {1024U, 2048U, 4096U}) {
    const auto key = crypto::PrivateKey::generate(crypto::KeyType::rsa, bits).value();
    const std::string line = format_key_zone_line(domain(), Selector::parse("S1.Mail").value(), key);
    const std::string start = "s1.mail._domainkey.example.com. IN TXT ";
    ASSERT_TRUE(line.starts_with(start));
    std::string joined;
    std::size_t strings = 0;
    for (std::size_t at = start.size(); at < line.size();) {
      ASSERT_EQ(line[at], '"');
      const std::size_t end = line.find('"', at + 1);
      ASSERT_NE(end, std::string::npos);
      EXPECT_LE(end - at - 1, 255U);
      joined += line.substr(at + 1, end - at - 1);
      ++strings;
      at = end + 2;
    }
    EXPECT_EQ(joined, format_key_record(key));
    EXPECT_EQ(strings, (joined.size() + 254) / 255);
  }
}

TEST(KeyRecord, of_Ed25519_fits_one_string) {
  const auto key = crypto::PrivateKey::generate(crypto::KeyType::ed25519).value();
  const std::string line = format_key_zone_line(domain(), Selector::parse("e").value(), key);
  EXPECT_EQ(line, "e._domainkey.example.com. IN TXT \"" + format_key_record(key) + "\"");
}

}  // namespace
}  // namespace sendconn::dkim
