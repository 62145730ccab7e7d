// Aggregate reports: any file is unpacked within its bound or refused, any text is read or refused, and what can be
// written reads back the same.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include <sendconn/dmarc_report.hpp>

#include "fuzz/check.hpp"

using namespace sendconn;

namespace {

// Nothing that a reader trims or that XML cannot hold: else what is read back differs, as the manual says.
bool is_plain(const std::string& xml) {
  return std::none_of(xml.begin(), xml.end(), [](char c) { return c == '?' || (c >= 0 && c < ' ' && c != '\n'); });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  dmarc::ReportLimits limits;
  limits.max_xml_octets = 1 << 20;
  limits.max_records = 100;
  limits.max_elements = 10'000;
  const auto xml = dmarc::unpack_report({reinterpret_cast<const char*>(data), size}, limits);
  if (!xml) return 0;
  fuzz::check(xml->size() <= limits.max_xml_octets, "what is unpacked keeps to its bound");
  const auto report = dmarc::parse_report(*xml, limits);
  if (!report) return 0;
  fuzz::check(report->rows.size() <= limits.max_records, "records are bounded");
  dmarc::ReportSummary summary;
  summary.add(*report);
  const auto written = dmarc::format_report(*report);
  fuzz::check(written.ok() == dmarc::check_report(*report).empty(), "what the schema allows can be written");
  if (!written) return 0;
  // Indentation and namespaces may take it past the bounds of what was read.
  const auto again = dmarc::parse_report(*written);
  fuzz::check(again.ok(), "what is written can be read");
  fuzz::check(again->rows.size() == report->rows.size(), "no record is lost");
  fuzz::check(!is_plain(*written) || *again == *report, "what is written reads back the same");
  return 0;
}
