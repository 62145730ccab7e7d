// IP addresses and networks: text forms, classes, membership.
#include <sendconn/ip.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace sendconn {
namespace {

using testing::HasSubstr;
using namespace std::string_literals;

IpAddress ip(const std::string& text) {
  const auto address = IpAddress::parse(text);
  EXPECT_TRUE(address) << text;
  return *address;
}

TEST(IpAddress, FormatsWhatItParsedInCanonicalForm) {
  const std::vector<std::pair<std::string, std::string>> table = {
      {"0.0.0.0", "0.0.0.0"},
      {"192.0.2.1", "192.0.2.1"},
      {"255.255.255.255", "255.255.255.255"},
      {"::", "::"},
      {"::1", "::1"},
      {"1::", "1::"},
      {"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
      {"2001:0db8::0001", "2001:db8::1"},
      {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},  // one zero group is not shortened (RFC 5952 section 4.2.2)
      {"2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
      {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},        // the longest run
      {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},  // the first of equal runs
      {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
      {"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
      {"::ffff:192.0.2.1", "::ffff:192.0.2.1"},
      {"::ffff:c000:201", "::ffff:192.0.2.1"},
      {"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},
      {"1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"},
  };
  for (const auto& [text, canonical] : table) {
    EXPECT_EQ(ip(text).format(), canonical) << text;
    EXPECT_EQ(ip(canonical), ip(text)) << text;
    EXPECT_EQ(ip(text).octets().size(), ip(text).is_v4() ? 4U : 16U);
  }
}

TEST(IpAddress, RefusesWhatReadersTakeDifferently) {
  const std::vector<std::string> table = {"",
                                          " ",
                                          "1",
                                          "1.2.3",
                                          "1.2.3.4.5",
                                          "1.2.3.",
                                          ".1.2.3",
                                          "1..2.3",
                                          "256.1.1.1",
                                          "1.2.3.1000",
                                          "01.2.3.4",
                                          "1.2.3.04",
                                          "0x7f.0.0.1",
                                          "2130706433",
                                          "127.1",
                                          "1.2.3.4 ",
                                          " 1.2.3.4",
                                          "1.2.3.4\n",
                                          "+1.2.3.4",
                                          "1.2.3.-4",
                                          "1.2.3.4/32",
                                          "1.2.3.4\0"s,
                                          ":",
                                          ":::",
                                          "1:",
                                          ":1",
                                          "1:2",
                                          "1:2:3:4:5:6:7",
                                          "1:2:3:4:5:6:7:8:9",
                                          "1::2::3",
                                          "1:2:3:4:5:6:7:8::",
                                          "::1:2:3:4:5:6:7:8",
                                          "12345::",
                                          "g::",
                                          "::1%eth0",
                                          "[::1]",
                                          "::1.2.3",
                                          "::1.2.3.4:5",
                                          "1.2.3.4::",
                                          "::01.2.3.4",
                                          "1:2:3:4:5:6:7:1.2.3.4",
                                          "::1 ",
                                          "1:::2",
                                          "\xd9\xa1.2.3.4"};
  for (const auto& text : table) {
    const auto address = IpAddress::parse(text);
    ASSERT_FALSE(address) << testing::PrintToString(text) << " became " << address->format();
    EXPECT_EQ(address.error().code, Errc::syntax);
    for (const char c : address.error().text) EXPECT_TRUE(c >= 0x20 && c < 0x7f) << address.error().text;
  }
  EXPECT_LT(IpAddress::parse(std::string(100'000, '1')).error().text.size(), 200U);
}

struct Class {
  std::string address;
  bool special;
};

// The blocks of the IANA special-purpose registries: first and last address of each, and their neighbours outside.
TEST(IpAddress, IsSpecialAsRfc6890Says) {
  const std::vector<Class> table = {
      // IPv4
      {"0.0.0.0", true},
      {"0.255.255.255", true},
      {"1.0.0.0", false},
      {"9.255.255.255", false},
      {"10.0.0.0", true},
      {"10.255.255.255", true},
      {"11.0.0.0", false},
      {"100.63.255.255", false},
      {"100.64.0.0", true},
      {"100.127.255.255", true},
      {"100.128.0.0", false},
      {"126.255.255.255", false},
      {"127.0.0.0", true},
      {"127.255.255.255", true},
      {"128.0.0.0", false},
      {"169.253.255.255", false},
      {"169.254.0.0", true},
      {"169.254.169.254", true},
      {"169.254.255.255", true},
      {"169.255.0.0", false},
      {"172.15.255.255", false},
      {"172.16.0.0", true},
      {"172.31.255.255", true},
      {"172.32.0.0", false},
      {"191.255.255.255", false},
      {"192.0.0.0", true},
      {"192.0.0.255", true},
      {"192.0.1.0", false},
      {"192.0.2.0", true},
      {"192.0.2.255", true},
      {"192.0.3.0", false},
      {"192.88.98.255", false},
      {"192.88.99.0", true},
      {"192.88.99.255", true},
      {"192.88.100.0", false},
      {"192.167.255.255", false},
      {"192.168.0.0", true},
      {"192.168.255.255", true},
      {"192.169.0.0", false},
      {"198.17.255.255", false},
      {"198.18.0.0", true},
      {"198.19.255.255", true},
      {"198.20.0.0", false},
      {"198.51.99.255", false},
      {"198.51.100.0", true},
      {"198.51.100.255", true},
      {"198.51.101.0", false},
      {"203.0.112.255", false},
      {"203.0.113.0", true},
      {"203.0.113.255", true},
      {"203.0.114.0", false},
      {"223.255.255.255", false},
      {"224.0.0.0", true},
      {"239.255.255.255", true},
      {"240.0.0.0", true},
      {"255.255.255.255", true},
      {"8.8.8.8", false},
      // IPv6
      {"::", true},
      {"::1", true},
      {"::2", true},
      {"::8.8.8.8", true},
      {"100::", true},
      {"100::1", true},
      {"100:0:0:1::", true},
      {"1fff:ffff::", true},
      {"64:ff9b:1::", true},
      {"64:ff9b:1::808:808", true},
      {"2000::", false},
      {"2000:ffff::", false},
      {"2001::", true},
      {"2001:1ff:ffff::", true},
      {"2001:200::", false},
      {"2001:4860:4860::8888", false},
      {"2001:db7:ffff::", false},
      {"2001:db8::", true},
      {"2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", true},
      {"2001:db9::", false},
      {"2620:4f:8000::1", false},
      {"2a00::1", false},
      {"3ffe:ffff::", false},
      {"3fff::", true},
      {"3fff:fff::", true},
      {"3fff:1000::", false},
      {"4000::", true},
      {"5f00::", true},
      {"fbff::", true},
      {"fc00::", true},
      {"fdff:ffff::", true},
      {"fe80::1", true},
      {"febf::", true},
      {"fec0::", true},
      {"ff00::", true},
      {"ff02::1", true},
      // IPv6 that carries IPv4: what counts is where the packet ends
      {"::ffff:127.0.0.1", true},
      {"::ffff:10.0.0.1", true},
      {"::ffff:8.8.8.8", false},
      {"2002:7f00:1::", true},
      {"2002:a00:1::1", true},
      {"2002:c0a8:101::", true},
      {"2002:808:808::1", false},
      {"64:ff9b::127.0.0.1", true},
      {"64:ff9b::10.0.0.1", true},
      {"64:ff9b::8.8.8.8", false},
      {"64:ff9b::1:8.8.8.8", true},
  };
  for (const auto& [address, special] : table) EXPECT_EQ(ip(address).is_special(), special) << address;
}

TEST(IpAddress, KnowsLoopbackAndUnspecified) {
  for (const char* text : {"127.0.0.1", "127.0.0.0", "127.255.255.255", "::1", "::ffff:127.0.0.1", "::ffff:7f12:3456"})
    EXPECT_TRUE(ip(text).is_loopback()) << text;
  for (const char* text : {"126.0.0.1", "128.0.0.1", "0.0.0.0", "::", "::2", "::ffff:128.0.0.1", "7f00::1", "1::1"})
    EXPECT_FALSE(ip(text).is_loopback()) << text;
  EXPECT_TRUE(ip("0.0.0.0").is_unspecified());
  EXPECT_TRUE(ip("::").is_unspecified());
  EXPECT_FALSE(ip("0.0.0.1").is_unspecified());
  EXPECT_FALSE(ip("::1").is_unspecified());
}

TEST(IpAddress, UnmapsMappedOnesAlone) {
  EXPECT_EQ(ip("::ffff:192.0.2.1").unmapped(), ip("192.0.2.1"));
  for (const char* text : {"192.0.2.1", "::192.0.2.1", "::fffe:192.0.2.1", "1::ffff:192.0.2.1", "64:ff9b::192.0.2.1"})
    EXPECT_EQ(ip(text).unmapped(), ip(text)) << text;
  EXPECT_NE(ip("::ffff:192.0.2.1"), ip("192.0.2.1")) << "the families differ until it is unmapped";
}

TEST(IpNetwork, ParsesAndFormats) {
  const std::vector<std::pair<std::string, std::string>> table = {{"192.0.2.0/24", "192.0.2.0/24"},
                                                                  {"192.0.2.1", "192.0.2.1/32"},
                                                                  {"0.0.0.0/0", "0.0.0.0/0"},
                                                                  {"10.0.0.0/9", "10.0.0.0/9"},
                                                                  {"::/0", "::/0"},
                                                                  {"2001:DB8::/32", "2001:db8::/32"},
                                                                  {"2001:db8::1", "2001:db8::1/128"}};
  for (const auto& [text, expected] : table) {
    const auto network = IpNetwork::parse(text);
    ASSERT_TRUE(network) << text;
    EXPECT_EQ(network->format(), expected);
  }
}

TEST(IpNetwork, RefusesWithAWordOnWhatToWrite) {
  struct Case {
    std::string text, reason;
  };
  const std::vector<Case> table = {{"192.0.2.1/24", "write 192.0.2.0/24"},
                                   {"2001:db8::1/64", "write 2001:db8::/64"},
                                   {"192.0.2.0/33", "exceeds 32"},
                                   {"::/129", "exceeds 128"},
                                   {"192.0.2.0/", "not a prefix length"},
                                   {"192.0.2.0/024", "not a prefix length"},
                                   {"192.0.2.0/+4", "not a prefix length"},
                                   {"192.0.2.0/24/24", "not a prefix length"},
                                   {"192.0.2.0/ 24", "not a prefix length"},
                                   {"123.4.5.678/90", "not an IPv4"},
                                   {"192.0.2.0/99999999999999999999", "not a prefix length"},
                                   {"/24", "not an IPv4"},
                                   {"", "not an IPv4"}};
  for (const auto& [text, reason] : table) {
    const auto network = IpNetwork::parse(text);
    ASSERT_FALSE(network) << text;
    EXPECT_THAT(network.error().text, HasSubstr(reason)) << text;
  }
}

TEST(IpNetwork, ContainsExactlyItsAddresses) {
  struct Case {
    std::string network, address;
    bool inside;
  };
  const std::vector<Case> table = {{"192.0.2.0/24", "192.0.2.0", true},
                                   {"192.0.2.0/24", "192.0.2.255", true},
                                   {"192.0.2.0/24", "192.0.3.0", false},
                                   {"192.0.2.0/24", "192.0.1.255", false},
                                   {"192.0.2.128/25", "192.0.2.127", false},
                                   {"192.0.2.128/25", "192.0.2.128", true},
                                   {"192.0.2.4/31", "192.0.2.5", true},
                                   {"192.0.2.4/31", "192.0.2.6", false},
                                   {"192.0.2.1/32", "192.0.2.1", true},
                                   {"192.0.2.1/32", "192.0.2.2", false},
                                   {"0.0.0.0/0", "255.255.255.255", true},
                                   {"0.0.0.0/0", "::", false},
                                   {"::/0", "ffff::", true},
                                   {"::/0", "0.0.0.0", false},
                                   {"2001:db8::/33", "2001:db8:7fff::", true},
                                   {"2001:db8::/33", "2001:db8:8000::", false},
                                   {"::ffff:192.0.2.0/120", "::ffff:192.0.2.9", true},
                                   {"::ffff:192.0.2.0/120", "192.0.2.9", false}};
  for (const auto& [network, address, inside] : table)
    EXPECT_EQ(IpNetwork::parse(network)->contains(ip(address)), inside) << network << " " << address;
}

TEST(IpNetwork, OfClearsTheBitsBehindThePrefix) {
  EXPECT_EQ(IpNetwork::of(ip("192.0.2.255"), 25)->format(), "192.0.2.128/25");
  EXPECT_EQ(IpNetwork::of(ip("2001:db8:ffff::1"), 35)->format(), "2001:db8:e000::/35");
  EXPECT_EQ(IpNetwork::of(ip("192.0.2.1"), 0)->format(), "0.0.0.0/0");
  EXPECT_EQ(IpNetwork::of(ip("192.0.2.1"), 33).error().code, Errc::invalid_argument);
  EXPECT_EQ(IpNetwork::of(ip("::"), 129).error().code, Errc::invalid_argument);
}

}  // namespace
}  // namespace sendconn
