// Header: fields as views, and every way in which a section is none.
#include <sendconn/message.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sendconn::mail {
namespace {

using testing::HasSubstr;
using namespace std::string_literals;

TEST(Header, GivesTheFieldsAsViewsIntoTheText) {
  const std::string text =
      "Received: by a\r\n\tfrom b;\r\n  today\r\n"
      "Subject :  folded\r\n \r\n twice \r\n"
      "X-Empty:\r\n"
      "From: a@example.org\r\n";
  const auto header = Header::parse(text);
  ASSERT_TRUE(header) << header.error().text;
  struct Expected {
    std::string name, value;
  };
  const std::vector<Expected> expected = {{"Received", " by a\r\n\tfrom b;\r\n  today"},
                                          {"Subject", "  folded\r\n \r\n twice "},
                                          {"X-Empty", ""},
                                          {"From", " a@example.org"}};
  ASSERT_EQ(header->fields().size(), expected.size());
  std::string joined;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const Field& field = header->fields()[i];
    EXPECT_EQ(field.name, expected[i].name);
    EXPECT_EQ(field.value, expected[i].value);
    EXPECT_GE(field.raw.data(), text.data());
    EXPECT_LE(field.raw.data() + field.raw.size(), text.data() + text.size());
    joined += field.raw;
  }
  EXPECT_EQ(joined, text) << "the raw fields are the section, octet by octet";
}

TEST(Header, OfNothingHasNoFields) { EXPECT_TRUE(Header::parse("")->fields().empty()); }

TEST(Header, FindsAndCountsWhateverTheCase) {
  const std::string text = "FROM: a@example.org\r\nTo: b@example.org\r\nfrom : c@example.org\r\nX-From: no\r\n";
  const auto header = Header::parse(text);
  ASSERT_TRUE(header);
  EXPECT_EQ(header->count("From"), 2U) << "white space before the colon hides nothing";
  EXPECT_EQ(header->find("fRoM")->value, " a@example.org");
  EXPECT_EQ(header->count("Cc"), 0U);
  EXPECT_EQ(header->find("Cc"), nullptr);
}

TEST(Header, KeepsEightBitValues) {
  const auto header = Header::parse("Subject: gr\xc3\xbc\xdf\r\n");
  ASSERT_TRUE(header);
  EXPECT_EQ(header->find("subject")->value, " gr\xc3\xbc\xdf");
}

TEST(Header, RefusesWhatIsNoHeaderSectionWithThePosition) {
  struct Case {
    std::string text;
    std::size_t position;
    std::string reason;
  };
  const std::vector<Case> table = {
      {" From: a@b\r\n", 0, "white space at the beginning"},
      {"\tx\r\n", 0, "white space at the beginning"},
      {"From: a\r\nno field here\r\n", 12, "no field"},
      {"From: a\r\n: value\r\n", 9, "no field"},
      {"From: a\r\n\r\nbody\r\n", 9, "no field"},
      {"Fr om: a\r\n", 3, "no field"},
      {"Fr\xc3\xb6m: a\r\n", 2, "no field"},
      {"From: a", 7, "no CRLF"},
      {"From: a\r\n b", 11, "no CRLF"},
      {"From: a\nBcc: b\r\n", 7, "bare LF"},
      {"From: a\r\nSubject: x\nFrom: b\r\n", 19, "bare LF"},
      {"From: a\rFrom: b\r\n", 7, "bare CR"},
      {"From: a\r\r\n", 7, "bare CR"},
      {"From: a\r", 7, "bare CR"},
      {"From: a\n\r", 7, "bare LF"},
      {"\n", 0, "bare LF"},
      {"From: a\0b\r\n"s, 7, "NUL"},
      {"From: a\r\n\0"s, 9, "NUL"},
  };
  for (const auto& [text, position, reason] : table) {
    const auto header = Header::parse(text);
    ASSERT_FALSE(header) << testing::PrintToString(text);
    EXPECT_EQ(header.error().code, Errc::syntax) << testing::PrintToString(text);
    EXPECT_EQ(header.error().position, position) << testing::PrintToString(text);
    EXPECT_THAT(header.error().text, HasSubstr(reason)) << testing::PrintToString(text);
    for (const char c : header.error().text) EXPECT_TRUE(c >= 0x20 && c < 0x7f) << header.error().text;
  }
}

TEST(Header, IsBoundedInOctetsAndFields) {
  const std::string text = "A: 1\r\nB: 2\r\n";
  EXPECT_TRUE(Header::parse(text, {.max_octets = 12, .max_fields = 2}));
  const auto long_section = Header::parse(text, {.max_octets = 11, .max_fields = 2});
  ASSERT_FALSE(long_section);
  EXPECT_EQ(long_section.error().code, Errc::limit_exceeded);
  EXPECT_THAT(long_section.error().text, HasSubstr("at most 11"));
  const auto many_fields = Header::parse(text, {.max_octets = 12, .max_fields = 1});
  ASSERT_FALSE(many_fields);
  EXPECT_EQ(many_fields.error().code, Errc::limit_exceeded);
  EXPECT_EQ(many_fields.error().position, 6U);
}

TEST(Header, OfTheLargestSizeIsReadInTimeThatGrowsWithItsLength) {
  // One field of 262,144 octets in 1-octet folds, and the section with the most fields: neither may cost a rescan.
  std::string folds = "X:";
  while (folds.size() + 5 <= HeaderLimits{}.max_octets) folds += "\r\n ";
  folds += "\r\n";
  ASSERT_TRUE(Header::parse(folds)) << Header::parse(folds).error().text;
  EXPECT_EQ(Header::parse(folds)->fields().size(), 1U);
  std::string fields;
  for (std::size_t i = 0; i < HeaderLimits{}.max_fields; ++i) fields += "X: " + std::string(200, 'y') + "\r\n";
  ASSERT_TRUE(Header::parse(fields));
  EXPECT_EQ(Header::parse(fields)->count("x"), HeaderLimits{}.max_fields);
}

TEST(Unfold, RemovesFoldsAndTrims) {
  const std::vector<std::pair<std::string, std::string>> table = {
      {" a\r\n b\r\n\tc ", "a b\tc"},
      {"\r\n a", "a"},
      {" a \r\n ", "a"},
      {"", ""},
      {" \r\n \r\n ", ""},
      {"a\r\n\r\nb: injected", "ab: injected"},  // no header line can come out of it
      {"a\nb\rc", "abc"},
  };
  for (const auto& [value, expected] : table) EXPECT_EQ(unfold(value), expected) << testing::PrintToString(value);
}

TEST(FormatDate, WritesRfc5322InUtc) {
  const std::vector<std::pair<long long, std::string>> table = {
      {0, "Thu, 01 Jan 1970 00:00:00 +0000"},
      {-1, "Wed, 31 Dec 1969 23:59:59 +0000"},
      {951'782'400, "Tue, 29 Feb 2000 00:00:00 +0000"},
      {1'795'359'770, "Sun, 22 Nov 2026 15:02:50 +0000"},
      {2'147'483'648, "Tue, 19 Jan 2038 03:14:08 +0000"},
      {4'107'542'400, "Mon, 01 Mar 2100 00:00:00 +0000"},  // 2100 is no leap year
      {253'402'300'799, "Fri, 31 Dec 9999 23:59:59 +0000"},
  };
  for (const auto& [seconds, expected] : table)
    EXPECT_EQ(format_date(UnixTime(std::chrono::seconds(seconds))), expected);
}

}  // namespace
}  // namespace sendconn::mail
