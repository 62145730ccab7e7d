// Reports and the checks they tell of: rows from outcomes, and what many rows come to.
#include <sendconn/dmarc_report.hpp>

#include <algorithm>
#include <limits>

#include "lib/base/ascii.hpp"

namespace sendconn::dmarc {
namespace {

std::uint64_t saturating_sum(std::uint64_t a, std::uint64_t b) noexcept {
  return b > std::numeric_limits<std::uint64_t>::max() - a ? std::numeric_limits<std::uint64_t>::max() : a + b;
}

void count(ReportSummary::Source& source, const ReportRow& row) {
  const bool dkim = row.dkim == "pass";
  const bool spf = row.spf == "pass";
  source.messages = saturating_sum(source.messages, row.count);
  if (dkim) source.dkim_aligned = saturating_sum(source.dkim_aligned, row.count);
  if (spf) source.spf_aligned = saturating_sum(source.spf_aligned, row.count);
  if (dkim || spf) source.passed = saturating_sum(source.passed, row.count);
}

}  // namespace

ReportedPolicy reported_policy(const Outcome& outcome) {
  ReportedPolicy policy;
  if (outcome.policy_domain) policy.domain = outcome.policy_domain->text();
  const Record record = outcome.record.value_or(Record{});
  const bool counts_as_none = record.policy_faulty;  // RFC 9989 section 4.10.1
  const Policy p = counts_as_none ? Policy::none : record.p.value_or(Policy::none);
  policy.p = format(p);
  policy.sp = format(counts_as_none ? Policy::none : record.sp.value_or(p));
  policy.np = format(counts_as_none ? Policy::none : record.np.value_or(record.sp.value_or(p)));
  policy.adkim = format(record.adkim);
  policy.aspf = format(record.aspf);
  policy.discovery_method = "treewalk";
  policy.fo = format(record.fo);
  policy.testing = record.testing ? "y" : "n";
  return policy;
}

ReportRow report_row(const Outcome& outcome, const IpAddress& source) {
  ReportRow row;
  row.source_ip = source.format();
  row.count = 1;
  row.dkim = outcome.dkim_aligned() ? "pass" : "fail";
  row.spf = outcome.spf_aligned() ? "pass" : "fail";
  if (outcome.author) row.header_from = outcome.author->text();
  if (outcome.verdict == Verdict::fail) {
    row.disposition = format(outcome.policy);
    if (outcome.policy != outcome.published) row.reasons.push_back({"policy_test_mode", std::nullopt});
  } else {
    // "pass": nothing was done to a message that passed an enforcing policy (RFC 9990 appendix A).
    row.disposition = outcome.verdict == Verdict::pass && outcome.published != Policy::none ? "pass" : "none";
  }
  return row;
}

void add_row(AggregateReport& report, ReportRow row) {
  const auto same = std::find_if(report.rows.begin(), report.rows.end(), [&](ReportRow& known) {
    const std::uint64_t messages = std::exchange(known.count, row.count);
    const bool equal = known == row;
    known.count = messages;
    return equal;
  });
  if (same == report.rows.end()) {
    report.rows.push_back(std::move(row));
  } else {
    same->count = saturating_sum(same->count, row.count);
  }
}

void ReportSummary::add(const AggregateReport& report) {
  begin = reports == 0 ? report.begin : std::min(begin, report.begin);
  end = reports == 0 ? report.end : std::max(end, report.end);
  ++reports;
  for (const ReportRow& row : report.rows) {
    count(total, row);
    count(by_source[row.source_ip], row);
    count(by_author[ascii::to_lower(row.header_from)], row);
    if (row.disposition == "quarantine") quarantined = saturating_sum(quarantined, row.count);
    if (row.disposition == "reject") rejected = saturating_sum(rejected, row.count);
    if (!row.reasons.empty()) overridden = saturating_sum(overridden, row.count);
  }
}

}  // namespace sendconn::dmarc
