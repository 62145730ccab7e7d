// SPF records: any text is parsed, every term and fault lies inside it, and what is changed or split stays what it was.
#include <cstdint>
#include <string>
#include <string_view>

#include <sendconn/spf_edit.hpp>

#include "fuzz/check.hpp"

using namespace sendconn;

namespace {

void check_places(const spf::Record& record) {
  const std::size_t size = record.text().size();
  std::size_t end = 0;
  for (const spf::Term& term : record.terms()) {
    fuzz::check(term.position > end && term.octets > 0 && term.position + term.octets <= size,
                "terms follow each other");
    end = term.position + term.octets;
    fuzz::check(term.domain_size == 0 || (term.domain_at > term.position && term.domain_at + term.domain_size <= end),
                "a domain lies inside its term");
  }
  fuzz::check(record.faults().size() <= spf::Record::max_faults, "faults are bounded");
  for (const spf::Fault& fault : record.faults())
    fuzz::check(fault.position <= size && !fault.text.empty(), "a fault lies inside the record");
}

void check_lint(const spf::Record& record, std::string_view text) {
  bool has_error = false;
  std::size_t before = 0;
  for (const spf::Finding& finding : spf::lint(text)) {
    has_error = has_error || (finding.severity == spf::Severity::error && finding.code != "too-many-lookups");
    fuzz::check(finding.position >= before && finding.position <= text.size(), "findings stand in their order");
    before = finding.position;
  }
  fuzz::check(has_error == !record.valid(), "lint finds an error where the record has a fault");
}

/// parse, format, parse
void check_changes(const spf::Record& record, const std::string& text) {
  const auto same = spf::merge({text});
  if (!record.valid()) return fuzz::check(!same.ok(), "a malformed record is not changed");
  if (!same) return fuzz::check(same.error().code == Errc::conflict, "a valid record is refused for a conflict alone");
  const spf::Record again = spf::Record::parse(*same);
  fuzz::check(again.valid(), "what was written is valid");
  const auto twice = spf::merge({*same});
  fuzz::check(twice.ok() && *twice == *same, "writing again changes nothing");
  for (const spf::Term& term : again.terms()) {
    const auto removed = spf::remove_term(*same, again.text(term));
    fuzz::check(removed.ok() && spf::Record::parse(*removed).valid(), "each term can be taken away");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const spf::Record record = spf::Record::parse(text);
  check_places(record);
  check_lint(record, text);
  if (record.terms().size() <= 100) check_changes(record, text);
  std::string joined;
  for (const std::string& string : spf::split_strings(text)) {
    fuzz::check(string.size() <= 255, "a string has at most 255 octets");
    joined += string;
  }
  fuzz::check(joined == text, "the strings joined are the text");
  spf::format_txt(text);
  return 0;
}
