// Who counts as one client, and the bounds on clients.
#include "relay/submission/census.hpp"

#include <gtest/gtest.h>

namespace sendconn::relay {
namespace {

TEST(Census, a_client_is_an_ipv4_address_or_an_ipv6_network) {
  struct Case {
    std::string_view client;
    std::string_view site;
  };
  for (const Case& c : {Case{"192.0.2.1", "192.0.2.1"}, Case{"::ffff:192.0.2.1", "192.0.2.1"},
                        Case{"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"}, Case{"2001:db8:1:2::1", "2001:db8:1:2::/64"},
                        Case{"2001:db8:1:3::1", "2001:db8:1:3::/64"}}) {
    EXPECT_EQ(site_of(*IpAddress::parse(c.client)), c.site) << c.client;
  }
}

TEST(Census, bounds_hold_for_each_client_and_for_all) {
  Census census(3, 2);
  EXPECT_EQ(census.enter("a"), Census::Verdict::admitted);
  EXPECT_EQ(census.enter("a"), Census::Verdict::admitted);
  EXPECT_EQ(census.enter("a"), Census::Verdict::client_full);
  EXPECT_EQ(census.enter("b"), Census::Verdict::admitted);
  EXPECT_EQ(census.enter("c"), Census::Verdict::relay_full);
  census.leave("a");
  EXPECT_EQ(census.count(), 2U);
  EXPECT_EQ(census.enter("a"), Census::Verdict::admitted);
}

}  // namespace
}  // namespace sendconn::relay
