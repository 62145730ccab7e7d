// What docs/spf.md shows, as a test: tests/programs/test_spf.py sees to it that the two stay the same.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include <sendconn/spf.hpp>
#include <sendconn/spf_edit.hpp>
#include <sendconn/spf_received.hpp>
#include <sendconn/zone.hpp>

namespace sendconn {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST(Manual, ShowsHowACheckIsDriven) {
  const auto zone = *dns::Zone::parse("example.org. 1h TXT \"v=spf1 ip4:203.0.113.0/24 -all\"\n");
  // clang-format off
const auto check = spf::make_check();
check->start({.client = *IpAddress::parse("203.0.113.9"), .helo = "mail.example.org", .mail_from = "joe@example.org"});
while (!check->done()) {
  for (const dns::Question& question : check->questions()) check->answer(question, zone.lookup(question));
}
const spf::Outcome outcome = check->outcome();
const std::string field =
    spf::format(spf::to_received(outcome, *IpAddress::parse("203.0.113.9"), "mail.example.org", "mx.example.net"));
  // clang-format on
  EXPECT_EQ(outcome.verdict, spf::Verdict::pass);
  EXPECT_THAT(field, StartsWith("Received-SPF: pass ("));
}

TEST(Manual, ShowsHowRecordsAreLintedAndChanged) {
  std::string log;
  // clang-format off
for (const spf::Finding& finding : spf::lint("v=spf1 ipv4:192.0.2.1 -all"))
  log += std::to_string(finding.position) + ": " + finding.text + "\n";
const auto longer = spf::add_term("v=spf1 mx -all", "include:_spf.example.net");
const auto one = spf::merge({"v=spf1 mx -all", "v=spf1 include:_spf.example.net ~all"});
  // clang-format on
  EXPECT_THAT(log, HasSubstr("write ip4:192.0.2.1"));
  EXPECT_EQ(*longer, "v=spf1 mx include:_spf.example.net -all");
  EXPECT_EQ(*one, "v=spf1 mx include:_spf.example.net -all");
}

}  // namespace
}  // namespace sendconn
