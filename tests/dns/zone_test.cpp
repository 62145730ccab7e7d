// Zone files: the format as people write it, and the answers of an authoritative server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sendconn/zone.hpp>

namespace sendconn::dns {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Zone zone_of(std::string_view text) {
  auto zone = Zone::parse(text);
  EXPECT_TRUE(zone.ok()) << zone.error().text;
  return zone ? *zone : *Zone::parse("");
}

Answer ask(const Zone& zone, std::string_view name, RecordType type) { return zone.lookup({std::string(name), type}); }

std::vector<std::string> texts(const Answer& answer) {
  std::vector<std::string> out;
  for (const Record& record : answer.records) out.push_back(record.text);
  return out;
}

constexpr std::string_view example = R"zone(
; a comment of its own
$ORIGIN example.com.
$TTL 1h
@            IN SOA   ns hostmaster ( 2026110100 ; serial
                       1h 15m   ; refresh, retry
                       2w 5m )
             IN NS    ns
             600 IN MX 10 mx1
             IN 300 MX 20 mx2.example.net.
             TXT "v=spf1 " "mx -all"
             TXT unquoted
ns           A 192.0.2.53
             AAAA 2001:db8::53
mx1          30 A 192.0.2.25
www          CNAME web
web          60 A 192.0.2.80
a.b.deep     A 192.0.2.1
*.wild       TXT "any name"
in.wild      A 192.0.2.2
*            MX 5 catch
key._domainkey TXT ( "v=DKIM1; p="
                     "AAAA" )   ; one record on two lines
$ORIGIN example.org.
@ MX 0 .
)zone";

TEST(Zone, ReadsAFileAsPeopleWriteIt) {
  const Zone zone = zone_of(example);
  EXPECT_EQ(zone.size(), 17U);

  const Answer mx = ask(zone, "EXAMPLE.com.", RecordType::mx);
  ASSERT_TRUE(mx.ok());
  EXPECT_EQ(texts(mx), (std::vector<std::string>{"mx1.example.com", "mx2.example.net"}));
  EXPECT_EQ(mx.records[0].preference, 10);
  EXPECT_EQ(mx.records[1].preference, 20);
  EXPECT_EQ(mx.ttl, seconds(300)) << "the smallest TTL of the set";

  EXPECT_THAT(texts(ask(zone, "example.com", RecordType::txt)), ElementsAre("v=spf1 mx -all", "unquoted"));
  EXPECT_EQ(ask(zone, "example.com", RecordType::txt).ttl, seconds(3600));
  EXPECT_EQ(ask(zone, "ns.example.com", RecordType::aaaa).records.at(0).address.format(), "2001:db8::53");
  EXPECT_THAT(texts(ask(zone, "key._domainkey.example.com", RecordType::txt)), ElementsAre("v=DKIM1; p=AAAA"));
  EXPECT_THAT(texts(ask(zone, "example.org", RecordType::mx)), ElementsAre("")) << "null MX (RFC 7505)";
}

TEST(Zone, FollowsAliasesAndNamesThem) {
  const Answer answer = ask(zone_of(example), "www.example.com", RecordType::a);
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer.records.at(0).address.format(), "192.0.2.80");
  EXPECT_THAT(answer.aliases, ElementsAre("web.example.com"));
  EXPECT_EQ(answer.ttl, seconds(60)) << "the smallest of the chain";

  const Answer alias = ask(zone_of(example), "www.example.com", RecordType::cname);
  EXPECT_THAT(texts(alias), ElementsAre("web.example.com"));
  EXPECT_THAT(alias.aliases, IsEmpty());
}

TEST(Zone, BoundsAliases) {
  std::string text;
  for (std::size_t i = 0; i < max_aliases + 1; ++i)
    text += "n" + std::to_string(i) + " CNAME n" + std::to_string(i + 1) + "\n";
  text +=
      "n" + std::to_string(max_aliases + 1) + " A 192.0.2.1\nround CNAME robin\nrobin CNAME round\nself CNAME self\n";
  const Zone zone = zone_of(text);
  EXPECT_THAT(ask(zone, "n1", RecordType::a).aliases, SizeIs(max_aliases));
  EXPECT_TRUE(ask(zone, "n1", RecordType::a).ok());
  EXPECT_EQ(ask(zone, "n0", RecordType::a).status, Status::server_failure) << "one alias too many";
  EXPECT_EQ(ask(zone, "round", RecordType::a).status, Status::server_failure);
  EXPECT_EQ(ask(zone, "self", RecordType::txt).status, Status::server_failure);
  EXPECT_TRUE(ask(zone, "self", RecordType::cname).ok());
}

TEST(Zone, TellsNoDataFromNoSuchName) {
  const Zone zone = zone_of(example);
  const struct {
    std::string_view name;
    RecordType type;
    Status status;
    seconds ttl;
  } cases[] = {
      {"ns.example.com", RecordType::mx, Status::no_data, seconds(300)},
      {"b.deep.example.com", RecordType::a, Status::no_data, seconds(300)},  // an empty non-terminal
      {"deep.example.com", RecordType::txt, Status::no_data, seconds(300)},
      {"_domainkey.example.com", RecordType::txt, Status::no_data, seconds(300)},
      {"c.deep.example.com", RecordType::a, Status::no_such_name, seconds(300)},  // below an existing name: no wildcard
      {"sub.ns.example.com", RecordType::mx, Status::no_such_name, seconds(300)},
      {"example.org", RecordType::a, Status::no_data, seconds(0)},  // no SOA there
      {"other.test", RecordType::a, Status::no_such_name, seconds(0)},
      {"com", RecordType::a, Status::no_data, seconds(0)},
      {"", RecordType::a, Status::no_data, seconds(0)},
      {"a..example.com", RecordType::a, Status::no_such_name, seconds(0)},
  };
  for (const auto& c : cases) {
    const Answer answer = ask(zone, c.name, c.type);
    EXPECT_EQ(format(answer.status), format(c.status)) << c.name;
    EXPECT_EQ(answer.ttl, c.ttl) << c.name;
    EXPECT_THAT(answer.records, IsEmpty()) << c.name;
  }
  EXPECT_EQ(ask(zone, std::string(64, 'x') + ".example.com", RecordType::mx).status, Status::no_such_name)
      << "a name that cannot exist does not match the wildcard";
}

TEST(Zone, AnswersFromWildcards) {
  const Zone zone = zone_of(example);
  EXPECT_THAT(texts(ask(zone, "x.wild.example.com", RecordType::txt)), ElementsAre("any name"));
  EXPECT_THAT(texts(ask(zone, "x.y.wild.example.com", RecordType::txt)), ElementsAre("any name"));
  EXPECT_EQ(ask(zone, "x.wild.example.com", RecordType::a).status, Status::no_data);
  EXPECT_EQ(ask(zone, "in.wild.example.com", RecordType::txt).status, Status::no_data) << "an existing name";
  EXPECT_EQ(ask(zone, "wild.example.com", RecordType::txt).status, Status::no_data) << "not the name itself";
  EXPECT_THAT(texts(ask(zone, "nobody.example.com", RecordType::mx)), ElementsAre("catch.example.com"));
}

TEST(Zone, FailsWhereTold) {
  const Zone zone = zone_of(R"(
slow A 192.0.2.1
slow TXT "fine"
$FAIL slow A timeout
$FAIL broken ANY servfail
$FAIL garbage TXT malformed
alias CNAME broken
)");
  EXPECT_EQ(ask(zone, "slow", RecordType::a).status, Status::timeout);
  EXPECT_THAT(ask(zone, "slow", RecordType::a).records, IsEmpty());
  EXPECT_TRUE(ask(zone, "slow", RecordType::txt).ok());
  EXPECT_EQ(ask(zone, "broken", RecordType::mx).status, Status::server_failure);
  EXPECT_EQ(ask(zone, "alias", RecordType::mx).status, Status::server_failure);
  EXPECT_EQ(ask(zone, "garbage", RecordType::txt).status, Status::malformed);
  EXPECT_EQ(ask(zone, "garbage", RecordType::a).status, Status::no_data);
}

TEST(Zone, KeepsOctetsOfStrings) {
  const struct {
    std::string_view written;
    std::string_view text;
  } cases[] = {
      {R"(n TXT "a;b(c)d")", "a;b(c)d"},
      {R"(n TXT "say \"hi\"")", "say \"hi\""},
      {R"(n TXT a\;b)", "a;b"},
      {R"(n TXT "\195\188ber")",
       "\xc3\xbc"
       "ber"},
      {R"(n TXT "back\\slash")", "back\\slash"},
      {"n TXT \"\xc3\xbc\"", "\xc3\xbc"},
      {R"(n TXT "")", ""},
      {R"(n TXT "one""two" three)", "onetwothree"},
      {"n TXT ( \"one\" ; first\r\n \"two\" )\r\n", "onetwo"},
  };
  for (const auto& c : cases) EXPECT_THAT(texts(ask(zone_of(c.written), "n", RecordType::txt)), ElementsAre(c.text));
  EXPECT_EQ(texts(ask(zone_of(R"(n TXT "a\000b")"), "n", RecordType::txt)).at(0), std::string("a\0b", 3));
}

TEST(Zone, ReadsTlsaAsOctets) {
  const Answer answer = ask(zone_of("_25._tcp.mx TLSA 3 1 1 ( AbCd\n 00ff )"), "_25._tcp.mx", RecordType::tlsa);
  EXPECT_THAT(texts(answer), ElementsAre(std::string("\x03\x01\x01\xab\xcd\x00\xff", 7)));
}

TEST(Zone, DropsWhatIsSaidTwice) {
  const Answer answer = ask(zone_of("n TXT x\nn TXT x\nn TXT y"), "n", RecordType::txt);
  EXPECT_THAT(texts(answer), ElementsAre("x", "y"));
}

TEST(Zone, UsesTheTtlThatApplies) {
  const Zone zone =
      zone_of("a A 192.0.2.1\nb 5 A 192.0.2.1\nc A 192.0.2.1\n$TTL 1d\nd A 192.0.2.1\ne 1m30s A 192.0.2.1");
  const std::pair<std::string_view, int> cases[] = {{"a", 3600}, {"b", 5}, {"c", 5}, {"d", 86400}, {"e", 90}};
  for (const auto& [name, ttl] : cases) EXPECT_EQ(ask(zone, name, RecordType::a).ttl, seconds(ttl)) << name;
}

TEST(Zone, SaysWhatIsWrongAndWhere) {
  const struct {
    std::string_view text;
    std::string_view error;
  } cases[] = {
      {"n A 192.0.2.256", "line 1: \"192.0.2.256\" is not an IPv4 address"},
      {"n A 2001:db8::1", "which A requires"},
      {"n AAAA 192.0.2.1", "which AAAA requires"},
      {"\n\nn MX mail", "line 3: MX requires a preference"},
      {"n MX 65536 mail", "MX requires a preference of 0 to 65535"},
      {"n TXT \"open\nm A 192.0.2.1", "line 1: a quoted string does not end on its line"},
      {"n TXT ( \"a\"\n\"b\"\n", "line 1: a parenthesis that is never closed"},
      {"n TXT ( ( a ) )", "a parenthesis inside parentheses"},
      {"n TXT a )", "a closing parenthesis that none opened"},
      {"n TXT", "TXT requires one or more strings"},
      {"n", "no record type"},
      {"n 300 IN", "no record type"},
      {"n HINFO a b", "\"HINFO\" is not a record type known here"},
      {"n CH TXT a", "\"CH\" is not a record type"},
      {" A 192.0.2.1", "no owner"},
      {"n 5x A 192.0.2.1", "\"5x\" is not a TTL"},
      {"n 2147483648 A 192.0.2.1", "is not a TTL"},
      {"$TTL soon", "$TTL requires"},
      {"$ORIGIN", "$ORIGIN requires one name"},
      {"$INCLUDE /etc/passwd", "\"$INCLUDE\" is not supported"},
      {"$FAIL n A slowly", "\"slowly\" is not a failure"},
      {"$FAIL n A", "$FAIL requires a name"},
      {"a..b A 192.0.2.1", "\"a..b\" is not a name"},
      {"a.. A 192.0.2.1", "\"a..\" is not a name"},
      {"a\\.b A 192.0.2.1", "holds a dot"},
      {"a\\032b A 192.0.2.1", "holds a dot, a space"},
      {"n CNAME a\nn A 192.0.2.1", "line 2: \"n\" has a CNAME and other records"},
      {"n A 192.0.2.1\nn CNAME a", "has a CNAME and other records"},
      {"n CNAME a\nn CNAME b", "has several CNAMEs"},
      {"n TXT \xe2\x80\x9cv=spf1 -all\xe2\x80\x9d", "straight quotes"},
      {"n TXT \"\\300\"", "\"\\300\" is not an octet"},
      {"n TXT \"\\12\"", "is not an octet"},
      {"n TLSA 3 1 1 abc", "even number of hexadecimal digits"},
      {"n SOA a b 1 2 3 4", "SOA requires two names"},
      {std::string_view("n TXT a\0b", 9), "a control character"},
  };
  for (const auto& c : cases) {
    const auto zone = Zone::parse(c.text);
    ASSERT_FALSE(zone.ok()) << c.text;
    EXPECT_EQ(zone.error().code, Errc::syntax);
    EXPECT_THAT(zone.error().text, HasSubstr(c.error)) << c.text;
    EXPECT_LE(zone.error().position, c.text.size());
  }
  const auto overlong = Zone::parse("n TXT " + std::string(256, 'x'));
  ASSERT_FALSE(overlong.ok());
  EXPECT_THAT(overlong.error().text, HasSubstr("split it into strings of at most 255"));
}

TEST(Zone, IsBounded) {
  const auto takes = [](const std::string& text) { return Zone::parse(text).ok(); };
  // RFC 1035 section 3.3: a string. RFC 2181 section 8: a TTL. RFC 1035 section 3.1: a label, and a name.
  EXPECT_TRUE(takes("n TXT " + std::string(255, 'x')));
  EXPECT_FALSE(takes("n TXT " + std::string(256, 'x')));
  EXPECT_TRUE(takes("n 2147483647 A 192.0.2.1"));
  EXPECT_FALSE(takes("n 2147483648 A 192.0.2.1"));
  EXPECT_TRUE(takes(std::string(63, 'x') + " A 192.0.2.1"));
  EXPECT_FALSE(takes(std::string(64, 'x') + " A 192.0.2.1"));
  const std::string three = "." + std::string(63, 'b') + "." + std::string(63, 'c') + "." + std::string(63, 'd');
  EXPECT_TRUE(takes(std::string(61, 'a') + three + ". A 192.0.2.1"));
  EXPECT_FALSE(takes(std::string(62, 'a') + three + ". A 192.0.2.1"));
  // RFC 1035 section 4.1.3: the data of a record, each string with an octet for its length.
  std::string data;
  for (int i = 0; i < 255; ++i) data += " " + std::string(255, 'x');
  EXPECT_TRUE(takes("n TXT" + data + " " + std::string(254, 'x')));
  EXPECT_FALSE(takes("n TXT" + data + " " + std::string(255, 'x')));
  // Our own: the words of an entry, more than any record can hold.
  const auto words = [](std::size_t count) {
    std::string text = "n TXT";
    for (std::size_t i = 2; i < count; ++i) text += " a";
    return Zone::parse(text).error().code;
  };
  EXPECT_EQ(words(65'536), Errc::syntax);
  EXPECT_EQ(words(65'537), Errc::limit_exceeded);
  // Our own: the file.
  std::string file = "n A 192.0.2.1\n;";
  file.resize(max_zone_octets, 'x');
  EXPECT_TRUE(takes(file));
  EXPECT_EQ(Zone::parse(file + "x").error().code, Errc::limit_exceeded);
}

TEST(Zone, SurvivesBeingCutAnywhere) {
  for (std::size_t octets = 0; octets <= example.size(); ++octets) {
    const auto zone = Zone::parse(example.substr(0, octets));
    if (zone) ask(*zone, "www.example.com", RecordType::a);
  }
}

TEST(RecordType, IsReadAndWritten) {
  for (const RecordType type : {RecordType::a, RecordType::aaaa, RecordType::mx, RecordType::txt, RecordType::cname,
                                RecordType::ptr, RecordType::ns, RecordType::tlsa})
    EXPECT_EQ(*parse_record_type(format(type)), type);
  EXPECT_EQ(*parse_record_type("txt"), RecordType::txt);
  EXPECT_FALSE(parse_record_type("TX").ok());
  EXPECT_FALSE(parse_record_type("").ok());
}

}  // namespace
}  // namespace sendconn::dns
