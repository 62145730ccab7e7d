// Splitter: where the header section ends does not depend on how the message was cut.
#include <sendconn/message.hpp>

#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

namespace sendconn::mail {
namespace {

constexpr std::size_t wide = 1'000;

struct Split {
  bool refused = false;
  bool empty_line = false;  ///< seen before the end
  std::string header;
  std::string body;
  friend bool operator==(const Split&, const Split&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Split& split) {
    return out << (split.refused ? "refused" : "taken") << (split.empty_line ? "" : ", no empty line") << ", header "
               << testing::PrintToString(split.header) << ", body " << testing::PrintToString(split.body);
  }
};

Split run(const std::vector<std::string_view>& pieces, std::size_t max_header) {
  Splitter splitter(max_header);
  Split split;
  for (const std::string_view piece : pieces) {
    const auto body = splitter.feed(piece);
    if (!body) {
      EXPECT_EQ(body.error().code, Errc::limit_exceeded);
      return {.refused = true};
    }
    split.body += *body;
  }
  split.empty_line = splitter.header_complete();
  splitter.finish();
  EXPECT_TRUE(splitter.header_complete());
  split.header = splitter.take_header();
  return split;
}

struct Case {
  std::string message;
  std::size_t max_header;
  Split expected;
};

const std::vector<Case>& cases() {
  static const std::vector<Case> table = {
      {"A: 1\r\nB: 2\r\n\r\nbody\r\n", wide, {false, true, "A: 1\r\nB: 2\r\n", "body\r\n"}},
      {"A: 1\r\n\r\n", wide, {false, true, "A: 1\r\n", ""}},
      {"A: 1\r\n\r\n\r\n\r\n", wide, {false, true, "A: 1\r\n", "\r\n\r\n"}},
      {"A: 1\r\n", wide, {false, false, "A: 1\r\n", ""}},
      {"A: 1\r\n\r", wide, {false, false, "A: 1\r\n\r", ""}},
      {"\r\nbody", wide, {false, true, "", "body"}},
      {"\r\n", wide, {false, true, "", ""}},
      {"", wide, {false, false, "", ""}},
      {"\r", wide, {false, false, "\r", ""}},
      {"A: 1\r\n folded\r\n\r\nB: no field\r\n\r\n", wide, {false, true, "A: 1\r\n folded\r\n", "B: no field\r\n\r\n"}},
      // Only CRLF CRLF is an empty line: what looks like one to a lenient reader stays in the section, to be refused.
      {"A: 1\n\nB\r\n\r\nbody", wide, {false, true, "A: 1\n\nB\r\n", "body"}},
      {"A: 1\r\rB\r\n\r\nbody", wide, {false, true, "A: 1\r\rB\r\n", "body"}},
      {"A: 1\n\r\nB\r\n\r\nbody", wide, {false, true, "A: 1\n\r\nB\r\n", "body"}},
      {"A: 1\r\n\nB\r\n\r\nbody", wide, {false, true, "A: 1\r\n\nB\r\n", "body"}},
      {"A: 1\r\n\r\r\nB\r\n\r\nbody", wide, {false, true, "A: 1\r\n\r\r\nB\r\n", "body"}},
      {"\n\r\nA: 1\r\n\r\nbody", wide, {false, true, "\n\r\nA: 1\r\n", "body"}},
      {"A: 1\r\n \r\n\r\nbody", wide, {false, true, "A: 1\r\n \r\n", "body"}},
      // The bound counts the section without its empty line, exactly.
      {"A: 1\r\n\r\nbody, as long as it likes", 6, {false, true, "A: 1\r\n", "body, as long as it likes"}},
      {"A: 1\r\n\r\nbody", 5, {.refused = true}},
      {"A: 1\r\nB: 2\r\n\r\n", 11, {.refused = true}},
      {"A: 1 and no end of line at all", 10, {.refused = true}},
      {"A: 1\r\nB: 2\r\n\r\n", 0, {.refused = true}},
      {"\r\nbody", 0, {false, true, "", "body"}},
  };
  return table;
}

TEST(Splitter, SplitsAWholeMessage) {
  for (const auto& [message, max_header, expected] : cases())
    EXPECT_EQ(run({message}, max_header), expected) << testing::PrintToString(message);
}

TEST(Splitter, GivesTheSameResultForEveryTwoCuts) {
  for (const auto& [message, max_header, expected] : cases()) {
    const std::string_view text = message;
    for (std::size_t i = 0; i <= text.size(); ++i)
      for (std::size_t j = i; j <= text.size(); ++j)
        ASSERT_EQ(run({text.substr(0, i), text.substr(i, j - i), text.substr(j)}, max_header), expected)
            << testing::PrintToString(message) << " cut at " << i << " and " << j;
  }
}

TEST(Splitter, GivesTheSameResultOctetByOctet) {
  for (const auto& [message, max_header, expected] : cases()) {
    std::vector<std::string_view> octets;
    for (std::size_t i = 0; i < message.size(); ++i) octets.push_back(std::string_view(message).substr(i, 1));
    EXPECT_EQ(run(octets, max_header), expected) << testing::PrintToString(message);
  }
}

TEST(Splitter, GivesTheBodyAsAViewIntoThePiece) {
  Splitter splitter;
  const std::string piece = "A: 1\r\n\r\nbody";
  const auto body = splitter.feed(piece);
  ASSERT_TRUE(body);
  EXPECT_EQ(body->data(), piece.data() + 8);
  const auto more = splitter.feed(piece);
  EXPECT_EQ(more->data(), piece.data());
  EXPECT_EQ(more->size(), piece.size());
}

TEST(Splitter, KeepsNoMoreThanItsBoundOfAnEndlessHeader) {
  Splitter splitter(100);
  const std::string piece(64, 'x');
  ASSERT_TRUE(splitter.feed(piece));
  ASSERT_FALSE(splitter.feed(piece));
  EXPECT_LE(splitter.header().size(), 102U);
}

}  // namespace
}  // namespace sendconn::mail
