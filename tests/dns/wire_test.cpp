// Messages of the DNS: what is asked, and what a hostile or careless server may answer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include <sendconn/zone.hpp>

#include "lib/base/ascii.hpp"
#include "lib/dns/wire.hpp"

namespace sendconn::dns {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::string number16(unsigned value) { return {static_cast<char>(value >> 8U), static_cast<char>(value)}; }
std::string number32(std::uint32_t value) { return number16(value >> 16U) + number16(value & 0xffffU); }

std::string wire_name(std::string_view name) {
  std::string out;
  while (!name.empty()) {
    const std::string_view label = name.substr(0, name.find('.'));
    out += static_cast<char>(label.size());
    out += label;
    name.remove_prefix(std::min(name.size(), label.size() + 1));
  }
  return out + '\0';
}

std::string string_of(std::string_view text) { return static_cast<char>(text.size()) + std::string(text); }

std::string resource(std::string_view owner, unsigned type, std::uint32_t ttl, const std::string& data) {
  return wire_name(owner) + number16(type) + number16(1) + number32(ttl) +
         number16(static_cast<unsigned>(data.size())) + data;
}

constexpr unsigned response = 0x8180;  // QR RD RA
constexpr unsigned authoritative = 0x8400;

struct Parts {
  unsigned flags = response;
  std::vector<std::string> answers;
  std::vector<std::string> authority;
  std::vector<std::string> additional;
};

const Question question{"example.com", RecordType::txt};

std::string message(const Parts& parts, const Question& asked = question) {
  std::string out = number16(0x1234) + number16(parts.flags) + number16(1);
  for (const auto* section : {&parts.answers, &parts.authority, &parts.additional})
    out += number16(static_cast<unsigned>(section->size()));
  out += wire_name(asked.name) + number16(static_cast<unsigned>(asked.type)) + number16(1);
  for (const auto* section : {&parts.answers, &parts.authority, &parts.additional})
    for (const std::string& record : *section) out += record;
  return out;
}

std::string txt(std::string_view owner, std::uint32_t ttl, const std::string& data) {
  return resource(owner, 16, ttl, data);
}
std::string cname(std::string_view owner, std::uint32_t ttl, std::string_view target) {
  return resource(owner, 5, ttl, wire_name(target));
}
std::string soa(std::string_view owner, std::uint32_t ttl, std::uint32_t minimum) {
  return resource(owner, 6, ttl,
                  wire_name("ns") + wire_name("hostmaster") + number32(1) + number32(2) + number32(3) + number32(4) +
                      number32(minimum));
}

std::vector<std::string> texts(const Answer& answer) {
  std::vector<std::string> out;
  for (const Record& record : answer.records) out.push_back(record.text);
  return out;
}

TEST(Query, IsWrittenWithRecursionValidationAndEdns) {
  const auto query = encode_query({"Example.com.", RecordType::mx}, 0xbeef);
  ASSERT_TRUE(query.ok());
  EXPECT_EQ(ascii::to_hex(*query),
            "beef01200001000000000001"            // identifier, RD and AD, one question, one additional record
            "074578616d706c6503636f6d00000f0001"  // Example.com MX IN
            "00002904d0000000000000");            // OPT, 1232 octets
}

TEST(Query, RefusesWhatIsNoName) {
  EXPECT_TRUE(encode_query({"", RecordType::ns}, 1).ok()) << "the root";
  EXPECT_TRUE(encode_query({std::string(63, 'a') + ".b", RecordType::a}, 1).ok());
  std::string longest = std::string(63, 'a') + "." + std::string(63, 'b') + "." + std::string(63, 'c') + ".";
  longest += std::string(61, 'd');
  EXPECT_TRUE(encode_query({longest, RecordType::a}, 1).ok());
  for (const std::string& name : {std::string("a..b"), std::string(".a"), std::string(64, 'a'), longest + "d",
                                  std::string("a.."), std::string("..")})
    EXPECT_EQ(encode_query({name, RecordType::a}, 1).error().code, Errc::syntax) << name;
}

TEST(Answer, JoinsTheStringsOfEachRecord) {
  const Reading reading =
      decode_answer(message({response,
                             {txt("example.com", 300, string_of("v=spf1 ") + string_of("") + string_of("-all")),
                              txt("EXAMPLE.COM", 200, string_of(std::string(255, 'x')) + string_of("y")),
                              txt("example.com", 400, string_of(""))},
                             {},
                             {}}),
                    question);
  ASSERT_TRUE(reading.answer.ok());
  EXPECT_THAT(texts(reading.answer), ElementsAre("v=spf1 -all", std::string(255, 'x') + "y", ""));
  EXPECT_EQ(reading.answer.ttl, seconds(200));
  EXPECT_FALSE(reading.answer.authenticated);
}

TEST(Answer, ReadsEachTypeOfRecord) {
  const struct {
    RecordType type;
    std::string data;
    Record record;
  } cases[] = {
      {RecordType::a, {'\xc0', '\0', '\2', '\1'}, {*IpAddress::parse("192.0.2.1"), 0, ""}},
      {RecordType::aaaa, "\x20\x01\x0d\xb8" + std::string(11, '\0') + "\1", {*IpAddress::parse("2001:db8::1"), 0, ""}},
      {RecordType::mx, number16(10) + wire_name("mx.example.net"), {{}, 10, "mx.example.net"}},
      {RecordType::mx, number16(0) + wire_name(""), {{}, 0, ""}},
      {RecordType::mx, number16(10) + "\2mx\xc0\x0c", {{}, 10, "mx.example.com"}},  // compressed
      {RecordType::ns, wire_name("ns.example.net"), {{}, 0, "ns.example.net"}},
      {RecordType::ptr, wire_name("host.example.net"), {{}, 0, "host.example.net"}},
      {RecordType::cname, wire_name("other.example"), {{}, 0, "other.example"}},
      {RecordType::tlsa, "\3\1\1\xab", {{}, 0, "\3\1\1\xab"}},
  };
  for (const auto& c : cases) {
    const Question asked{"example.com", c.type};
    const Reading reading = decode_answer(
        message({response, {resource("example.com", static_cast<unsigned>(c.type), 60, c.data)}, {}, {}}, asked),
        asked);
    ASSERT_TRUE(reading.answer.ok()) << format(c.type);
    EXPECT_THAT(reading.answer.records, ElementsAre(c.record)) << format(c.type);
    EXPECT_THAT(reading.answer.aliases, IsEmpty());
  }
}

TEST(Answer, FollowsAliasesInAnyOrder) {
  const Reading reading =
      decode_answer(message({response | 0x20U,
                             {txt("c.example", 300, string_of("here")), cname("b.example", 10, "C.example"),
                              cname("example.com", 50, "b.example")},
                             {},
                             {}}),
                    question);
  ASSERT_TRUE(reading.answer.ok());
  EXPECT_THAT(texts(reading.answer), ElementsAre("here"));
  EXPECT_THAT(reading.answer.aliases, ElementsAre("b.example", "c.example"));
  EXPECT_EQ(reading.answer.ttl, seconds(10));
  EXPECT_TRUE(reading.answer.authenticated);
}

TEST(Answer, IgnoresRecordsOfOtherNames) {
  const Reading reading = decode_answer(
      message({response, {txt("evil.example", 300, string_of("injected"))}, {soa("example.com", 60, 30)}, {}}),
      question);
  EXPECT_EQ(reading.answer.status, Status::no_data);
  EXPECT_THAT(reading.answer.records, IsEmpty());
}

TEST(Answer, BoundsAliases) {
  Parts parts;
  parts.answers.push_back(cname("example.com", 60, "n0"));
  for (std::size_t i = 0; i + 1 < max_aliases; ++i)
    parts.answers.push_back(cname("n" + std::to_string(i), 60, "n" + std::to_string(i + 1)));
  Parts most = parts;
  most.answers.push_back(txt("n" + std::to_string(max_aliases - 1), 60, string_of("x")));
  EXPECT_TRUE(decode_answer(message(most), question).answer.ok());
  EXPECT_THAT(decode_answer(message(most), question).answer.aliases, SizeIs(max_aliases));
  parts.answers.push_back(cname("n" + std::to_string(max_aliases - 1), 60, "last"));
  parts.answers.push_back(txt("last", 60, string_of("x")));
  EXPECT_EQ(decode_answer(message(parts), question).answer.status, Status::server_failure);

  const Parts loop{response, {cname("example.com", 60, "b"), cname("b", 60, "example.com")}, {}, {}};
  EXPECT_EQ(decode_answer(message(loop), question).answer.status, Status::server_failure);
}

TEST(Answer, SaysWhereAnUnfinishedChainGoesOn) {
  const Reading unfinished =
      decode_answer(message({authoritative, {cname("example.com", 60, "elsewhere.test")}, {}, {}}), question);
  EXPECT_EQ(unfinished.answer.status, Status::no_data);
  EXPECT_EQ(unfinished.continues_at, "elsewhere.test");
  const Reading finished = decode_answer(
      message({response, {cname("example.com", 60, "elsewhere.test")}, {soa("test", 20, 30)}, {}}), question);
  EXPECT_EQ(finished.answer.status, Status::no_data);
  EXPECT_EQ(finished.continues_at, "");
  EXPECT_EQ(finished.answer.ttl, seconds(20));
}

TEST(Answer, TellsHowAQuestionEnded) {
  const std::string ns = resource("example.com", 2, 60, wire_name("ns.example.net"));
  const struct {
    const char* what;
    Parts parts;
    Status status;
    int ttl;
  } cases[] = {
      {"NXDOMAIN", {response | 3U, {}, {soa("com", 900, 300)}, {}}, Status::no_such_name, 300},
      {"NXDOMAIN with a SOA of short TTL", {response | 3U, {}, {soa("com", 60, 300)}, {}}, Status::no_such_name, 60},
      {"NXDOMAIN without SOA", {response | 3U, {}, {}, {}}, Status::no_such_name, 0},
      {"NXDOMAIN behind an alias",
       {response | 3U, {cname("example.com", 5, "b")}, {soa("b", 60, 60)}, {}},
       Status::no_such_name,
       5},
      {"no data", {response, {}, {soa("example.com", 60, 300)}, {}}, Status::no_data, 60},
      {"no data, authoritative, with NS", {authoritative, {}, {ns}, {}}, Status::no_data, 0},
      {"a referral", {0x8000, {}, {ns}, {}}, Status::server_failure, 0},
      {"FORMERR", {response | 1U, {}, {}, {}}, Status::server_failure, 0},
      {"SERVFAIL", {response | 2U, {}, {}, {}}, Status::server_failure, 0},
      {"NOTIMP", {response | 4U, {}, {}, {}}, Status::server_failure, 0},
      {"REFUSED", {response | 5U, {}, {}, {}}, Status::server_failure, 0},
      {"BADVERS", {response, {}, {}, {resource("", 41, 0x01000000, "")}}, Status::server_failure, 0},
      {"truncated", {response | 0x200U, {txt("example.com", 60, string_of("x"))}, {}, {}}, Status::malformed, 0},
      {"a query", {0x0100, {}, {}, {}}, Status::malformed, 0},
      {"another opcode", {response | 0x2800U, {}, {}, {}}, Status::malformed, 0},
      {"TTL with the highest bit",
       {response, {txt("example.com", 0x80000001U, string_of("x"))}, {}, {}},
       Status::no_error,
       0},
  };
  for (const auto& c : cases) {
    const Answer answer = decode_answer(message(c.parts), question).answer;
    EXPECT_EQ(format(answer.status), format(c.status)) << c.what;
    EXPECT_EQ(answer.ttl, seconds(c.ttl)) << c.what;
  }
  EXPECT_EQ(decode_answer(number16(1) + number16(response | 2U) + std::string(8, '\0'), question).answer.status,
            Status::server_failure)
      << "a failure may be a header alone";
}

TEST(Answer, RefusesDataThatDoNotFitTheirType) {
  const struct {
    const char* what;
    RecordType type;
    std::string data;
  } cases[] = {
      {"A of 3 octets", RecordType::a, "abc"},
      {"A of 5 octets", RecordType::a, "abcde"},
      {"AAAA of 4 octets", RecordType::aaaa, "abcd"},
      {"TXT without a string", RecordType::txt, ""},
      {"TXT string past its end", RecordType::txt, "\5abc"},
      {"MX without a name", RecordType::mx, number16(1)},
      {"MX with one octet", RecordType::mx, "x"},
      {"MX with octets behind its name", RecordType::mx, number16(1) + wire_name("a") + "x"},
      {"a name past its end", RecordType::ns, "\3ab"},
      {"a name that points at itself", RecordType::ns, "\xc0\x34"},
      {"a name that points forward", RecordType::ns, "\xc0\xff"},
      {"half a pointer", RecordType::ns, "\xc0"},
      {"a label type of the future", RecordType::ns,
       std::string("\x81"
                   "a\0",
                   3)},
      {"a dot inside a label", RecordType::ns, std::string("\3a.b\0", 5)},
      {"a name of 256 octets", RecordType::ns,
       wire_name(std::string(63, 'a') + "." + std::string(63, 'b') + "." + std::string(63, 'c') + "." +
                 std::string(62, 'd'))},
  };
  for (const auto& c : cases) {
    const Question asked{"example.com", c.type};
    const std::string octets =
        message({response, {resource("example.com", static_cast<unsigned>(c.type), 60, c.data)}, {}, {}}, asked);
    EXPECT_EQ(decode_answer(octets, asked).answer.status, Status::malformed) << c.what;
  }
}

TEST(Answer, RefusesAnAnswerToAnotherQuestion) {
  const std::string octets = message({response, {txt("example.com", 60, string_of("x"))}, {}, {}});
  EXPECT_TRUE(decode_answer(octets, {"EXAMPLE.com", RecordType::txt}).answer.ok());
  EXPECT_EQ(decode_answer(octets, {"example.org", RecordType::txt}).answer.status, Status::malformed);
  EXPECT_EQ(decode_answer(octets, {"example.com", RecordType::mx}).answer.status, Status::malformed);
}

TEST(Answer, CountsThatLieAreMalformed) {
  for (const std::size_t count_at : {5U, 7U, 9U, 11U}) {
    std::string octets = message({response, {txt("example.com", 60, string_of("x"))}, {}, {}});
    ++octets[count_at];
    EXPECT_EQ(decode_answer(octets, question).answer.status, Status::malformed) << count_at;
  }
}

TEST(Answer, EveryCutIsMalformed) {
  const std::string octets = message({response,
                                      {cname("example.com", 60, "b.example"), txt("b.example", 60, string_of("text"))},
                                      {soa("example", 60, 60)},
                                      {resource("", 41, 0, "")}});
  ASSERT_TRUE(decode_answer(octets, question).answer.ok());
  for (std::size_t count = 0; count < octets.size(); ++count)
    EXPECT_EQ(decode_answer(std::string_view(octets).substr(0, count), question).answer.status, Status::malformed)
        << count;
}

TEST(Answer, SurvivesAnyOctets) {
  std::mt19937 random(20261101);
  const std::string valid = message({response,
                                     {cname("example.com", 60, "b.example"), txt("b.example", 60, string_of("text"))},
                                     {soa("example", 60, 60)},
                                     {}});
  for (int round = 0; round < 20000; ++round) {
    std::string octets = valid;
    for (int i = 0; i < 4; ++i) octets[random() % octets.size()] = static_cast<char>(random());
    const Answer answer = decode_answer(octets, question).answer;
    EXPECT_TRUE(answer.ok() || answer.records.empty());
  }
}

}  // namespace
}  // namespace sendconn::dns
