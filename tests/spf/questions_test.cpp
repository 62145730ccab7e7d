// Questions: which names out of an answer are asked, at every length and with dots at every place.
#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "lib/spf/questions.hpp"

namespace sendconn::spf {
namespace {

/// RFC 1035 section 3.1, label by label.
bool has_labels_alone(std::string_view name) {
  if (name.size() > 253) return false;
  for (;;) {
    const std::size_t dot = std::min(name.find('.'), name.size());
    if (dot < 1 || dot > 63) return false;
    if (dot == name.size()) return true;
    name.remove_prefix(dot + 1);
  }
}

TEST(Questions, are_asked_of_names_alone) {
  const auto expect_asked_if_name = [](const std::string& name) {
    Questions questions;
    const auto number = questions.ask_if_name(name, dns::RecordType::a);
    ASSERT_EQ(number.has_value(), has_labels_alone(name)) << testing::PrintToString(name);
    const dns::Question* const asked = questions.next();
    ASSERT_EQ(asked != nullptr, number.has_value()) << testing::PrintToString(name);
    if (asked == nullptr) return;
    std::string lower = name;
    std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
    EXPECT_EQ(asked->name, lower);
    EXPECT_EQ(asked->type, dns::RecordType::a);
  };
  constexpr std::size_t longest = 68;  // past the longest label
  for (std::size_t size = 0; size <= longest; ++size) {
    std::string name(size, 'x');
    for (std::size_t i = 0; i < size; ++i) name[i] = "aZ[-@\x80"[i % 6];
    expect_asked_if_name(name);
    for (std::size_t first = 0; first < size; ++first)
      for (std::size_t second = first; second < size; ++second) {
        std::string dotted = name;
        dotted[first] = dotted[second] = '.';
        expect_asked_if_name(dotted);
      }
  }
  const std::string label = "." + std::string(62, 'y');
  for (const std::size_t size : {64U, 65U, 253U, 254U})
    expect_asked_if_name((label + label + label + label + label).substr(1, size));
}

TEST(Questions, are_asked_once_whatever_their_case) {
  Questions questions;
  EXPECT_EQ(questions.ask_if_name("mail-one.example", dns::RecordType::a), 0U);
  EXPECT_EQ(questions.ask_if_name("mail-two..example", dns::RecordType::a), std::nullopt);
  EXPECT_EQ(questions.ask_if_name("Mail-Two.example", dns::RecordType::a), 1U);
  EXPECT_EQ(questions.ask("MAIL-ONE.EXAMPLE", dns::RecordType::a), 0U);
  EXPECT_EQ(questions.ask_if_name("mail-two.EXAMPLE", dns::RecordType::a), 1U);
  EXPECT_EQ(questions.ask_if_name("a.b", dns::RecordType::a), 2U);
  EXPECT_EQ(questions.ask_if_name("A.B", dns::RecordType::a), 2U);
  EXPECT_EQ(questions.next()->name, "mail-one.example");
  EXPECT_EQ(questions.next()->name, "mail-two.example");
  EXPECT_EQ(questions.next()->name, "a.b");
  EXPECT_EQ(questions.next(), nullptr);
}

}  // namespace
}  // namespace sendconn::spf
