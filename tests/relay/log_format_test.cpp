// The two forms of a log line: nothing that comes from the network can forge a line or a field.
#include "relay/log/format.hpp"

#include <gtest/gtest.h>

namespace sendconn::relay {
namespace {

const auto noon = std::chrono::system_clock::time_point(std::chrono::milliseconds(1'790'000'000'123));

TEST(LogFormat, text_has_time_level_event_and_fields) {
  EXPECT_EQ(format_text(noon, Level::info, "accepted", {{"id", "01"}, {"octets", std::uint64_t{42}}}),
            "2026-09-21T14:13:20.123Z info accepted id=01 octets=42\n");
}

TEST(LogFormat, json_has_the_same_fields) {
  EXPECT_EQ(format_json(noon, Level::warn, "failed", {{"to", "<a@b>"}, {"octets", std::uint64_t{42}}}),
            "{\"time\":\"2026-09-21T14:13:20.123Z\",\"level\":\"warn\",\"event\":\"failed\",\"to\":\"<a@b>\","
            "\"octets\":42}\n");
}

TEST(LogFormat, a_value_cannot_forge_a_line_or_a_field) {
  struct Case {
    std::string_view value;
    std::string_view text;
  };
  for (const Case& c : {Case{"a b", "\"a b\""}, Case{"", "\"\""}, Case{"a\nb", "\"a\\u000ab\""}, Case{"x=y", "\"x=y\""},
                        Case{"say \"hi\"", "\"say \\\"hi\\\"\""}, Case{"back\\slash", "\"back\\\\slash\""},
                        Case{std::string_view("\0", 1), "\"\\u0000\""}, Case{"\x1b[31m", "\"\\u001b[31m\""},
                        Case{"\xc2\x9b"
                             "31m",
                             "\"\\u009b31m\""},
                        Case{"\x9b"
                             "31m",
                             "\"\\ufffd31m\""}}) {
    EXPECT_EQ(format_text(noon, Level::info, "e", {{"f", c.value}}),
              "2026-09-21T14:13:20.123Z info e f=" + std::string(c.text) + "\n");
  }
}

TEST(LogFormat, a_line_is_utf8_whatever_a_peer_sends) {
  struct Case {
    std::string_view value;
    std::string_view text;
  };
  for (const Case& c :
       {Case{"gr\u00fc\u00dfe", "gr\u00fc\u00dfe"}, Case{"\u20ac\U0001f600", "\u20ac\U0001f600"},
        Case{"\xff", "\\ufffd"}, Case{"\xc3", "\\ufffd"}, Case{"\xc3(", "\\ufffd("}, Case{"\xc0\xaf", "\\ufffd\\ufffd"},
        Case{"\xe0\x80\x80", "\\ufffd\\ufffd\\ufffd"}, Case{"\xed\xa0\x80", "\\ufffd\\ufffd\\ufffd"},
        Case{"\xe2\x82", "\\ufffd\\ufffd"}, Case{"\xf4\x90\x80\x80", "\\ufffd\\ufffd\\ufffd\\ufffd"}}) {
    EXPECT_EQ(format_text(noon, Level::info, "e", {{"f", c.value}}),
              "2026-09-21T14:13:20.123Z info e f=\"" + std::string(c.text) + "\"\n");
  }
}

}  // namespace
}  // namespace sendconn::relay
