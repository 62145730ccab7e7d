// Where mail for a domain goes: order, implicit and null MX, loops, and MX sets made to harm.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

#include <sendconn/route.hpp>

namespace sendconn::route {
namespace {

using dns::Status;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using Mx = std::pair<std::uint16_t, std::string>;

dns::Answer mx(const std::vector<Mx>& records) {
  dns::Answer answer;
  for (const auto& [preference, name] : records) answer.records.push_back({{}, preference, name});
  return answer;
}

dns::Answer status(Status value) {
  dns::Answer answer;
  answer.status = value;
  return answer;
}

std::uint32_t first() { return 0; }

Plan plan(const dns::Answer& answer, const std::vector<std::string>& own = {"relay.example.net"},
          const std::function<std::uint32_t()>& random = first) {
  const Plan out = plan_mx(*Domain::parse("example.com"), answer, own, random);
  EXPECT_NE(out.hosts.empty(), !out.refusal.has_value()) << "hosts or a refusal";
  return out;
}

TEST(MxPlan, OrdersByPreference) {
  EXPECT_THAT(plan(mx({{30, "c.example"}, {10, "a.example"}, {20, "b.example"}, {0, "z.example"}})).hosts,
              ElementsAre("z.example", "a.example", "b.example", "c.example"));
  EXPECT_THAT(plan(mx({{65535, "MX.Example."}})).hosts, ElementsAre("mx.example"));
}

TEST(MxPlan, SharesLoadBetweenEqualPreferences) {
  std::mt19937 random(1);
  std::map<std::vector<std::string>, int> orders;
  for (int i = 0; i < 6000; ++i)
    ++orders[plan(mx({{5, "a"}, {5, "b"}, {5, "c"}, {9, "d"}}), {}, [&] {
               return static_cast<std::uint32_t>(random());
             }).hosts];
  EXPECT_THAT(orders, SizeIs(6));
  for (const auto& [hosts, count] : orders) {
    EXPECT_EQ(hosts.back(), "d");
    EXPECT_NEAR(count, 1000, 150);
  }
}

TEST(MxPlan, CountsANameOnceWithItsBestPreference) {
  EXPECT_THAT(plan(mx({{20, "a.example"}, {10, "b.example"}, {5, "A.EXAMPLE"}})).hosts,
              ElementsAre("a.example", "b.example"));
}

TEST(MxPlan, FallsBackToTheDomainOnlyWithoutMx) {
  EXPECT_THAT(plan(status(Status::no_data)).hosts, ElementsAre("example.com"));
  EXPECT_THAT(plan(mx({})).hosts, ElementsAre("example.com"));
}

TEST(MxPlan, RefusesWithTheReplyThatFits) {
  const struct {
    const char* what;
    dns::Answer answer;
    std::vector<std::string> own;
    std::string_view reply;
  } cases[] = {
      {"no such domain", status(Status::no_such_name), {}, "550 5.1.2"},
      {"timeout", status(Status::timeout), {}, "451 4.4.3"},
      {"SERVFAIL", status(Status::server_failure), {}, "451 4.4.3"},
      {"malformed", status(Status::malformed), {}, "451 4.4.3"},
      {"null MX", mx({{0, ""}}), {}, "556 5.1.10"},
      {"null MX as a dot", mx({{0, "."}}), {}, "556 5.1.10"},
      {"an IPv4 address", mx({{10, "192.0.2.1"}}), {}, "550 5.4.4"},
      {"an IPv6 address", mx({{10, "2001:db8::1"}}), {}, "550 5.4.4"},
      {"no host name", mx({{10, "bad host\r\nevil"}}), {}, "550 5.4.4"},
      {"null MX beside an address", mx({{0, ""}, {10, "192.0.2.1"}}), {}, "550 5.4.4"},
      {"ourselves alone", mx({{10, "relay.example.net"}}), {"Relay.Example.NET."}, "554 5.4.6"},
      {"ourselves at best", mx({{10, "relay.example.net"}, {20, "b.example"}}), {"relay.example.net"}, "554 5.4.6"},
      {"ourselves implicitly", status(Status::no_data), {"example.com"}, "554 5.4.6"},
  };
  for (const auto& c : cases) {
    const Plan out = plan(c.answer, c.own);
    ASSERT_TRUE(out.refusal) << c.what;
    EXPECT_THAT(std::to_string(out.refusal->code) + " " + std::to_string(out.refusal->enhanced.klass) + "." +
                    std::to_string(out.refusal->enhanced.subject) + "." + std::to_string(out.refusal->enhanced.detail),
                c.reply)
        << c.what;
    EXPECT_THAT(out.refusal->text, HasSubstr("example.com")) << c.what;
    EXPECT_EQ(out.refusal->text.find_first_of("\r\n"), std::string::npos) << c.what;
  }
}

TEST(MxPlan, LeavesOutOurselvesAndWhatIsNoBetter) {
  const dns::Answer set = mx({{10, "a.example"}, {20, "relay.example.net"}, {20, "b.example"}, {30, "c.example"}});
  EXPECT_THAT(plan(set).hosts, ElementsAre("a.example"));
  EXPECT_THAT(plan(set, {}).hosts, SizeIs(4));
  EXPECT_THAT(plan(set, {"net", "example.net", "xrelay.example.net"}).hosts, SizeIs(4)) << "whole names alone";
}

TEST(MxPlan, IgnoresWhatIsNoHostBesideHosts) {
  EXPECT_THAT(plan(mx({{0, ""}, {10, "a.example"}, {5, "192.0.2.1"}, {1, "a..b"}, {2, std::string("a\0b", 3)}})).hosts,
              ElementsAre("a.example"));
}

TEST(MxPlan, UsesTheBestOfAThousand) {
  std::vector<Mx> records;
  for (int i = 999; i >= 0; --i)
    records.emplace_back(static_cast<std::uint16_t>(i), "mx" + std::to_string(i) + ".example");
  const Plan out = plan(mx(records));
  ASSERT_THAT(out.hosts, SizeIs(max_hosts));
  for (std::size_t i = 0; i < max_hosts; ++i) EXPECT_EQ(out.hosts[i], "mx" + std::to_string(i) + ".example");
}

TEST(AddressPolicy, AllowsWhatIsPublicAndWhatIsListed) {
  const AddressPolicy policy{{*IpAddress::parse("198.41.0.4"), *IpAddress::parse("10.1.0.1")},
                             {*IpNetwork::parse("10.1.0.0/16"), *IpNetwork::parse("fd00::/8")}};
  const std::pair<const char*, bool> cases[] = {
      {"8.8.8.8", true},          {"2a00:1450::1", true},
      {"198.41.0.4", false},      {"::ffff:198.41.0.4", false},
      {"127.0.0.1", false},       {"::1", false},
      {"0.0.0.0", false},         {"10.0.0.1", false},
      {"10.1.2.3", true},         {"10.1.0.1", false},
      {"::ffff:10.1.2.3", true},  {"::ffff:127.0.0.1", false},
      {"169.254.169.254", false}, {"fd00::1", true},
      {"fe80::1", false},         {"64:ff9b::7f00:1", false},
      {"2002:7f00:1::", false},   {"255.255.255.255", false},
  };
  for (const auto& [address, allowed] : cases)
    EXPECT_EQ(is_allowed(*IpAddress::parse(address), policy), allowed) << address;
}

}  // namespace
}  // namespace sendconn::route
