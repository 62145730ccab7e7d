// Failure reports as messages (RFC 9991, RFC 6591, RFC 5965).
#include <sendconn/dmarc_report.hpp>

#include <algorithm>

#include <sendconn/message.hpp>

#include "lib/base/ascii.hpp"

namespace sendconn::dmarc {
namespace {

constexpr std::size_t max_boundary_octets = 70;  // RFC 2046 section 5.1.1
constexpr std::size_t max_field_octets = 900;    // of a field's value, so that its line stays below 998 octets

/// A value for one line of a field; it can neither end the field nor the message.
std::string line(std::string_view value) {
  std::string out(value.substr(0, max_field_octets));
  std::replace_if(
      out.begin(), out.end(), [](char c) { return !ascii::is_vchar(c) && c != ' '; }, '?');
  return out;
}

void field(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(line(value)).append("\r\n");
}

Error refuse(std::string_view what) { return {Errc::invalid_argument, "failure report: " + std::string(what)}; }

/// Lines in CRLF alone, and no NUL.
bool has_good_lines(std::string_view text) noexcept {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\0' || (text[i] == '\n' && (i == 0 || text[i - 1] != '\r')) ||
        (text[i] == '\r' && (i + 1 == text.size() || text[i + 1] != '\n')))
      return false;
  }
  return true;
}

/// "dkim,spf": what failed to give an aligned pass (RFC 9991 section 3).
std::string failed_mechanisms(const FailureReport& report) {
  if (report.dkim_failed && report.spf_failed) return "dkim, spf";
  return report.dkim_failed ? "dkim" : "spf";
}

std::string explanation(const FailureReport& report) {
  return "A message with " + report.author.text() + " in its From field came from " + report.source_ip.format() +
         "\r\nand did not pass DMARC: no aligned result of " + failed_mechanisms(report) +
         ".\r\nThe next part tells the details to programs, the last part is the message.\r\n";
}

Result<std::string> feedback(const FailureReport& report) {
  std::string out;
  field(out, "Feedback-Type", "auth-failure");
  field(out, "Version", "1");
  field(out, "User-Agent", report.reporter);
  field(out, "Auth-Failure", "dmarc");
  field(out, "Identity-Alignment", failed_mechanisms(report));
  if (report.results) {
    auto results = authres::format(*report.results);
    if (!results) return results.error();
    out += *results;
  }
  field(out, "Reported-Domain", report.author.text());
  field(out, "Source-IP", report.source_ip.format());
  field(out, "Reporting-MTA", "dns; " + report.reporting_mta.text());
  if (report.mail_from) field(out, "Original-Mail-From", "<" + *report.mail_from + ">");
  for (const std::string& recipient : report.recipients) field(out, "Original-Rcpt-To", "<" + recipient + ">");
  if (report.arrival) field(out, "Arrival-Date", mail::format_date(*report.arrival));
  if (!report.delivery_result.empty()) field(out, "Delivery-Result", report.delivery_result);
  if (!report.dkim_domain.empty()) field(out, "DKIM-Domain", report.dkim_domain);
  if (!report.dkim_identity.empty()) field(out, "DKIM-Identity", report.dkim_identity);
  if (!report.dkim_selector.empty()) field(out, "DKIM-Selector", report.dkim_selector);
  if (!report.spf_dns.empty()) field(out, "SPF-DNS", report.spf_dns);
  return out;
}

}  // namespace

Result<std::string> format_failure_report(const FailureReport& report) {
  const std::string& boundary = report.boundary;
  if (boundary.empty() || boundary.size() > max_boundary_octets ||
      !std::all_of(boundary.begin(), boundary.end(), [](char c) { return ascii::is_alnum(c) || c == '-' || c == '_'; }))
    return refuse("boundary " + ascii::quote(boundary) + "; 1 to 70 letters, digits, \"-\" and \"_\" are required");
  if (report.original.find("--" + boundary) != std::string::npos)
    return refuse("the boundary occurs in the original message");
  if (!report.dkim_failed && !report.spf_failed) return refuse("neither DKIM nor SPF failed");
  if (!has_good_lines(report.original))
    return refuse("the original has a bare CR or LF, or NUL; lines end in CRLF (RFC 5322 section 2.1)");
  const auto parts = feedback(report);
  if (!parts) return parts.error();

  std::string out;
  field(out, "From", report.from.format());
  field(out, "To", report.to.format());
  field(out, "Date", mail::format_date(report.date));
  field(out, "Message-ID", "<" + report.message_id + ">");
  field(out, "Subject", "DMARC failure of mail from " + report.author.text());
  field(out, "Auto-Submitted", "auto-generated");  // RFC 3834 section 5: nobody may answer it by machine
  out += "MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=feedback-report;\r\n boundary=\"" +
         boundary + "\"\r\n\r\n";
  const auto part = [&](std::string_view type, std::string_view encoding, std::string_view content) {
    out.append("--").append(boundary).append("\r\nContent-Type: ").append(type);
    out.append("\r\nContent-Transfer-Encoding: ").append(encoding).append("\r\n\r\n").append(content);
    if (!content.ends_with("\r\n")) out += "\r\n";
  };
  part("text/plain; charset=us-ascii", "7bit", explanation(report));
  part("message/feedback-report", "7bit", *parts);
  part(report.header_only ? "text/rfc822-headers" : "message/rfc822",
       ascii::has_8bit(report.original) ? "8bit" : "7bit", report.original);
  out.append("--").append(boundary).append("--\r\n");
  return out;
}

}  // namespace sendconn::dmarc
