#include "tests/dmarc/sample_report.hpp"

#include <random>

namespace sendconn::dmarc {
namespace {

class Chance {
 public:
  explicit Chance(unsigned seed) : random_(seed) {}

  std::size_t below(std::size_t limit) { return random_() % limit; }
  bool once_in(std::size_t times) { return below(times) == 0; }
  std::string pick(std::initializer_list<std::string_view> words) {
    return std::string(words.begin()[below(words.size())]);
  }
  std::optional<std::string> maybe(std::initializer_list<std::string_view> words) {
    if (once_in(2)) return std::nullopt;
    return pick(words);
  }
  /// Text that XML has to escape, spaces inside but not around it.
  std::string text() {
    std::string out;
    for (std::size_t i = below(6); i > 0; --i)
      out += pick({"a", "<b>", "&amp;", "]]>", "\"q\"", "'", "x y", "\xc3\xbc", "\xe2\x82\xac", "\xf0\x9f\x93\xa7",
                   "line\nfeed", "tab\tz", "cr\rz", "&#13;", "<!--", "?>"});
    return out;
  }
  std::string name() { return pick({"example.com", "mail.example.net", "xn--tda.example", "a.b.c.d.e.example.org"}); }
  ReportNote note() { return {text(), pick({"", "", "de", "en-GB", "zh-Hant-TW"})}; }
  std::optional<ReportNote> maybe_note() {
    if (once_in(2)) return std::nullopt;
    return note();
  }
  ExtensionElement extension(std::size_t depth) {
    ExtensionElement element{
        pick({"urn:example:ext", "https://ext.example/1?a&b"}), pick({"arc-results", "x"}), {}, text(), {}};
    if (once_in(2)) element.attributes.push_back({"", "plain", text()});
    if (once_in(3)) element.attributes.push_back({"urn:example:attribute", "spaced", text()});
    if (once_in(3)) element.attributes.push_back({"http://www.w3.org/XML/1998/namespace", "lang", "de"});
    for (std::size_t i = depth == 0 ? 0 : below(3); i > 0; --i) element.children.push_back(extension(depth - 1));
    return element;
  }

 private:
  std::mt19937 random_;
};

ReportRow sample_row(Chance& chance) {
  ReportRow row;
  row.source_ip = chance.pick({"192.0.2.1", "198.51.100.77", "2001:db8::1"});
  row.count = chance.once_in(9) ? ~std::uint64_t{0} : chance.below(1000);
  row.disposition = chance.pick({"none", "pass", "quarantine", "reject"});
  row.dkim = chance.pick({"pass", "fail"});
  row.spf = chance.pick({"pass", "fail"});
  for (std::size_t i = chance.below(3); i > 0; --i)
    row.reasons.push_back(
        {chance.pick({"local_policy", "mailing_list", "other", "policy_test_mode", "trusted_forwarder"}),
         chance.maybe_note()});
  row.header_from = chance.name();
  row.envelope_from = chance.maybe({"", "bounce.example.com"});
  row.envelope_to = chance.maybe({"receiver.example"});
  for (std::size_t i = chance.below(4); i > 0; --i)
    row.dkim_results.push_back({chance.name(), chance.pick({"s1", "2026-11"}),
                                chance.pick({"none", "pass", "fail", "policy", "neutral", "temperror", "permerror"}),
                                chance.maybe_note()});
  if (chance.once_in(2))
    row.spf_results.push_back(
        {chance.name(), chance.maybe({"mfrom"}),
         chance.pick({"none", "pass", "fail", "softfail", "policy", "neutral", "temperror", "permerror"}),
         chance.maybe_note()});
  for (std::size_t i = chance.below(2); i > 0; --i) row.extensions.push_back(chance.extension(2));
  return row;
}

}  // namespace

AggregateReport sample_report(unsigned seed) {
  Chance chance(seed);
  AggregateReport report;
  report.version = chance.maybe({"1.0"});
  report.org_name = chance.text();
  report.email = "reports@receiver.example";
  report.extra_contact_info = chance.maybe_note();
  report.report_id = "<" + std::to_string(seed) + "@receiver.example>";
  report.begin = 1'700'000'000 + static_cast<std::int64_t>(seed);
  report.end = report.begin + 86'399;
  if (chance.once_in(2)) report.errors.push_back(chance.note());
  report.generator = chance.maybe({"sendconn 1.0"});
  report.policy.domain = chance.name();
  report.policy.p = chance.pick({"none", "quarantine", "reject"});
  report.policy.sp = chance.maybe({"none", "quarantine", "reject"});
  report.policy.np = chance.maybe({"none", "quarantine", "reject"});
  report.policy.adkim = chance.maybe({"r", "s"});
  report.policy.aspf = chance.maybe({"r", "s"});
  report.policy.discovery_method = chance.maybe({"psl", "treewalk"});
  report.policy.fo = chance.maybe({"0", "1:d:s"});
  report.policy.testing = chance.maybe({"y", "n"});
  for (std::size_t i = chance.below(3); i > 0; --i) report.extensions.push_back(chance.extension(3));
  for (std::size_t i = 1 + chance.below(5); i > 0; --i) report.rows.push_back(sample_row(chance));
  return report;
}

}  // namespace sendconn::dmarc
