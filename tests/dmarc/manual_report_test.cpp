// What docs/dmarc.md shows of reports, as a test: tests/programs/test_dmarc.py sees to it that the two stay the same.
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include <sendconn/dmarc_report.hpp>

#include "tests/dmarc/sample_report.hpp"

namespace sendconn {
namespace {

std::string sum_up(std::string_view attachment, std::uint64_t& messages) {
  // clang-format off
const auto xml = dmarc::unpack_report(attachment);
if (!xml) return xml.error().text;
const auto report = dmarc::parse_report(*xml);
if (!report) return report.error().text;
dmarc::ReportSummary summary;
summary.add(*report);
  // clang-format on
  messages = summary.total.messages;
  return {};
}

TEST(Manual, ShowsHowAReportIsRead) {
  std::uint64_t messages = 0;
  EXPECT_EQ(sum_up(*dmarc::pack_report(*dmarc::format_report(dmarc::sample_report(1))), messages), "");
  EXPECT_NE(messages, 0U);
  EXPECT_NE(sum_up("hello", messages), "");
}

}  // namespace
}  // namespace sendconn
