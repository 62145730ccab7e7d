#include "lib/mime/transfer_encoding.hpp"

#include <gtest/gtest.h>

#include <string>

#include "lib/base/base64.hpp"

namespace sendconn::mime {
namespace {

TEST(TransferEncoding, IsChosenByTheContent) {
  struct Case {
    std::string text;
    bool eight_bit;
    Encoding encoding;
  };
  const Case table[] = {
      {"", false, Encoding::seven_bit},
      {"Hello\r\n", false, Encoding::seven_bit},
      {std::string(78, 'x') + "\r\n", false, Encoding::seven_bit},
      {std::string(79, 'x') + "\r\n", false, Encoding::quoted_printable},
      {"a space at the end \r\nof a line that is long enough for this\r\n", false, Encoding::quoted_printable},
      {"in the middle\r\nFrom here a mailbox would begin another message\r\n", false, Encoding::quoted_printable},
      {"an escape \x1b in a text that is otherwise plain\r\n", false, Encoding::quoted_printable},
      {"Viele Grüße aus Köln am Rhein, und bis bald\r\n", false, Encoding::quoted_printable},
      {"Привет из Москвы\r\n", false, Encoding::base64},
      {"Привет из Москвы\r\n", true, Encoding::eight_bit},
      {"Grüße " + std::string(990, 'x') + "\r\n", true, Encoding::eight_bit},
      {"Grüße " + std::string(991, 'x') + "\r\n", true, Encoding::quoted_printable},
      {"Grüße \r\n" + std::string(40, 'x'), true, Encoding::quoted_printable},
  };
  for (const Case& one : table) EXPECT_EQ(choose_encoding(one.text, one.eight_bit), one.encoding) << one.text;
}

std::string quoted_printable(std::string_view text) {
  std::string out;
  append_quoted_printable(out, text);
  return out;
}

TEST(TransferEncoding, WritesQuotedPrintable) {
  EXPECT_EQ(quoted_printable("a=b\r\n"), "a=3Db\r\n");
  EXPECT_EQ(quoted_printable("end \r\nend\t"), "end=20\r\nend=09");
  EXPECT_EQ(quoted_printable(".\r\nFrom x\r\nFromage\r\n"), "=2E\r\n=46rom x\r\nFromage\r\n");
  EXPECT_EQ(quoted_printable("\xc3\xbc"), "=C3=BC");
  EXPECT_EQ(quoted_printable(std::string(76, 'x') + "\r\n"), std::string(76, 'x') + "\r\n");
  EXPECT_EQ(quoted_printable(std::string(77, 'x')), std::string(75, 'x') + "=\r\nxx");
  // A soft line break may bring a dot to the start of a line.
  EXPECT_EQ(quoted_printable(std::string(75, 'x') + ".y"), std::string(75, 'x') + "=\r\n=2Ey");
}

TEST(TransferEncoding, WritesBase64InLines) {
  std::string out;
  append_base64_lines(out, std::string(58, 'x'));
  EXPECT_EQ(out, base64::encode(std::string(57, 'x')) + "\r\n" + base64::encode("x") + "\r\n");
  out.clear();
  append_base64_lines(out, "");
  EXPECT_EQ(out, "");
}

TEST(TransferEncoding, NeverTakesMoreRoomThanItSaid) {
  const std::string pieces[] = {"x", ".", "\r\n", "\xc3\xbc", " ", "From ", "=", "\t"};
  std::uint32_t state = 1;
  for (int round = 0; round < 2'000; ++round) {
    std::string text;
    for (std::uint32_t i = 0, count = (state >> 8) % 300; i < count; ++i) {
      state = state * 1'664'525 + 1'013'904'223;
      text += pieces[state >> 29];
    }
    for (const Encoding encoding : {Encoding::quoted_printable, Encoding::base64}) {
      std::string out;
      append_encoded(out, encoding, text);
      ASSERT_LE(out.size(), encoded_octets(encoding, text)) << text;
    }
    state = state * 1'664'525 + 1'013'904'223;
  }
}

}  // namespace
}  // namespace sendconn::mime
