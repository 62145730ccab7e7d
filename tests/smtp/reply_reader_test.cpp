// What a client reads of a server: replies, and the capabilities in the one to EHLO.
#include <cstddef>
#include <string_view>

#include <gtest/gtest.h>

#include "lib/smtp/capabilities.hpp"
#include "lib/smtp/reply_reader.hpp"

namespace sendconn::smtp {
namespace {

TEST(ReplyReaderTest, ReadsEachReplyAtEveryCut) {
  const struct {
    const char* wire;
    const char* summary;  // nullptr: malformed
  } cases[] = {
      {"250 ok\r\n", "250 ok"},
      {"250 ok\n", "250 ok"},
      {"250\r\n", "250"},
      {"250 \r\n", "250"},
      {"250-a\r\n250-b\r\n250 c\r\n", "250 a b c"},
      {"250-\r\n250\r\n", "250  "},
      {"550 5.1.1 who\r\n", "550 5.1.1 who"},
      {"550-5.1.1 who\r\n550 5.1.1 is that\r\n", "550 5.1.1 who is that"},
      {"550-5.1.1 who\r\n550 is that\r\n", "550 5.1.1 who is that"},
      {"550 5.1.1\r\n", "550 5.1.1"},
      {"550 4.1.1 who\r\n", "550 4.1.1 who"},
      {"550 5.1 who\r\n", "550 5.1 who"},
      {"550 5.1.\r\n", "550 5.1."},
      {"550 5.1.1: who\r\n", "550 5.1.1: who"},
      {"250 2.0.0.1 ok\r\n", "250 2.0.0.1 ok"},
      {"550 5.1.1 \x1b[31mred\x07\x7f\tand\xfc\r\n", "550 5.1.1  [31mred   and\xfc"},
      {"25 ok\r\n", nullptr},
      {"2500 ok\r\n", nullptr},
      {"250ok\r\n", nullptr},
      {"150 ok\r\n", nullptr},
      {"650 ok\r\n", nullptr},
      {"\r\n", nullptr},
      {" 250 ok\r\n", nullptr},
      {"250-a\r\n550 b\r\n", nullptr},
      {"250-a\r\nb\r\n", nullptr},
  };
  for (const auto& [wire, summary] : cases) {
    const std::string_view text(wire);
    for (std::size_t cut = 0; cut < text.size(); ++cut) {
      ReplyReader reader;
      ReplyReader::Taken taken = reader.take(text.substr(0, cut), 1000);
      if (taken.status == ReplyReader::Status::partial) taken = reader.take(text.substr(cut), 1000);
      if (summary == nullptr) {
        ASSERT_EQ(taken.status, ReplyReader::Status::malformed) << wire;
      } else {
        ASSERT_EQ(taken.status, ReplyReader::Status::complete) << wire;
        ASSERT_EQ(reader.release().summary(), summary) << wire;
      }
    }
  }
}

TEST(CapabilitiesTest, AreReadLineByLine) {
  const Capabilities all = parse_capabilities(
      "PIPELINING.example says hello\npipelining\nSIZE 99\n8bitmime\nSmtpUtf8\nSTARTTLS\nENHANCEDSTATUSCODES\n"
      "AUTH CRAM-MD5 plain\nAUTH=LOGIN\nX-WHATEVER 1");
  EXPECT_TRUE(all.extended && all.pipelining && all.size && all.eight_bit_mime && all.smtputf8 && all.starttls &&
              all.enhanced_codes);
  EXPECT_EQ(all.max_octets, 99U);
  EXPECT_EQ(all.mechanisms, 3);
  const Capabilities none = parse_capabilities(
      "PIPELINING\nPIPELINING=1\nSIZES 5\nX8BITMIME\nAUTHENTICATE PLAIN\nSTARTTLS_NO\nAUTH\n\n SMTPUTF8");
  EXPECT_FALSE(none.pipelining || none.size || none.eight_bit_mime || none.smtputf8 || none.starttls);
  EXPECT_EQ(none.mechanisms, 0);
  EXPECT_EQ(parse_capabilities("mx\nSIZE x").max_octets, 0U);
  EXPECT_TRUE(parse_capabilities("mx\nSIZE").size);
}

}  // namespace
}  // namespace sendconn::smtp
