// Aggregate reports, from XML (RFC 9990 section 3.1.1; RFC 7489 appendix C).
#include <sendconn/dmarc_report.hpp>

#include <algorithm>

#include "lib/base/ascii.hpp"
#include "lib/dmarc/xml.hpp"

namespace sendconn::dmarc {
namespace {

constexpr std::string_view space_9990 = "urn:ietf:params:xml:ns:dmarc-2.0";

/// An element of ours stands in its parent's namespace; one of an extension may have the same name in another.
bool is(const ExtensionElement& child, const ExtensionElement& parent, std::string_view name) noexcept {
  return child.name == name && child.space == parent.space;
}

ExtensionElement* find(ExtensionElement& parent, std::string_view name) noexcept {
  const auto found = std::find_if(parent.children.begin(), parent.children.end(),
                                  [&](const ExtensionElement& child) { return is(child, parent, name); });
  return found == parent.children.end() ? nullptr : &*found;
}

std::string text(ExtensionElement& parent, std::string_view name) {
  ExtensionElement* const child = find(parent, name);
  return child ? std::move(child->text) : std::string();
}

std::optional<std::string> optional_text(ExtensionElement& parent, std::string_view name) {
  ExtensionElement* const child = find(parent, name);
  if (!child) return std::nullopt;
  return std::move(child->text);
}

ReportNote note(ExtensionElement& element) {
  ReportNote note{std::move(element.text), {}};
  for (ExtensionElement::Attribute& attribute : element.attributes) {
    if (attribute.name == "lang") note.lang = std::move(attribute.value);
  }
  return note;
}

std::optional<ReportNote> optional_note(ExtensionElement& parent, std::string_view name) {
  ExtensionElement* const child = find(parent, name);
  if (!child) return std::nullopt;
  return note(*child);
}

Error missing(std::string_view element, std::string_view parent) {
  return {Errc::syntax, "no <" + std::string(element) + "> in <" + std::string(parent) +
                            ">; it is required (RFC 9990 section 3.1.1)"};
}

template <class T>
Result<T> whole_number(ExtensionElement& parent, std::string_view name) {
  ExtensionElement* const child = find(parent, name);
  if (!child) return missing(name, parent.name);
  const auto value = ascii::to_number<T>(child->text);
  if (!value)
    return Error{Errc::syntax, "<" + std::string(name) + "> is " + ascii::quote(child->text) +
                                   "; a whole number is required (RFC 9990 section 3.1.1)"};
  return *value;
}

Result<void> read_metadata(ExtensionElement& element, AggregateReport& report) {
  report.org_name = text(element, "org_name");
  report.email = text(element, "email");
  report.extra_contact_info = optional_note(element, "extra_contact_info");
  report.report_id = text(element, "report_id");
  report.generator = optional_text(element, "generator");
  for (ExtensionElement& child : element.children) {
    if (is(child, element, "error")) report.errors.push_back(note(child));
  }
  ExtensionElement* const range = find(element, "date_range");
  if (!range) return missing("date_range", "report_metadata");
  const auto begin = whole_number<std::int64_t>(*range, "begin");
  if (!begin) return begin.error();
  const auto end = whole_number<std::int64_t>(*range, "end");
  if (!end) return end.error();
  report.begin = *begin;
  report.end = *end;
  return {};
}

void read_policy(ExtensionElement& element, ReportedPolicy& policy) {
  policy.domain = text(element, "domain");
  policy.p = text(element, "p");
  policy.sp = optional_text(element, "sp");
  policy.np = optional_text(element, "np");
  policy.adkim = optional_text(element, "adkim");
  policy.aspf = optional_text(element, "aspf");
  policy.discovery_method = optional_text(element, "discovery_method");
  policy.fo = optional_text(element, "fo");
  policy.testing = optional_text(element, "testing");
  policy.pct = optional_text(element, "pct");
}

void read_results(ExtensionElement& element, ReportRow& row) {
  for (ExtensionElement& child : element.children) {
    if (is(child, element, "dkim")) {
      row.dkim_results.push_back({text(child, "domain"), optional_text(child, "selector"), text(child, "result"),
                                  optional_note(child, "human_result")});
    } else if (is(child, element, "spf")) {
      row.spf_results.push_back({text(child, "domain"), optional_text(child, "scope"), text(child, "result"),
                                 optional_note(child, "human_result")});
    }
  }
}

Result<ReportRow> read_row(ExtensionElement& element) {
  ReportRow row;
  ExtensionElement* const connection = find(element, "row");
  if (!connection) return missing("row", "record");
  row.source_ip = text(*connection, "source_ip");
  const auto count = whole_number<std::uint64_t>(*connection, "count");
  if (!count) return count.error();
  row.count = *count;
  ExtensionElement* const evaluated = find(*connection, "policy_evaluated");
  if (!evaluated) return missing("policy_evaluated", "row");
  row.disposition = text(*evaluated, "disposition");
  row.dkim = text(*evaluated, "dkim");
  row.spf = text(*evaluated, "spf");
  for (ExtensionElement& child : evaluated->children) {
    if (is(child, *evaluated, "reason")) row.reasons.push_back({text(child, "type"), optional_note(child, "comment")});
  }
  // Some early reports have "identities".
  ExtensionElement* identifiers = find(element, "identifiers");
  if (!identifiers) identifiers = find(element, "identities");
  if (!identifiers) return missing("identifiers", "record");
  row.header_from = text(*identifiers, "header_from");
  row.envelope_from = optional_text(*identifiers, "envelope_from");
  row.envelope_to = optional_text(*identifiers, "envelope_to");
  if (ExtensionElement* const results = find(element, "auth_results")) read_results(*results, row);
  for (ExtensionElement& child : element.children) {
    const bool known = is(child, element, "row") || is(child, element, "identifiers") ||
                       is(child, element, "identities") || is(child, element, "auth_results");
    if (!known) row.extensions.push_back(std::move(child));
  }
  return row;
}

}  // namespace

Result<AggregateReport> parse_report(std::string_view xml, const ReportLimits& limits) {
  AggregateReport report;
  bool metadata = false;
  bool policy = false;
  std::string space;
  const TreeHandler take = [&](ExtensionElement& element) -> Result<void> {
    if (element.space != space) return {};
    if (element.name == "record") {
      if (report.rows.size() == limits.max_records)
        return Error{Errc::limit_exceeded, "more than " + std::to_string(limits.max_records) + " records"};
      auto row = read_row(element);
      if (!row) return row.error();
      report.rows.push_back(*std::move(row));
    } else if (element.name == "report_metadata") {
      if (!metadata) {
        if (auto read = read_metadata(element, report); !read) return read;
      }
      metadata = true;
    } else if (element.name == "policy_published") {
      if (!policy) read_policy(element, report.policy);
      policy = true;
    } else if (element.name == "extension") {
      for (ExtensionElement& child : element.children) report.extensions.push_back(std::move(child));
    } else if (element.name == "version" && !report.version) {
      report.version = std::move(element.text);
    }
    return {};
  };
  if (auto read = read_xml(xml, "feedback", limits, space, take); !read) return read.error();
  if (!metadata) return missing("report_metadata", "feedback");
  if (!policy) return missing("policy_published", "feedback");
  report.form = space == space_9990 ? ReportForm::rfc9990 : ReportForm::rfc7489;
  return report;
}

}  // namespace sendconn::dmarc
