// Reply and EnhancedCode on their own.
#include <sendconn/reply.hpp>

#include <gtest/gtest.h>

namespace sendconn {
namespace {

TEST(EnhancedCodeTest, ParsesWhatItFormats) {
  for (const char* text : {"2.0.0", "4.7.1", "5.1.10", "5.999.999"}) {
    const Result<EnhancedCode> code = EnhancedCode::parse(text);
    ASSERT_TRUE(code) << text << ": " << code.error().text;
    EXPECT_EQ(code->format(), text);
  }
}

TEST(EnhancedCodeTest, RefusesWithThePosition) {
  const struct {
    const char* text;
    std::size_t position;
  } cases[] = {{"", 0},     {"3.0.0", 0},  {"5", 1},    {"5.", 2},       {"5.7", 3},
               {"5.7.", 4}, {"5.7.1 ", 5}, {"5..1", 2}, {"5.1000.1", 6}, {"5.7.1.2", 5}};
  for (const auto& [text, position] : cases) {
    const Result<EnhancedCode> code = EnhancedCode::parse(text);
    ASSERT_FALSE(code) << text;
    EXPECT_EQ(code.error().code, Errc::syntax) << text;
    EXPECT_EQ(code.error().position, position) << text;
  }
}

TEST(ReplyTest, FormatsOneLine) {
  const Reply reply{550, {5, 7, 1}, "no"};
  EXPECT_EQ(reply.format(), "550 5.7.1 no\r\n");
  EXPECT_EQ(reply.format(false), "550 no\r\n");
  EXPECT_EQ(reply.summary(), "550 5.7.1 no");
}

TEST(ReplyTest, FormatsSeveralLinesEachWithTheEnhancedCode) {
  const Reply reply{250, {2, 0, 0}, "one\ntwo\n"};
  EXPECT_EQ(reply.format(), "250-2.0.0 one\r\n250-2.0.0 two\r\n250 2.0.0 \r\n");
}

TEST(ReplyTest, LeavesOutAnEnhancedCodeOfAnotherClass) {
  EXPECT_EQ((Reply{354, {2, 0, 0}, "go"}).format(), "354 go\r\n");
  EXPECT_EQ((Reply{250, {5, 0, 0}, "go"}).format(), "250 go\r\n");
}

TEST(ReplyTest, TextCannotForgeALine) {
  const Reply reply{550,
                    {},
                    std::string("a\rb\tc\0d\x7f"
                                "e\r\n250 ok",
                                17)};
  EXPECT_EQ(reply.format(), "550-a b c d e\r\n550 250 ok\r\n");
  EXPECT_EQ(reply.summary().find_first_of("\r\n"), std::string::npos);
}

TEST(ReplyTest, FoldsLongTextAtSpacesAndNeverInsideACharacter) {
  for (std::size_t offset = 0; offset < 4; ++offset) {
    std::string text(offset, 'x');
    for (int i = 0; i < 600; ++i) text += "\u00e4";
    text += " and then ";
    for (int i = 0; i < 100; ++i) text += "words ";
    const std::string wire = Reply{550, {5, 7, 1}, text}.format();
    std::string_view rest = wire;
    std::size_t lines = 0;
    while (!rest.empty()) {
      const std::size_t end = rest.find("\r\n");
      ASSERT_NE(end, std::string_view::npos);
      EXPECT_LE(end + 2, Reply::max_line_octets);
      const std::string_view line = rest.substr(0, end);
      rest.remove_prefix(end + 2);
      EXPECT_EQ(line.substr(0, 3), "550");
      EXPECT_EQ(line[3], rest.empty() ? ' ' : '-');
      EXPECT_NE(static_cast<unsigned char>(line[10]) & 0xc0U, 0x80U) << "a line begins inside a character";
      ++lines;
    }
    EXPECT_GE(lines, 4U);
  }
}

TEST(ReplyTest, ClassesOfCodes) {
  EXPECT_TRUE((Reply{250, {}, {}}).positive());
  EXPECT_TRUE((Reply{354, {}, {}}).positive());
  EXPECT_TRUE((Reply{450, {}, {}}).temporary());
  EXPECT_TRUE((Reply{550, {}, {}}).permanent());
  EXPECT_FALSE((Reply{}).positive());
}

}  // namespace
}  // namespace sendconn
