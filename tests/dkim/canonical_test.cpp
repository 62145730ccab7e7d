// Canonicalization: the RFC's tables, then everything short, then much that is long, always against the reference and
// cut in many places.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "lib/base/base64.hpp"
#include "lib/dkim/body_hasher.hpp"
#include "lib/dkim/canonical_header.hpp"
#include "tests/dkim/reference.hpp"

namespace sendconn::dkim {
namespace {

constexpr auto simple = Canonicalization::simple;
constexpr auto relaxed = Canonicalization::relaxed;

BodyHash hash_pieces(Canonicalization canonicalization, const std::vector<std::string_view>& pieces,
                     std::optional<std::uint64_t> limit = {}) {
  BodyHasher hasher(canonicalization, limit);
  for (const std::string_view piece : pieces) hasher.update(piece);
  return hasher.finish();
}

BodyHash hash(Canonicalization canonicalization, std::string_view body, std::optional<std::uint64_t> limit = {}) {
  return hash_pieces(canonicalization, {body}, limit);
}

/// The hasher gives only a digest, so "canonical form is x" is asked as "digest and length are those of x".
testing::AssertionResult is(const BodyHash& actual, std::string_view canonical) {
  if (actual.octets != canonical.size())
    return testing::AssertionFailure() << actual.octets << " octets instead of " << canonical.size();
  if (actual.digest != crypto::sha256(canonical)) return testing::AssertionFailure() << "other octets";
  return testing::AssertionSuccess();
}

struct BodyCase {
  const char* what;
  std::string_view body;
  std::string_view simple;
  std::string_view relaxed;
};

class Body : public testing::TestWithParam<BodyCase> {};
void PrintTo(const BodyCase& body, std::ostream* out) { *out << body.what; }

TEST_P(Body, has_the_canonical_form_of_RFC_6376) {
  const BodyCase& given = GetParam();
  EXPECT_TRUE(is(hash(simple, given.body), given.simple));
  EXPECT_TRUE(is(hash(relaxed, given.body), given.relaxed));
  EXPECT_EQ(reference::simple_body(given.body), given.simple);
  EXPECT_EQ(reference::relaxed_body(given.body), given.relaxed);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, Body,
    testing::Values(
        BodyCase{"section 3.4.5", " C \r\nD \t E\r\n\r\n\r\n", " C \r\nD \t E\r\n", " C\r\nD E\r\n"},
        BodyCase{"empty", "", "\r\n", ""}, BodyCase{"one empty line", "\r\n", "\r\n", ""},
        BodyCase{"only empty lines", "\r\n\r\n\r\n", "\r\n", ""},
        BodyCase{"only lines of white space", " \r\n\t\r\n \t \r\n", " \r\n\t\r\n \t \r\n", ""},
        BodyCase{"empty lines first", "\r\n\r\nx\r\n", "\r\n\r\nx\r\n", "\r\n\r\nx\r\n"},
        BodyCase{"empty lines inside", "x\r\n\r\n\r\ny\r\n\r\n", "x\r\n\r\n\r\ny\r\n", "x\r\n\r\n\r\ny\r\n"},
        BodyCase{"no CRLF at the end", "x", "x\r\n", "x\r\n"},
        BodyCase{"spaces and no CRLF at the end", "x \t", "x \t\r\n", "x\r\n"},
        BodyCase{"a space and nothing else", " ", " \r\n", ""},
        BodyCase{"white space at line ends", "a \r\nb\t\r\nc \t \r\n", "a \r\nb\t\r\nc \t \r\n", "a\r\nb\r\nc\r\n"},
        BodyCase{"white space at line starts", "  a\r\n\tb\r\n", "  a\r\n\tb\r\n", " a\r\n b\r\n"},
        BodyCase{"white space lines at the end", "a\r\n \r\n\t \r\n", "a\r\n \r\n\t \r\n", "a\r\n"},
        BodyCase{"white space lines inside", "a\r\n \r\nb\r\n", "a\r\n \r\nb\r\n", "a\r\n\r\nb\r\n"},
        BodyCase{"bare LF", "a \n b\n\r\n", "a \n b\n\r\n", "a \n b\n\r\n"},
        BodyCase{"bare CR", "a \r b\r\r\n", "a \r b\r\r\n", "a \r b\r\r\n"},
        BodyCase{"bare CR at the end", "a \r", "a \r\r\n", "a \r\r\n"},
        BodyCase{"octets above 0x7f", "\xc3\xa4 \xa0\xff \r\n", "\xc3\xa4 \xa0\xff \r\n", "\xc3\xa4 \xa0\xff\r\n"},
        BodyCase{"NUL", std::string_view("a\0 \0\r\n", 6), std::string_view("a\0 \0\r\n", 6),
                 std::string_view("a\0 \0\r\n", 6)}));

TEST(BodyHasher, gives_the_hashes_that_RFC_6376_prints_for_an_empty_body) {
  EXPECT_EQ(base64::encode(crypto::view(hash(simple, "").digest)), "frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY=");
  EXPECT_EQ(base64::encode(crypto::view(hash(relaxed, "").digest)), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
}

TEST(BodyHasher, agrees_with_the_reference_on_every_short_body_cut_everywhere) {
  constexpr std::string_view alphabet = " \t\r\na";
  constexpr std::size_t longest = 6;
  std::vector<std::string> bodies = {""};
  for (std::size_t first = 0, length = 1; length <= longest; ++length) {
    const std::size_t last = bodies.size();
    for (std::size_t i = first; i < last; ++i)
      for (const char c : alphabet) bodies.push_back(bodies[i] + c);
    first = last;
  }
  for (const std::string& body : bodies) {
    const std::string simple_form = reference::simple_body(body);
    const std::string relaxed_form = reference::relaxed_body(body);
    for (std::size_t cut = 0; cut <= body.size(); ++cut) {
      const std::vector<std::string_view> pieces = {std::string_view(body).substr(0, cut),
                                                    std::string_view(body).substr(cut)};
      ASSERT_TRUE(is(hash_pieces(simple, pieces), simple_form)) << testing::PrintToString(body) << " cut at " << cut;
      ASSERT_TRUE(is(hash_pieces(relaxed, pieces), relaxed_form)) << testing::PrintToString(body) << " cut at " << cut;
    }
    std::vector<std::string_view> octets;
    for (std::size_t i = 0; i < body.size(); ++i) octets.push_back(std::string_view(body).substr(i, 1));
    ASSERT_TRUE(is(hash_pieces(simple, octets), simple_form)) << testing::PrintToString(body);
    ASSERT_TRUE(is(hash_pieces(relaxed, octets), relaxed_form)) << testing::PrintToString(body);
  }
}

TEST(BodyHasher, sees_what_must_change_at_every_offset_of_its_blocks) {
  for (const std::string_view rare : {" \t", "\t ", "  ", "\t", " \r\n", " \r", " \n", "\r\n \r\n", "   \t  "})
    for (std::size_t offset = 0; offset < 300; ++offset) {
      std::string body(400, 'x');
      body.insert(offset, rare);
      ASSERT_TRUE(is(hash(relaxed, body), reference::relaxed_body(body))) << testing::PrintToString(rare) << offset;
    }
}

/// Text in which what must be changed is rare, so that whole blocks pass unchanged and the places between them are hit.
std::string random_body(std::mt19937& random, std::size_t size) {
  static constexpr std::string_view rare[] = {"  ", "\t", " \r\n",   "\r\n\r\n", " \r",
                                              "\r", "\n", "\t \r\n", "        "};
  std::string body;
  const auto rarity = 4U + random() % 120U;
  while (body.size() < size) {
    if (random() % rarity == 0)
      body += rare[random() % std::size(rare)];
    else if (random() % 70 == 0)
      body += "\r\n";
    else
      body += random() % 6 == 0 && !body.ends_with(' ') ? ' ' : static_cast<char>('a' + random() % 26);
  }
  return body;
}

TEST(BodyHasher, agrees_with_the_reference_on_long_bodies_in_pieces_of_any_size) {
  std::mt19937 random(6376);
  for (int round = 0; round < 600; ++round) {
    const std::string body = random_body(random, random() % 12'000);
    std::vector<std::string_view> pieces;
    const std::size_t largest = 1U + (round % 3 == 0 ? 40U : 6'000U);
    for (std::size_t at = 0; at < body.size();) {
      pieces.push_back(std::string_view(body).substr(at, random() % largest));
      at += pieces.back().size();
    }
    const std::string simple_form = reference::simple_body(body);
    const std::string relaxed_form = reference::relaxed_body(body);
    ASSERT_TRUE(is(hash_pieces(simple, pieces), simple_form)) << round;
    ASSERT_TRUE(is(hash_pieces(relaxed, pieces), relaxed_form)) << round;
    const std::uint64_t limit = random() % (relaxed_form.size() + 10);
    ASSERT_TRUE(is(hash_pieces(relaxed, pieces, limit), relaxed_form.substr(0, limit))) << round;
    ASSERT_TRUE(is(hash_pieces(simple, pieces, limit), simple_form.substr(0, limit))) << round;
  }
}

TEST(BodyHasher, counts_no_more_than_the_limit_and_no_more_than_there_is) {
  EXPECT_TRUE(is(hash(simple, "abc\r\n", 0), ""));
  EXPECT_TRUE(is(hash(simple, "abc\r\n", 4), "abc\r"));
  EXPECT_TRUE(is(hash(simple, "abc\r\n", 5), "abc\r\n"));
  EXPECT_TRUE(is(hash(simple, "abc\r\n\r\n", 99), "abc\r\n"));
  EXPECT_TRUE(is(hash(relaxed, "a  b \r\n", 3), "a b"));
  EXPECT_TRUE(is(hash(relaxed, "", 7), ""));
  EXPECT_TRUE(is(hash(simple, "", 1), "\r"));
}

TEST(BodyHasher, takes_ten_million_empty_lines) {
  const std::string lines = [] {
    std::string text;
    while (text.size() < 100'000) text += "\r\n";
    return text;
  }();
  for (const bool followed : {false, true}) {
    BodyHasher hasher(relaxed, {});
    crypto::Sha256Stream expected;
    for (int i = 0; i < 200; ++i) {
      hasher.update(lines);
      if (followed) expected.update(lines);
    }
    if (followed) {
      hasher.update("x");
      expected.update("x\r\n");
    }
    const BodyHash actual = hasher.finish();
    EXPECT_EQ(actual.digest, expected.finish());
    EXPECT_EQ(actual.octets, followed ? 20'000'003U : 0U);
  }
}

struct FieldCase {
  std::string_view raw;
  std::string_view relaxed;
};

TEST(HeaderField, has_the_canonical_form_of_RFC_6376) {
  const FieldCase cases[] = {
      {"A: X\r\n", "a:X\r\n"},                  // section 3.4.5
      {"B : Y\t\r\n\tZ  \r\n", "b:Y Z\r\n"},    // section 3.4.5
      {"SUBJect: AbC\r\n", "subject:AbC\r\n"},  // section 3.4.2
      {"Subject:\r\n", "subject:\r\n"},         // no value
      {"Subject: \t \r\n", "subject:\r\n"},     // white space for a value
      {"Subject:\r\n folded at once\r\n", "subject:folded at once\r\n"},
      {"Subject: a\r\n \r\n \t\r\n b\r\n", "subject:a b\r\n"},  // lines of white space inside
      {"Subject: a\r\n \r\n", "subject:a\r\n"},                 // … and at the end
      {"Subject:a\tb\t\tc\r\n", "subject:a b c\r\n"},
      {"Subject: a: b :c\r\n", "subject:a: b :c\r\n"},                    // only the first colon counts
      {"X-\xc3: \xc3\xa4\xa0 \xff\r\n", "x-\xc3:\xc3\xa4\xa0 \xff\r\n"},  // octets above 0x7f stay
      {"From:\t\"J  D\" <j@d.example>\r\n", "from:\"J D\" <j@d.example>\r\n"},
  };
  for (const FieldCase& given : cases) {
    const std::size_t colon = given.raw.find(':');
    std::string_view name = given.raw.substr(0, colon);
    while (name.ends_with(' ')) name.remove_suffix(1);
    const mail::Field field{name, given.raw.substr(colon + 1, given.raw.size() - colon - 3), given.raw};
    std::string text = "before ";
    append_canonical(text, field, relaxed);
    EXPECT_EQ(text, "before " + std::string(given.relaxed));
    EXPECT_EQ(reference::relaxed_field(given.raw), given.relaxed);
    text.clear();
    append_canonical(text, field, simple);
    EXPECT_EQ(text, given.raw);
  }
}

}  // namespace
}  // namespace sendconn::dkim
