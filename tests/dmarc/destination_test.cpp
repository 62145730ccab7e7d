// Report addresses: outside the organization only where somebody wants them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/dmarc/drive.hpp"

namespace sendconn::dmarc {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Standing = Destination::Standing;

std::vector<Destination> run(std::string_view policy_domain, std::string_view record, const LittleDns& dns,
                             ReportKind kind = ReportKind::aggregate) {
  std::vector<Destination> first;
  for (const Order order : orders) {
    DestinationCheck check(domain(policy_domain), *parse(record), kind);
    drive(check, dns, order);
    if (order == Order::forward) {
      first = check.destinations();
    } else {
      EXPECT_EQ(first.size(), check.destinations().size());
      for (std::size_t i = 0; i < first.size(); ++i) {
        EXPECT_EQ(first[i].standing, check.destinations()[i].standing);
        EXPECT_EQ(first[i].uris, check.destinations()[i].uris);
      }
    }
  }
  return first;
}

TEST(Destination, IsInternalWithinTheOrganization) {
  LittleDns dns;
  dns.txt["_dmarc.example.com"] = {"v=DMARC1; p=none"};
  for (const std::string_view host : {"example.com", "a.example.com", "x.y.example.com"}) {
    const auto found = run("a.example.com", "v=DMARC1; rua=mailto:r@" + std::string(host), dns);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].standing, Standing::internal) << host << ": " << found[0].reason;
    EXPECT_EQ(found[0].uris.size(), 1U);
  }
}

TEST(Destination, NeedsAgreementOutside) {
  struct Case {
    std::string_view what;
    std::vector<std::string> answer;
    Standing standing;
    std::string_view goes_to;
  };
  const Case cases[] = {
      {"nothing there", {}, Standing::refused, ""},
      {"another text", {"hello", "v=spf1 -all"}, Standing::refused, ""},
      {"not first", {"p=none; v=DMARC1"}, Standing::refused, ""},
      {"agreed", {"v=DMARC1"}, Standing::authorized, "mailto:r@red.example.net"},
      {"agreed with a semicolon", {"v=DMARC1;"}, Standing::authorized, "mailto:r@red.example.net"},
      {"one of several", {"hello", "v=DMARC1"}, Standing::authorized, "mailto:r@red.example.net"},
      {"another address at the same host",
       {"v=DMARC1; rua=mailto:other@red.example.net"},
       Standing::authorized,
       "mailto:other@red.example.net"},
      {"another host instead", {"v=DMARC1; rua=mailto:other@victim.example"}, Standing::refused, ""},
      {"another host beside the right one",
       {"v=DMARC1; rua=mailto:a@red.example.net,mailto:b@victim.example"},
       Standing::refused,
       ""},
      {"ruf does not matter for aggregate reports",
       {"v=DMARC1; ruf=mailto:x@victim.example"},
       Standing::authorized,
       "mailto:r@red.example.net"},
  };
  for (const Case& c : cases) {
    LittleDns dns;
    if (!c.answer.empty()) dns.txt["blue.example.com._report._dmarc.red.example.net"] = c.answer;
    const auto found = run("blue.example.com", "v=DMARC1; rua=mailto:r@red.example.net", dns);
    EXPECT_EQ(found[0].standing, c.standing) << c.what << ": " << found[0].reason;
    EXPECT_EQ(found[0].uris.empty() ? "" : found[0].uris[0].text, c.goes_to) << c.what;
  }
}

TEST(Destination, IsUnknownWhileTheDnsIsSilent) {
  LittleDns dns;
  dns.failing["example.com._report._dmarc.example.net"] = dns::Status::timeout;
  EXPECT_EQ(run("example.com", "v=DMARC1; rua=mailto:r@example.net", dns)[0].standing, Standing::temporary_failure);
  LittleDns walk;
  walk.failing["_dmarc.other.com"] = dns::Status::server_failure;
  // Under the same top the walk must say that they are strangers; here it cannot say whose "com" is.
  walk.failing["_dmarc.com"] = dns::Status::server_failure;
  EXPECT_EQ(run("example.com", "v=DMARC1; rua=mailto:r@other.com", walk)[0].standing, Standing::temporary_failure);
}

TEST(Destination, IsRefusedWithoutAHostOrBeyondTheLimit) {
  EXPECT_EQ(run("example.com", "v=DMARC1; rua=urn:x", {})[0].standing, Standing::refused);
  std::string record = "v=DMARC1; rua=";
  for (std::size_t i = 0; i <= DestinationCheck::max_destinations; ++i) record += "mailto:r@example.com,";
  record.pop_back();
  const auto found = run("example.com", record, {});
  EXPECT_EQ(found[DestinationCheck::max_destinations - 1].standing, Standing::internal);
  EXPECT_EQ(found[DestinationCheck::max_destinations].standing, Standing::refused);
  std::string deep;
  while (deep.size() < 230) deep += "abcdefghi.";
  const auto overlong = run(deep + "com", "v=DMARC1; rua=mailto:r@example.net", {});
  EXPECT_EQ(overlong[0].standing, Standing::refused);
  EXPECT_THAT(overlong[0].reason, HasSubstr("too long"));
  EXPECT_THAT(run("example.com", "v=DMARC1; p=none", {}), IsEmpty());
}

TEST(Destination, OfFailureReportsIsNeverAPublicSuffixsWish) {
  const std::string record = "v=DMARC1; p=none; ruf=mailto:r@bank; rua=mailto:r@bank";
  EXPECT_EQ(run("bank", record + "; psd=y", {}, ReportKind::failure)[0].standing, Standing::refused);
  EXPECT_EQ(run("bank", record + "; psd=y", {})[0].standing, Standing::internal);
  EXPECT_EQ(run("bank", record, {}, ReportKind::failure)[0].standing, Standing::internal);
  LittleDns dns;
  dns.txt["example.com._report._dmarc.example.net"] = {"v=DMARC1; ruf=mailto:f@example.net; rua=mailto:x@victim.test"};
  const auto found = run("example.com", "v=DMARC1; ruf=mailto:r@example.net", dns, ReportKind::failure);
  EXPECT_EQ(found[0].standing, Standing::authorized);
  EXPECT_EQ(found[0].uris[0].text, "mailto:f@example.net");
}

}  // namespace
}  // namespace sendconn::dmarc
