// ASCII, UTF-8, base64 and the cursor: the ground that the parsers stand on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "lib/base/ascii.hpp"
#include "lib/base/base64.hpp"
#include "lib/base/cursor.hpp"
#include "lib/base/utf8.hpp"

namespace sendconn {
namespace {

using testing::HasSubstr;
using namespace std::string_literals;

TEST(Ascii, CaseIsFoldedAlikeAtEveryPlaceOfEveryLength) {
  for (std::size_t size = 1; size <= 27; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      for (int i = 0; i < 256; ++i) {
        const char c = static_cast<char>(i);
        std::string text(size, 'Q');
        text[at] = c;
        std::string lowered(size, 'q');
        lowered[at] = ascii::lower(c);
        ASSERT_EQ(ascii::to_lower(text), lowered) << size << " " << at << " " << i;
        ASSERT_TRUE(ascii::equal(text, lowered)) << size << " " << at << " " << i;
        lowered[at] = static_cast<char>(lowered[at] ^ 0x20);
        ASSERT_EQ(ascii::equal(text, lowered), ascii::is_alpha(c)) << size << " " << at << " " << i;
        lowered[at] = static_cast<char>(ascii::lower(c) ^ 0x80);
        ASSERT_FALSE(ascii::equal(text, lowered)) << size << " " << at << " " << i;
      }
    }
  }
}

TEST(Ascii, WhatATextHoldsIsFoundAtEveryPlaceOfEveryLength) {
  for (std::size_t size = 1; size <= 27; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      for (int i = 0; i < 256; ++i) {
        const char c = static_cast<char>(i);
        std::string text(size, '~');
        text[at] = c;
        ASSERT_EQ(ascii::has_8bit(text), i >= 0x80) << size << " " << at << " " << i;
        ASSERT_EQ(ascii::is_printable(text), i >= 0x20 && i < 0x7f) << size << " " << at << " " << i;
        ASSERT_EQ(ascii::count_vchars(text), i > 0x20 && i < 0x7f ? size : at) << size << " " << at << " " << i;
      }
    }
  }
  EXPECT_FALSE(ascii::has_8bit(""));
  EXPECT_TRUE(ascii::is_printable(""));
  EXPECT_EQ(ascii::count_vchars(""), 0U);
}

TEST(Ascii, ClassesHoldForEveryOctet) {
  for (int i = 0; i < 256; ++i) {
    const char c = static_cast<char>(i);
    EXPECT_EQ(ascii::is_digit(c), i >= 0x30 && i <= 0x39) << i;
    EXPECT_EQ(ascii::is_alpha(c), (i >= 0x41 && i <= 0x5a) || (i >= 0x61 && i <= 0x7a)) << i;
    EXPECT_EQ(ascii::is_alnum(c), ascii::is_digit(c) || ascii::is_alpha(c)) << i;
    EXPECT_EQ(ascii::is_hex(c), ascii::hex_value(c) >= 0) << i;
    EXPECT_EQ(ascii::is_vchar(c), i >= 0x21 && i <= 0x7e) << i;
    EXPECT_EQ(ascii::is_8bit(c), i >= 0x80) << i;
    EXPECT_EQ(ascii::lower(c), i >= 'A' && i <= 'Z' ? static_cast<char>(i + 32) : c) << i;
    EXPECT_EQ(ascii::upper(c), i >= 'a' && i <= 'z' ? static_cast<char>(i - 32) : c) << i;
  }
}

TEST(Ascii, HexValuesAreTheDigits) {
  const std::string digits = "0123456789abcdef";
  for (std::size_t i = 0; i < digits.size(); ++i) {
    EXPECT_EQ(ascii::hex_value(digits[i]), static_cast<int>(i));
    EXPECT_EQ(ascii::hex_value(ascii::upper(digits[i])), static_cast<int>(i));
  }
  for (const char c : "gG/:@`\xff"s) EXPECT_EQ(ascii::hex_value(c), -1);
  EXPECT_EQ(ascii::to_hex("\x00\x0f\xa0\xff"s), "000fa0ff");
}

TEST(Ascii, ComparesLettersAloneWithoutCase) {
  EXPECT_TRUE(ascii::equal("Message-ID", "mESSAGE-id"));
  EXPECT_FALSE(ascii::equal("a", "ab"));
  EXPECT_FALSE(ascii::equal("[", "{")) << "they differ by the case bit, but are no letters";
  EXPECT_FALSE(ascii::equal("@", "`"));
  EXPECT_FALSE(ascii::equal("\xc4", "\xe4")) << "Latin-1 umlauts are no ASCII";
  EXPECT_TRUE(ascii::starts_with("Content-Type", "content-"));
  EXPECT_FALSE(ascii::starts_with("Con", "content-"));
  EXPECT_TRUE(ascii::starts_with("x", ""));
  EXPECT_EQ(ascii::to_lower("A[\xc4Z"), "a[\xc4z");
}

TEST(Ascii, TrimsWhiteSpaceAndFolds) {
  EXPECT_EQ(ascii::trim(" \t\r\na b\r\n "), "a b");
  EXPECT_EQ(ascii::trim(" \r\n"), "");
  EXPECT_EQ(ascii::trim("\x0b"
                        "a"),
            "\x0b"
            "a");
}

TEST(Ascii, NumbersAreDigitsThatFit) {
  EXPECT_EQ(ascii::to_number<std::uint64_t>("18446744073709551615"), UINT64_MAX);
  EXPECT_EQ(ascii::to_number<std::uint8_t>("255"), std::uint8_t{255});
  EXPECT_EQ(ascii::to_number<int>("007"), 7);
  for (const char* text : {"", " 1", "1 ", "+1", "-1", "0x1", "1.0", "18446744073709551616", "99999999999999999999999"})
    EXPECT_EQ(ascii::to_number<std::uint64_t>(text), std::nullopt) << text;
  EXPECT_EQ(ascii::to_number<std::uint8_t>("256"), std::nullopt);
}

TEST(Ascii, QuotesForeignTextSoThatItForgesNothing) {
  EXPECT_EQ(ascii::quote("a b"), "\"a b\"");
  EXPECT_EQ(ascii::quote("a\r\n250 ok\0\xff"s), R"("a\x0d\x0a250 ok\x00\xff")");
  EXPECT_EQ(ascii::quote("abcdef", 3), "\"abc...\"");
  EXPECT_EQ(ascii::quote("abc", 3), "\"abc\"");
  EXPECT_EQ(ascii::quote(""), "\"\"");
}

TEST(Utf8, TakesWhatRfc3629Allows) {
  struct Case {
    std::string octets;
    std::uint32_t value;
  };
  const std::vector<Case> table = {{"\0"s, 0},
                                   {"\x7f", 0x7f},
                                   {"\xc2\x80", 0x80},
                                   {"\xdf\xbf", 0x7ff},
                                   {"\xe0\xa0\x80", 0x800},
                                   {"\xed\x9f\xbf", 0xd7ff},
                                   {"\xee\x80\x80", 0xe000},
                                   {"\xef\xbf\xbf", 0xffff},
                                   {"\xf0\x90\x80\x80", 0x10000},
                                   {"\xf4\x8f\xbf\xbf", 0x10ffff}};
  for (const auto& [octets, value] : table) {
    const auto point = utf8::decode(octets + "x");
    ASSERT_TRUE(point) << testing::PrintToString(octets);
    EXPECT_EQ(point->value, value);
    EXPECT_EQ(point->octets, octets.size());
    for (std::size_t cut = 1; cut < octets.size(); ++cut)
      EXPECT_FALSE(utf8::decode(octets.substr(0, cut))) << testing::PrintToString(octets) << " cut at " << cut;
  }
}

TEST(Utf8, RefusesOverlongSurrogatesAndWhatLiesBeyond) {
  for (const std::string& octets :
       {"\x80"s, "\xbf"s, "\xc0\x80"s, "\xc0\xaf"s, "\xc1\xbf"s, "\xe0\x80\x80"s, "\xe0\x9f\xbf"s, "\xed\xa0\x80"s,
        "\xed\xbf\xbf"s, "\xf0\x80\x80\x80"s, "\xf0\x8f\xbf\xbf"s, "\xf4\x90\x80\x80"s, "\xf5\x80\x80\x80"s,
        "\xf8\x88\x80\x80\x80"s, "\xfe"s, "\xff"s, "\xc3\x28"s, "\xe2\x28\xa1"s, "\xe2\x82\x28"s}) {
    EXPECT_FALSE(utf8::decode(octets)) << testing::PrintToString(octets);
    EXPECT_EQ(utf8::find_fault("gr\xc3\xbc" + octets), 4U) << testing::PrintToString(octets);
  }
  EXPECT_EQ(utf8::find_fault("größe"), std::nullopt);
  EXPECT_EQ(utf8::find_fault(""), std::nullopt);
}

TEST(Base64, EncodesAndDecodesTheVectorsOfRfc4648) {
  const std::vector<std::pair<std::string, std::string>> table = {{"", ""},
                                                                  {"f", "Zg=="},
                                                                  {"fo", "Zm8="},
                                                                  {"foo", "Zm9v"},
                                                                  {"foob", "Zm9vYg=="},
                                                                  {"fooba", "Zm9vYmE="},
                                                                  {"foobar", "Zm9vYmFy"},
                                                                  {"\xff\xfe\xfd", "//79"},
                                                                  {"\xfb\xf0"s, "+/A="},
                                                                  {"\0\0\0"s, "AAAA"}};
  for (const auto& [octets, text] : table) {
    EXPECT_EQ(base64::encode(octets), text);
    ASSERT_TRUE(base64::decode(text)) << text;
    EXPECT_EQ(*base64::decode(text), octets);
  }
}

TEST(Base64, RoundTripsEveryOctetAtEveryLength) {
  std::string octets;
  for (int i = 0; i < 256; ++i) {
    EXPECT_EQ(*base64::decode(base64::encode(octets)), octets);
    octets.push_back(static_cast<char>(255 - i));
  }
}

TEST(Base64, RefusesWithThePosition) {
  struct Case {
    std::string text;
    std::size_t position;
    std::string reason;
  };
  const std::vector<Case> table = {{"Z", 1, "ends inside"},
                                   {"Zg", 2, "ends inside"},
                                   {"Zg=", 3, "ends inside"},
                                   {"Zm9vY", 5, "ends inside"},
                                   {"=", 0, "padding"},
                                   {"Z===", 1, "padding"},
                                   {"Zg===", 4, "padding"},
                                   {"Zm9v=", 4, "padding"},
                                   {"Zg==Zg==", 4, "behind the padding"},
                                   {"Zg=g", 3, "behind the padding"},
                                   {"Zm 9v", 2, "outside the alphabet"},
                                   {"Zm9v\r\n", 4, "outside the alphabet"},
                                   {"Zm-_", 2, "outside the alphabet"},
                                   {"Zm9\xc3", 3, "outside the alphabet"},
                                   {"Zm9\0"s, 3, "outside the alphabet"},
                                   {"Zh==", 4, "unused bits"},
                                   {"Zm9=", 4, "unused bits"}};
  for (const auto& [text, position, reason] : table) {
    const auto decoded = base64::decode(text);
    ASSERT_FALSE(decoded) << testing::PrintToString(text);
    EXPECT_EQ(decoded.error().code, Errc::syntax);
    EXPECT_EQ(decoded.error().position, position) << testing::PrintToString(text);
    EXPECT_THAT(decoded.error().text, HasSubstr(reason)) << testing::PrintToString(text);
  }
}

TEST(Base64, SkipsFoldsWhereAsked) {
  EXPECT_EQ(*base64::decode_folded(" Zm9v\r\n\tYm Fy "), "foobar");
  EXPECT_EQ(*base64::decode_folded("Z g = \r\n ="), "f");
  EXPECT_FALSE(base64::decode_folded("Zm9v;"));
}

TEST(Cursor, NeverReadsOutsideItsText) {
  const std::string text = "ab";
  Cursor cursor(std::string_view(text).substr(0, 1));
  EXPECT_EQ(cursor.peek(), 'a');
  EXPECT_EQ(cursor.peek(1), '\0');
  EXPECT_EQ(cursor.peek(static_cast<std::size_t>(-1)), '\0');
  cursor.skip(static_cast<std::size_t>(-1));
  EXPECT_TRUE(cursor.at_end());
  EXPECT_FALSE(cursor.take('b'));
  EXPECT_FALSE(cursor.take('\0'));
  EXPECT_EQ(cursor.take_until('b'), "");
  EXPECT_EQ(cursor.take_while(ascii::is_alpha), "");
  EXPECT_EQ(cursor.position(), 1U);
}

TEST(Cursor, TakesAndKnowsWhereItIs) {
  Cursor cursor("Token=abc; rest");
  EXPECT_FALSE(cursor.take_word("tokens"));
  EXPECT_TRUE(cursor.take_word("TOKEN"));
  EXPECT_TRUE(cursor.take('='));
  const std::size_t start = cursor.position();
  EXPECT_EQ(cursor.take_until(';'), "abc");
  EXPECT_EQ(cursor.since(start), "abc");
  EXPECT_EQ(cursor.rest(), "; rest");
  EXPECT_EQ(cursor.take_until('!'), "; rest");
  EXPECT_TRUE(cursor.at_end());
}

}  // namespace
}  // namespace sendconn
