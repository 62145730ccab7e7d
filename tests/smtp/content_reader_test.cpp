// The end of a message, and everything that is none: against a model that reads one octet at a time.
#include "lib/smtp/content_reader.hpp"

#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "lib/smtp/dot_stuffer.hpp"
#include "lib/smtp/octet_masks.hpp"

namespace sendconn::smtp {
namespace {

using Fault = ContentReader::Fault;

struct Outcome {
  std::string content;
  Fault fault = Fault::none;
  bool end = false;
  std::size_t used = 0;
  std::uint64_t octets = 0;
  bool eight_bit = false;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

std::ostream& operator<<(std::ostream& out, const Outcome& o) {
  return out << "content " << testing::PrintToString(o.content) << " fault " << int(o.fault) << " end " << o.end
             << " used " << o.used << " octets " << o.octets << " eight_bit " << o.eight_bit;
}

Outcome read(std::string_view input, const ContentReader::Limits& limits, const std::vector<std::size_t>& cuts) {
  ContentReader reader;
  Outcome out;
  std::size_t from = 0;
  for (std::size_t i = 0; i <= cuts.size() && !out.end; ++i) {
    const std::size_t to = i < cuts.size() ? cuts[i] : input.size();
    const std::string piece(input.substr(from, to - from));
    std::string_view rest = piece;
    from = to;
    while (!rest.empty() && !out.end) {
      const ContentReader::Step step = reader.take(rest, limits);
      out.content += step.octets;
      if (step.fault != Fault::none) {
        EXPECT_EQ(out.fault, Fault::none) << "a fault is reported once";
        out.fault = step.fault;
      }
      out.end = step.end;
      out.used += step.used;
      rest.remove_prefix(step.used);
    }
  }
  out.octets = reader.octets();
  out.eight_bit = out.fault == Fault::none && reader.eight_bit();  // nobody asks after a fault
  return out;
}

/// The definition, one octet at a time: the input is looked at as a whole, and every rule is a line.
Outcome model(std::string_view in, const ContentReader::Limits& limits) {
  Outcome out;
  bool line_start = true;
  bool eight_bit = false;
  std::size_t column = 0;
  const auto give = [&](std::string_view octets) {
    if (out.fault != Fault::none) return;
    for (const char c : octets) {
      if (limits.max_octets != 0 && out.octets == limits.max_octets) {
        out.fault = Fault::too_large;
        return;
      }
      if (limits.max_line != 0 && c != '\r' && c != '\n' && column == limits.max_line) {
        out.fault = Fault::line_too_long;
        return;
      }
      column = c == '\n' ? 0 : c == '\r' ? column : column + 1;
      out.content += c;
      ++out.octets;
      eight_bit |= static_cast<unsigned char>(c) > 0x7f;
    }
  };
  const auto fault = [&](Fault what) {
    if (out.fault == Fault::none) out.fault = what;
  };
  std::size_t i = 0;
  while (i < in.size()) {
    if (line_start && in.substr(i).starts_with(".\r\n")) {
      out.end = true;
      out.used = i + 3;
      out.eight_bit = out.fault == Fault::none && eight_bit;
      return out;
    }
    if (line_start && in[i] == '.') {
      // Whether the dot is stuffed or the end begins here is known when the next octets are; until then, nothing.
      const bool open = i + 1 == in.size() || (in.size() == i + 2 && in[i + 1] == '\r');
      if (open) break;
      ++i;
      line_start = false;
      if (in[i] == '\r' && in[i + 1] != '\n') {
        if (limits.normalize) {
          give("\r\n");
        } else {
          fault(Fault::bare_newline);
        }
        ++i;
      }
      continue;
    }
    line_start = false;
    if (in[i] == '\r') {
      if (i + 1 == in.size()) {
        give("\r");
        break;
      }
      give("\r");
      if (in[i + 1] == '\n') {
        give("\n");
        line_start = true;
        i += 2;
      } else {
        if (limits.normalize) {
          give("\n");
        } else {
          fault(Fault::bare_newline);
        }
        ++i;
      }
      continue;
    }
    if (in[i] == '\n') {
      if (limits.normalize) {
        give("\r\n");
      } else {
        fault(Fault::bare_newline);
      }
    } else if (in[i] == '\0') {
      fault(Fault::nul);
    } else {
      give(in.substr(i, 1));
    }
    ++i;
  }
  out.used = in.size();
  out.eight_bit = out.fault == Fault::none && eight_bit;
  return out;
}

void check_every_cut(const std::string& input, const ContentReader::Limits& limits) {
  const Outcome whole = read(input, limits, {});
  // A normalized newline is two octets given at once, the model gives one after the other: at the limit they differ by
  // the CR alone, and the message is refused either way.
  Outcome expected = model(input, limits);
  if (limits.normalize && expected.fault == Fault::too_large && whole.content + "\r" == expected.content) {
    expected.content = whole.content;
    expected.octets = whole.octets;
  }
  ASSERT_EQ(whole, expected) << testing::PrintToString(input) << " normalize " << limits.normalize;
  for (std::size_t cut = 0; cut <= input.size(); ++cut) {
    ASSERT_EQ(read(input, limits, {cut}), whole) << testing::PrintToString(input) << " cut at " << cut;
  }
  std::vector<std::size_t> every;
  for (std::size_t cut = 1; cut < input.size(); ++cut) every.push_back(cut);
  ASSERT_EQ(read(input, limits, every), whole) << testing::PrintToString(input) << " octet by octet";
}

using namespace std::string_literals;

const std::vector<std::string> smuggled_ends = {"\n.\n"s,       "\n.\r"s,       "\r.\n"s,       "\r.\r"s,
                                                "\n.\r\n"s,     "\r.\r\n"s,     "\r\n.\n"s,     "\r\n.\r"s,
                                                "\r\n\0.\r\n"s, "\r\n.\0\r\n"s, "\r\n.\r\r\n"s, "\r\r\n.\r\r\n"s};

TEST(ContentReaderTest, NoSmuggledEndEndsTheMessage) {
  for (const std::string& end : smuggled_ends) {
    const std::string input = "Subject: x\r\n\r\nbody" + end + "MAIL FROM:<x@example.org>\r\nmore\r\n.\r\nRSET\r\n";
    for (const bool normalize : {false, true}) {
      const ContentReader::Limits limits{0, 0, normalize};
      check_every_cut(input, limits);
      const Outcome out = read(input, limits, {});
      EXPECT_TRUE(out.end);
      EXPECT_EQ(out.used, input.size() - 6) << "only the true end ends " << testing::PrintToString(end);
      const bool has_nul = end.find('\0') != std::string::npos;
      if (normalize && !has_nul) {
        EXPECT_EQ(out.fault, Fault::none);
        for (std::size_t i = 0; i < out.content.size(); ++i) {
          EXPECT_TRUE(out.content[i] != '\r' || out.content[i + 1] == '\n');
          EXPECT_TRUE(out.content[i] != '\n' || out.content[i - 1] == '\r');
        }
      } else {
        EXPECT_EQ(out.fault, has_nul ? Fault::nul : Fault::bare_newline) << testing::PrintToString(end);
      }
    }
  }
}

TEST(ContentReaderTest, UnstuffsDots) {
  const struct {
    std::string wire;
    std::string content;
  } cases[] = {{".\r\n", ""},
               {"..\r\n.\r\n", ".\r\n"},
               {"...\r\n.\r\n", "..\r\n"},
               {"a\r\n..b\r\n.\r\n", "a\r\n.b\r\n"},
               {".a\r\n.\r\n", "a\r\n"},
               {"a.\r\n.b.\r\n.\r\n", "a.\r\nb.\r\n"},
               {"\r\n.\r\n", "\r\n"}};
  for (const auto& [wire, content] : cases) {
    check_every_cut(wire, {});
    const Outcome out = read(wire, {}, {});
    EXPECT_TRUE(out.end);
    EXPECT_EQ(out.content, content);
    EXPECT_EQ(out.fault, Fault::none);
  }
}

TEST(ContentReaderTest, GivesRunsAsLongAsTheInput) {
  std::string input;
  for (int i = 0; i < 1000; ++i) input += std::string(static_cast<std::size_t>(i % 90), 'x') + "\r\n";
  ContentReader reader;
  const ContentReader::Step step = reader.take(input, {});
  EXPECT_EQ(step.octets.data(), input.data()) << "nothing is copied";
  EXPECT_EQ(step.octets.size(), input.size());
}

TEST(ContentReaderTest, AgreesWithTheModelOnRandomInput) {
  std::mt19937 random(5321);
  const std::string alphabet = ".\r\n.\r\n.\r\nab\0\x80"s;
  for (int round = 0; round < 20000; ++round) {
    std::string input;
    const auto size = random() % 24;
    for (unsigned i = 0; i < size; ++i) {
      const auto kind = random() % 4;
      if (kind == 0) {
        input += "\r\n";
      } else if (kind == 1 && random() % 3 == 0) {
        input += std::string(random() % 80, 'y');
      } else {
        input += alphabet[random() % alphabet.size()];
      }
    }
    ContentReader::Limits limits;
    limits.normalize = random() % 2 == 0;
    limits.max_octets = random() % 3 == 0 ? random() % 60 + 1 : 0;
    limits.max_line = random() % 3 == 0 ? random() % 10 + 1 : 0;
    const Outcome whole = read(input, limits, {});
    Outcome expected = model(input, limits);
    if (limits.normalize && expected.fault == Fault::too_large && whole.content + "\r" == expected.content) {
      expected.content = whole.content;
      expected.octets = whole.octets;
    }
    ASSERT_EQ(whole, expected) << testing::PrintToString(input) << " normalize " << limits.normalize << " max "
                               << limits.max_octets << " line " << limits.max_line;
    const std::size_t cut = input.empty() ? 0 : random() % input.size();
    ASSERT_EQ(read(input, limits, {cut}), whole) << testing::PrintToString(input) << " cut at " << cut;
  }
}

TEST(ContentReaderTest, LimitsAreExact) {
  const std::string line(998, 'x');
  for (const std::size_t size : {998U, 999U, 1000U, 1'000'000U}) {
    const std::string input = std::string(size, 'x') + "\r\n.\r\n";
    EXPECT_EQ(read(input, {0, 998, false}, {}).fault, size > 998 ? Fault::line_too_long : Fault::none) << size;
    EXPECT_EQ(read(input, {0, 0, false}, {}).fault, Fault::none) << size;
    EXPECT_EQ(read(input, {size + 2, 0, false}, {}).fault, Fault::none) << size;
    EXPECT_EQ(read(input, {size + 1, 0, false}, {}).fault, Fault::too_large) << size;
    EXPECT_EQ(read(input, {size + 1, 0, false}, {}).octets, size + 1);
  }
}

TEST(OctetMasksTest, PortableFormAgrees) {
  std::mt19937 random(64);
  const std::string likely = "\r\n.\0\x80\xff\x7f\x01a"s;
  for (int round = 0; round < 10000; ++round) {
    char block[OctetMasks::block];
    for (char& c : block) c = random() % 2 == 0 ? likely[random() % likely.size()] : static_cast<char>(random());
    ASSERT_EQ(find_octets(block), find_octets_portably(block));
  }
}

TEST(DotStufferTest, WhatItSendsIsReadBackUnchanged) {
  std::mt19937 random(2821);
  for (int round = 0; round < 5000; ++round) {
    std::string content;
    const auto count = random() % 30;
    for (unsigned i = 0; i < count; ++i) {
      const char* const parts[] = {"\r\n", ".",     "..",
                                   "a",    ".\r\n", "a line of some length that fills a block of octets"};
      content += parts[random() % 6];
    }
    std::string wire;
    DotStuffer stuffer;
    std::string_view rest = content;
    while (!rest.empty()) {
      const std::size_t piece = std::min<std::size_t>(rest.size(), random() % 70 + 1);
      stuffer.append(wire, rest.substr(0, piece));
      rest.remove_prefix(piece);
    }
    stuffer.finish(wire);
    const Outcome out = read(wire, {}, {});
    if (!content.empty() && !content.ends_with("\r\n")) content += "\r\n";
    ASSERT_TRUE(out.end);
    ASSERT_EQ(out.used, wire.size());
    ASSERT_EQ(out.content, content);
  }
}

TEST(DotStufferTest, EndsAMessageThatEndsInCr) {
  std::string wire;
  DotStuffer stuffer;
  stuffer.append(wire, "a\r");
  stuffer.finish(wire);
  EXPECT_EQ(wire, "a\r\n.\r\n");
}

TEST(DotStufferTest, ContentWithABareLfCannotEndTheMessage) {
  std::string wire;
  DotStuffer stuffer;
  stuffer.append(wire, "a\n.\r\nMAIL FROM:<x@example.org>\r\n");
  stuffer.finish(wire);
  EXPECT_EQ(wire.find("\n.\r\nMAIL"), std::string::npos);
}

}  // namespace
}  // namespace sendconn::smtp
