// Aggregate reports, to XML (RFC 9990 appendix A; RFC 7489 appendix C), and what the two schemas allow.
#include <sendconn/dmarc_report.hpp>

#include <algorithm>
#include <initializer_list>

#include "lib/base/ascii.hpp"
#include "lib/dmarc/xml.hpp"

namespace sendconn::dmarc {
namespace {

using Words = std::initializer_list<std::string_view>;

/// Collects what the schema refuses.
class Judge {
 public:
  explicit Judge(const AggregateReport& report) : report_(report), new_form_(report.form == ReportForm::rfc9990) {}

  std::vector<std::string> judge() {
    metadata();
    policy();
    if (report_.rows.empty()) say("no <record>; at least one is required");
    for (std::size_t i = 0; i < report_.rows.size() && faults_.size() < max_faults; ++i) {
      where_ = "record " + std::to_string(i + 1) + ": ";
      row(report_.rows[i]);
    }
    return std::move(faults_);
  }

 private:
  static constexpr std::size_t max_faults = 100;  // our own; nobody reads more

  void say(const std::string& fault) {
    faults_.push_back(where_ + fault + (new_form_ ? " (RFC 9990 appendix A)" : " (RFC 7489 appendix C)"));
  }
  void one_of(std::string_view element, std::string_view value, Words words) {
    if (std::find(words.begin(), words.end(), value) != words.end()) return;
    std::string all;
    for (const std::string_view word : words) all.append(all.empty() ? "" : ", ").append(word);
    say("<" + std::string(element) + "> is " + ascii::quote(value) + "; one of " + all + " is required");
  }
  void optional_one_of(std::string_view element, const std::optional<std::string>& value, Words words) {
    if (value) one_of(element, *value, words);
  }
  void language(const std::optional<ReportNote>& note) {
    if (!note || note->lang.empty()) return;
    // XML Schema part 2, section 3.3.3: letters, then letters and digits, 1 to 8 each, between hyphens.
    std::size_t run = 0;
    bool first = true;
    bool good = new_form_;
    for (const char c : note->lang + "-") {
      if (c == '-') {
        good = good && run >= 1 && run <= 8;
        run = 0;
        first = false;
      } else {
        good = good && (first ? ascii::is_alpha(c) : ascii::is_alnum(c));
        ++run;
      }
    }
    if (!good) say("lang=" + ascii::quote(note->lang) + " is no language, or not allowed here");
  }

  void metadata() {
    const bool decimal = !report_.version || (!report_.version->empty() &&
                                              std::all_of(report_.version->begin(), report_.version->end(),
                                                          [](char c) { return ascii::is_digit(c) || c == '.'; }) &&
                                              std::count(report_.version->begin(), report_.version->end(), '.') <= 1 &&
                                              *report_.version != ".");
    if (!decimal) say("<version> is " + ascii::quote(*report_.version) + "; a decimal number is required");
    if (new_form_ && report_.errors.size() > 1) say("more than one <error>");
    for (const ReportNote& error : report_.errors) language(error);
    language(report_.extra_contact_info);
    if (report_.end < report_.begin) say("the period ends before it begins");
  }

  void policy() {
    const ReportedPolicy& policy = report_.policy;
    const Words policies = {"none", "quarantine", "reject"};
    const Words modes = {"r", "s"};
    if (policy.domain.empty()) say("<domain> of <policy_published> is empty; the policy domain is required");
    one_of("p", policy.p, policies);
    optional_one_of("sp", policy.sp, policies);
    optional_one_of("np", policy.np, policies);
    optional_one_of("adkim", policy.adkim, modes);
    optional_one_of("aspf", policy.aspf, modes);
    optional_one_of("discovery_method", policy.discovery_method, {"psl", "treewalk"});
    optional_one_of("testing", policy.testing, {"n", "y"});
    if (new_form_ && policy.pct) say("<pct> was removed");
    if (!new_form_ && (policy.np || policy.discovery_method || policy.testing))
      say("<np>, <discovery_method> and <testing> are not known yet");
  }

  void row(const ReportRow& row) {
    if (!IpAddress::parse(row.source_ip)) say("<source_ip> is " + ascii::quote(row.source_ip) + ", no IP address");
    if (new_form_) {
      one_of("disposition", row.disposition, {"none", "pass", "quarantine", "reject"});
    } else {
      one_of("disposition", row.disposition, {"none", "quarantine", "reject"});
    }
    one_of("dkim", row.dkim, {"pass", "fail"});
    one_of("spf", row.spf, {"pass", "fail"});
    for (const OverrideReason& reason : row.reasons) {
      if (new_form_) {
        one_of("type", reason.type, {"local_policy", "mailing_list", "other", "policy_test_mode", "trusted_forwarder"});
      } else {
        one_of("type", reason.type,
               {"forwarded", "sampled_out", "trusted_forwarder", "mailing_list", "local_policy", "other"});
      }
      language(reason.comment);
    }
    if (row.header_from.empty()) say("<header_from> is empty; the author domain is required");
    for (const DkimReportResult& result : row.dkim_results) {
      if (new_form_ && !result.selector) say("no <selector> in <dkim>; it is required");
      one_of("result", result.result, {"none", "pass", "fail", "policy", "neutral", "temperror", "permerror"});
      language(result.human_result);
    }
    if (new_form_ && row.spf_results.size() > 1) say("more than one <spf> in <auth_results>");
    for (const SpfReportResult& result : row.spf_results) {
      if (new_form_) {
        optional_one_of("scope", result.scope, {"mfrom"});
        one_of("result", result.result,
               {"none", "pass", "fail", "softfail", "policy", "neutral", "temperror", "permerror"});
      } else {
        optional_one_of("scope", result.scope, {"helo", "mfrom"});
        one_of("result", result.result, {"none", "neutral", "pass", "fail", "softfail", "temperror", "permerror"});
      }
      language(result.human_result);
    }
    for (const ExtensionElement& extension : row.extensions) namespaced(extension);
  }

  /// RFC 9990 section 3.1.1.7 wants extensions in a namespace of their own.
  void namespaced(const ExtensionElement& element) {
    if (new_form_ && element.space.empty()) say("extension <" + element.name + "> has no namespace");
  }

  const AggregateReport& report_;
  const bool new_form_;
  std::string where_;
  std::vector<std::string> faults_;
};

/// Elements on lines of their own, indented.
class Writer {
 public:
  void open(std::string_view name, std::string_view attributes = {}) {
    begin_line();
    out_.append("<").append(name).append(attributes).append(">\n");
    ++depth_;
  }
  void close(std::string_view name) {
    --depth_;
    begin_line();
    out_.append("</").append(name).append(">\n");
  }
  void element(std::string_view name, std::string_view text, std::string_view attributes = {}) {
    begin_line();
    out_.append("<").append(name).append(attributes).append(">").append(escape_xml(text));
    out_.append("</").append(name).append(">\n");
  }
  void element(std::string_view name, const std::optional<std::string>& text) {
    if (text) element(name, std::string_view(*text));
  }
  void element(std::string_view name, const ReportNote& note) {
    element(name, note.text, note.lang.empty() ? std::string() : " lang=\"" + escape_xml(note.lang) + "\"");
  }
  void element(std::string_view name, const std::optional<ReportNote>& note) {
    if (note) element(name, *note);
  }
  void extension(const ExtensionElement& element) {
    // Each declares its own namespace, so that no prefix can clash.
    std::string attributes = " xmlns=\"" + escape_xml(element.space) + "\"";
    for (std::size_t i = 0; i < element.attributes.size(); ++i) {
      const ExtensionElement::Attribute& attribute = element.attributes[i];
      const std::string prefix = attribute.space.empty() ? "" : "a" + std::to_string(i) + ":";
      if (attribute.space == "http://www.w3.org/XML/1998/namespace") {
        attributes.append(" xml:");  // bound to it by definition
      } else if (!prefix.empty()) {
        attributes.append(" xmlns:a").append(std::to_string(i)).append("=\"");
        attributes.append(escape_xml(attribute.space)).append("\" ").append(prefix);
      } else {
        attributes.append(" ");
      }
      attributes.append(attribute.name).append("=\"").append(escape_xml(attribute.value)).append("\"");
    }
    if (element.children.empty()) return this->element(element.name, element.text, attributes);
    open(element.name, attributes);
    if (!element.text.empty()) out_.append(escape_xml(element.text)).append("\n");
    for (const ExtensionElement& child : element.children) extension(child);
    close(element.name);
  }
  std::string take() && { return std::move(out_); }

 private:
  void begin_line() { out_.append(depth_ * 2, ' '); }

  std::string out_ = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
  std::size_t depth_ = 0;
};

void write_metadata(Writer& out, const AggregateReport& report) {
  out.open("report_metadata");
  out.element("org_name", std::string_view(report.org_name));
  out.element("email", std::string_view(report.email));
  out.element("extra_contact_info", report.extra_contact_info);
  out.element("report_id", std::string_view(report.report_id));
  out.open("date_range");
  out.element("begin", std::to_string(report.begin), {});
  out.element("end", std::to_string(report.end), {});
  out.close("date_range");
  for (const ReportNote& error : report.errors) out.element("error", error);
  out.element("generator", report.generator);
  out.close("report_metadata");
}

void write_policy(Writer& out, const ReportedPolicy& policy) {
  out.open("policy_published");
  out.element("domain", std::string_view(policy.domain));
  out.element("discovery_method", policy.discovery_method);
  out.element("adkim", policy.adkim);
  out.element("aspf", policy.aspf);
  out.element("p", std::string_view(policy.p));
  out.element("sp", policy.sp);
  out.element("np", policy.np);
  out.element("pct", policy.pct);
  out.element("fo", policy.fo);
  out.element("testing", policy.testing);
  out.close("policy_published");
}

void write_row(Writer& out, const ReportRow& row) {
  out.open("record");
  out.open("row");
  out.element("source_ip", std::string_view(row.source_ip));
  out.element("count", std::to_string(row.count), {});
  out.open("policy_evaluated");
  out.element("disposition", std::string_view(row.disposition));
  out.element("dkim", std::string_view(row.dkim));
  out.element("spf", std::string_view(row.spf));
  for (const OverrideReason& reason : row.reasons) {
    out.open("reason");
    out.element("type", std::string_view(reason.type));
    out.element("comment", reason.comment);
    out.close("reason");
  }
  out.close("policy_evaluated");
  out.close("row");
  out.open("identifiers");
  out.element("envelope_to", row.envelope_to);
  out.element("envelope_from", row.envelope_from);
  out.element("header_from", std::string_view(row.header_from));
  out.close("identifiers");
  out.open("auth_results");
  for (const DkimReportResult& result : row.dkim_results) {
    out.open("dkim");
    out.element("domain", std::string_view(result.domain));
    out.element("selector", result.selector);
    out.element("result", std::string_view(result.result));
    out.element("human_result", result.human_result);
    out.close("dkim");
  }
  for (const SpfReportResult& result : row.spf_results) {
    out.open("spf");
    out.element("domain", std::string_view(result.domain));
    out.element("scope", result.scope);
    out.element("result", std::string_view(result.result));
    out.element("human_result", result.human_result);
    out.close("spf");
  }
  out.close("auth_results");
  for (const ExtensionElement& extension : row.extensions) out.extension(extension);
  out.close("record");
}

}  // namespace

std::vector<std::string> check_report(const AggregateReport& report) { return Judge(report).judge(); }

Result<std::string> format_report(const AggregateReport& report) {
  const auto faults = check_report(report);
  if (!faults.empty()) return Error{Errc::invalid_argument, "report: " + faults.front()};
  Writer out;
  out.open("feedback",
           report.form == ReportForm::rfc9990 ? " xmlns=\"urn:ietf:params:xml:ns:dmarc-2.0\"" : std::string_view());
  out.element("version", report.version);
  write_metadata(out, report);
  write_policy(out, report.policy);
  if (!report.extensions.empty()) {
    out.open("extension");
    for (const ExtensionElement& extension : report.extensions) out.extension(extension);
    out.close("extension");
  }
  for (const ReportRow& row : report.rows) write_row(out, row);
  out.close("feedback");
  return std::move(out).take();
}

std::string report_file_name(const Domain& receiver, const AggregateReport& report, bool packed) {
  // A foreign report's domain is a text; here it becomes a part of a file's name.
  const auto domain = Domain::parse(report.policy.domain);
  return receiver.text() + "!" + (domain ? domain->text() : "unknown") + "!" + std::to_string(report.begin) + "!" +
         std::to_string(report.end) + (packed ? ".xml.gz" : ".xml");
}

std::string report_subject(const Domain& submitter, const AggregateReport& report) {
  const auto printable = [](std::string_view text) {
    std::string out(text);
    std::replace_if(
        out.begin(), out.end(), [](char c) { return !ascii::is_vchar(c) || c == '<' || c == '>'; }, '?');
    return out;
  };
  return "Report Domain: " + printable(report.policy.domain) + " Submitter: " + submitter.text() + " Report-ID: <" +
         printable(report.report_id) + ">";
}

}  // namespace sendconn::dmarc
