// What docs/dmarc.md shows, as a test: tests/programs/test_dmarc.py sees to it that the two stay the same.
#include <gtest/gtest.h>

#include <string>

#include <sendconn/dmarc.hpp>
#include <sendconn/zone.hpp>

namespace sendconn {
namespace {

TEST(Manual, ShowsHowACheckIsDriven) {
  const auto header = *mail::Header::parse("From: a@news.example.org\r\n");
  const auto zone = *dns::Zone::parse("_dmarc.example.org. 1h TXT \"v=DMARC1; p=reject\"\n");
  // clang-format off
dmarc::Facts facts;
facts.authors = *dmarc::author_domains(header);
facts.spf = dmarc::SpfFact{dmarc::Evidence::pass, *Domain::parse("bounce.example.org")};
dmarc::Check check(facts);
while (!check.done()) {
  for (const dns::Question& question : check.questions()) check.answer(question, zone.lookup(question));
}
const dmarc::Outcome& outcome = check.outcome();
  // clang-format on
  EXPECT_EQ(outcome.verdict, dmarc::Verdict::pass);
}

TEST(Manual, ShowsHowARecordIsLinted) {
  std::string log;
  // clang-format off
for (const dmarc::Finding& finding : dmarc::lint("v=DMARC1; p=none; pct=50")) {
  log += std::to_string(finding.position) + ": " + finding.text + "\n";
}
  // clang-format on
  EXPECT_NE(log.find("18: "), std::string::npos) << log;  // where pct= stands
}

}  // namespace
}  // namespace sendconn
