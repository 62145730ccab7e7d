// sendconn.dmarc: aggregate reports read, written and summarized; failure reports written.
#include <sendconn/dmarc_report.hpp>

#include <limits>

#include "bindings/python/src/bind.hpp"
#include "bindings/python/src/results.hpp"
#include "bindings/python/src/words.hpp"

namespace sendconn::python {
namespace {

ValueType& note_type() {
  static auto& type = *new ValueType("sendconn.dmarc", "ReportNote");
  return type;
}
ValueType& attribute_type() {
  static auto& type = *new ValueType("sendconn.dmarc", "ExtensionAttribute");
  return type;
}
ValueType& extension_type() {
  static auto& type = *new ValueType("sendconn.dmarc", "ExtensionElement");
  return type;
}
ValueType& reason_type() {
  static auto& type = *new ValueType("sendconn.dmarc", "OverrideReason");
  return type;
}
ValueType& dkim_type() {
  static auto& type = *new ValueType("sendconn.dmarc", "DkimReportResult");
  return type;
}
ValueType& spf_type() {
  static auto& type = *new ValueType("sendconn.dmarc", "SpfReportResult");
  return type;
}
ValueType& row_type() {
  static auto& type = *new ValueType("sendconn.dmarc", "ReportRow");
  return type;
}
ValueType& policy_type() {
  static auto& type = *new ValueType("sendconn.dmarc", "ReportedPolicy");
  return type;
}
ValueType& report_type() {
  static auto& type = *new ValueType("sendconn.dmarc", "AggregateReport");
  return type;
}
ValueType& count_type() {
  static auto& type = *new ValueType("sendconn.dmarc", "SourceCount");
  return type;
}
ValueType& summary_type() {
  static auto& type = *new ValueType("sendconn.dmarc", "ReportSummary");
  return type;
}

template <class T>
py::tuple all(const std::vector<T>& values);

// ---------------------------------------------------------------- to Python

py::object give(const dmarc::ReportNote& note) { return note_type().make(text(note.text), text(note.lang)); }

py::object maybe_note(const std::optional<dmarc::ReportNote>& note) {
  if (note) return give(*note);
  return py::none();
}

py::object give(const dmarc::ExtensionElement& element) {
  return extension_type().make(text(element.name), text(element.space), text(element.text),
                               tuple_of(element.attributes,
                                        [](const dmarc::ExtensionElement::Attribute& attribute) {
                                          return attribute_type().make(text(attribute.name), text(attribute.value),
                                                                       text(attribute.space));
                                        }),
                               all(element.children));
}

py::object give(const dmarc::OverrideReason& reason) {
  return reason_type().make(text(reason.type), maybe_note(reason.comment));
}

py::object give(const dmarc::DkimReportResult& result) {
  return dkim_type().make(text(result.domain), maybe_text(result.selector), text(result.result),
                          maybe_note(result.human_result));
}

py::object give(const dmarc::SpfReportResult& result) {
  return spf_type().make(text(result.domain), maybe_text(result.scope), text(result.result),
                         maybe_note(result.human_result));
}

py::object give(const dmarc::ReportRow& row) {
  return row_type().make(text(row.source_ip), integer(row.count), text(row.disposition), text(row.dkim), text(row.spf),
                         text(row.header_from), maybe_text(row.envelope_from), maybe_text(row.envelope_to),
                         all(row.reasons), all(row.dkim_results), all(row.spf_results), all(row.extensions));
}

py::object give(const dmarc::ReportedPolicy& policy) {
  return policy_type().make(text(policy.domain), text(policy.p), maybe_text(policy.sp), maybe_text(policy.np),
                            maybe_text(policy.adkim), maybe_text(policy.aspf), maybe_text(policy.discovery_method),
                            maybe_text(policy.fo), maybe_text(policy.testing), maybe_text(policy.pct));
}

py::object give(const dmarc::AggregateReport& report) {
  return report_type().make(text(report.org_name), text(report.email), text(report.report_id), py::int_(report.begin),
                            py::int_(report.end), give(report.policy), all(report.rows), maybe_text(report.version),
                            maybe_note(report.extra_contact_info), all(report.errors), maybe_text(report.generator),
                            all(report.extensions), word(report.form));
}

template <class T>
py::tuple all(const std::vector<T>& values) {
  return tuple_of(values, [](const T& value) { return give(value); });
}

py::object give(const dmarc::ReportSummary::Source& source) {
  return count_type().make(integer(source.messages), integer(source.passed), integer(source.dkim_aligned),
                           integer(source.spf_aligned));
}

py::dict give(const std::map<std::string, dmarc::ReportSummary::Source>& sources) {
  py::dict out;
  for (const auto& source : sources) out[text(source.first)] = give(source.second);
  return out;
}

// ---------------------------------------------------------------- from Python

dmarc::ReportNote take_note(py::handle given) {
  if (PyUnicode_Check(given.ptr())) return {take_text(given, "a note"), {}};
  return {take_text(given.attr("text"), "text"), take_text(given.attr("lang"), "lang")};
}

std::optional<dmarc::ReportNote> take_maybe_note(py::handle given) {
  if (given.is_none()) return std::nullopt;
  return take_note(given);
}

dmarc::ExtensionElement take_extension(py::handle given, std::size_t depth) {
  if (depth == 0) throw py::value_error("extensions must not lie deeper within each other than reports may");
  dmarc::ExtensionElement element;
  element.name = take_text(given.attr("name"), "name");
  element.space = take_text(given.attr("space"), "space");
  element.text = take_text(given.attr("text"), "text");
  element.attributes = take_list(given.attr("attributes"), "attributes", [](py::handle one) {
    return dmarc::ExtensionElement::Attribute{take_text(one.attr("space"), "space"),
                                              take_text(one.attr("name"), "name"),
                                              take_text(one.attr("value"), "value")};
  });
  element.children = take_list(given.attr("children"), "children",
                               [depth](py::handle child) { return take_extension(child, depth - 1); });
  return element;
}

std::vector<dmarc::ExtensionElement> take_extensions(py::handle given) {
  return take_list(given, "extensions",
                   [](py::handle one) { return take_extension(one, dmarc::ReportLimits{}.max_depth); });
}

dmarc::ReportRow take_row(py::handle given) {
  if (!row_type().made(given)) wrong_type("a row", "sendconn.dmarc.ReportRow", given);
  dmarc::ReportRow row;
  row.source_ip = take_text(given.attr("source_ip"), "source_ip");
  row.count = take_size(given.attr("count"), "count");
  row.disposition = take_text(given.attr("disposition"), "disposition");
  row.dkim = take_text(given.attr("dkim"), "dkim");
  row.spf = take_text(given.attr("spf"), "spf");
  row.header_from = take_text(given.attr("header_from"), "header_from");
  row.envelope_from = take_maybe_text(given.attr("envelope_from"), "envelope_from");
  row.envelope_to = take_maybe_text(given.attr("envelope_to"), "envelope_to");
  row.reasons = take_list(given.attr("reasons"), "reasons", [](py::handle one) {
    return dmarc::OverrideReason{take_text(one.attr("type"), "type"), take_maybe_note(one.attr("comment"))};
  });
  row.dkim_results = take_list(given.attr("dkim_results"), "dkim_results", [](py::handle one) {
    return dmarc::DkimReportResult{take_text(one.attr("domain"), "domain"),
                                   take_maybe_text(one.attr("selector"), "selector"),
                                   take_text(one.attr("result"), "result"), take_maybe_note(one.attr("human_result"))};
  });
  row.spf_results = take_list(given.attr("spf_results"), "spf_results", [](py::handle one) {
    return dmarc::SpfReportResult{take_text(one.attr("domain"), "domain"), take_maybe_text(one.attr("scope"), "scope"),
                                  take_text(one.attr("result"), "result"), take_maybe_note(one.attr("human_result"))};
  });
  row.extensions = take_extensions(given.attr("extensions"));
  return row;
}

dmarc::ReportedPolicy take_policy(py::handle given) {
  if (!policy_type().made(given)) wrong_type("policy", "sendconn.dmarc.ReportedPolicy", given);
  const auto maybe = [given](const char* name) { return take_maybe_text(given.attr(name), name); };
  dmarc::ReportedPolicy policy;
  policy.domain = take_text(given.attr("domain"), "domain");
  policy.p = take_text(given.attr("p"), "p");
  policy.sp = maybe("sp");
  policy.np = maybe("np");
  policy.adkim = maybe("adkim");
  policy.aspf = maybe("aspf");
  policy.discovery_method = maybe("discovery_method");
  policy.fo = maybe("fo");
  policy.testing = maybe("testing");
  policy.pct = maybe("pct");
  return policy;
}

std::int64_t take_stamp(py::handle value, const char* what) {
  return take_integer(value, what, std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max());
}

dmarc::AggregateReport take_report(py::handle given) {
  if (!report_type().made(given)) wrong_type("report", "sendconn.dmarc.AggregateReport", given);
  dmarc::AggregateReport report;
  report.form = take_word<dmarc::ReportForm>(given.attr("form"), "form");
  report.version = take_maybe_text(given.attr("version"), "version");
  report.org_name = take_text(given.attr("org_name"), "org_name");
  report.email = take_text(given.attr("email"), "email");
  report.extra_contact_info = take_maybe_note(given.attr("extra_contact_info"));
  report.report_id = take_text(given.attr("report_id"), "report_id");
  report.begin = take_stamp(given.attr("begin"), "begin");
  report.end = take_stamp(given.attr("end"), "end");
  report.errors = take_list(given.attr("errors"), "errors", take_note);
  report.generator = take_maybe_text(given.attr("generator"), "generator");
  report.policy = take_policy(given.attr("policy"));
  report.extensions = take_extensions(given.attr("extensions"));
  report.rows = take_list(given.attr("rows"), "rows", take_row);
  return report;
}

/// An object with the members of dmarc::FailureReport, as sendconn/dmarc.py makes it.
dmarc::FailureReport take_failure(py::handle given) {
  const auto string = [given](const char* name) { return take_text(given[name], name); };
  dmarc::FailureReport report{.from = take_address(given["from"], "from"),
                              .to = take_address(given["to"], "to"),
                              .date = take_time(given["date"], "date"),
                              .message_id = string("message_id"),
                              .boundary = string("boundary"),
                              .reporter = string("reporter"),
                              .reporting_mta = take_domain(given["reporting_mta"], "reporting_mta"),
                              .author = take_domain(given["author"], "author"),
                              .source_ip = take_ip(given["source_ip"], "source_ip"),
                              .dkim_failed = take_flag(given["dkim_failed"], "dkim_failed"),
                              .spf_failed = take_flag(given["spf_failed"], "spf_failed"),
                              .mail_from = take_maybe_text(given["mail_from"], "mail_from"),
                              .recipients = take_texts(given["recipients"], "recipients"),
                              .arrival = take_maybe_time(given["arrival"], "arrival"),
                              .delivery_result = string("delivery_result"),
                              .results = std::nullopt,
                              .dkim_domain = string("dkim_domain"),
                              .dkim_identity = string("dkim_identity"),
                              .dkim_selector = string("dkim_selector"),
                              .spf_dns = string("spf_dns"),
                              .original = std::string(take_octets(given["original"], "original")),
                              .header_only = take_flag(given["header_only"], "header_only")};
  if (const py::object results = given["results"]; !results.is_none()) report.results = take_authres(results);
  return report;
}

py::object summarize(py::handle reports) {
  dmarc::ReportSummary summary;
  for (const dmarc::AggregateReport& report : take_list(reports, "reports", take_report)) summary.add(report);
  return summary_type().make(give(summary.total), integer(summary.quarantined), integer(summary.rejected),
                             integer(summary.overridden), py::int_(summary.begin), py::int_(summary.end),
                             integer(summary.reports), give(summary.by_source), give(summary.by_author));
}

py::object parse(py::handle xml) {
  const std::string_view view = take_octets(xml, "xml");
  const auto work = [view] {
    const py::gil_scoped_release nogil;
    return dmarc::parse_report(view);
  };
  return give(need(work()));
}

}  // namespace

void bind_dmarc_reports(py::module_& module) {
  module.def("dmarc_unpack_report", [](py::handle file) {
    const std::string_view view = take_octets(file, "file");
    const auto work = [view] {
      const py::gil_scoped_release nogil;
      return dmarc::unpack_report(view);
    };
    return octets(need(work()));
  });
  module.def("dmarc_pack_report",
             [](py::handle xml) { return octets(need(dmarc::pack_report(take_octets(xml, "xml")))); });
  module.def("dmarc_parse_report", &parse);
  module.def("dmarc_check_report", [](py::handle report) { return texts(dmarc::check_report(take_report(report))); });
  module.def("dmarc_format_report",
             [](py::handle report) { return octets(need(dmarc::format_report(take_report(report)))); });
  module.def("dmarc_report_file_name", [](py::handle receiver, py::handle report, py::handle packed) {
    return text(
        dmarc::report_file_name(take_domain(receiver, "receiver"), take_report(report), take_flag(packed, "packed")));
  });
  module.def("dmarc_report_subject", [](py::handle submitter, py::handle report) {
    return text(dmarc::report_subject(take_domain(submitter, "submitter"), take_report(report)));
  });
  module.def("dmarc_reported_policy",
             [](py::handle result) { return give(dmarc::reported_policy(take_dmarc_outcome(result))); });
  module.def("dmarc_report_row", [](py::handle result, py::handle source) {
    return give(dmarc::report_row(take_dmarc_outcome(result), take_ip(source, "source")));
  });
  module.def("dmarc_summarize", &summarize);
  module.def("dmarc_format_failure_report",
             [](py::handle members) { return octets(need(dmarc::format_failure_report(take_failure(members)))); });
}

}  // namespace sendconn::python
