// What docs/dmarc.md shows, as a test: tests/programs/test_dmarc.py sees to it that the two stay the same.
#include <gtest/gtest.h>

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

}  // namespace
}  // namespace sendconn
