#include "relay/delivery/bounce.hpp"

#include <sendconn/message.hpp>

#include <algorithm>

namespace sendconn::relay {
namespace {

constexpr std::size_t max_returned_header = 65'536;  // our own bound: enough to recognise the message by

bool is_ascii(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0x80U) != 0; });
}

/// What a server said, made safe for a field: one line, printable ASCII.
std::string one_line(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c < 0x20 || c > 0x7e) c = c == '\n' || c == '\r' || c == '\t' ? ' ' : '?';
  return out;
}

/// The fields whose lines are short enough to be sent on: what refused the message for a long line must not refuse the
/// report as well. RFC 5322 section 2.1.1.
std::string without_long_fields(std::string_view header) {
  constexpr std::size_t max_line = 998;
  std::string out;
  while (!header.empty()) {
    std::size_t end = 0;  // of the field
    bool fits = true;
    do {
      const std::size_t found = header.find("\r\n", end);
      const std::size_t line_end = found == std::string_view::npos ? header.size() : found;
      fits = fits && line_end - end <= max_line;
      end = found == std::string_view::npos ? header.size() : found + 2;
    } while (end < header.size() && (header[end] == ' ' || header[end] == '\t'));
    if (fits) out.append(header.substr(0, end));
    header.remove_prefix(end);
  }
  return out;
}

std::string status_of(const FailedRecipient& recipient) {
  const EnhancedCode& code = recipient.reply.enhanced;
  if (recipient.expired && (code.empty() || code.klass == 4)) return "5.4.7";  // RFC 3463: delivery time expired
  if (!code.empty()) return code.format();
  return recipient.reply.permanent() ? "5.0.0" : "4.0.0";
}

std::string explain(const FailedRecipient& recipient) {
  std::string out = "<" + recipient.address + ">\r\n  ";
  if (recipient.expired) out += "given up: it could not be delivered for too long. The last answer was\r\n  ";
  if (!recipient.remote.empty()) out += recipient.remote + " said: ";
  return out + one_line(recipient.reply.summary()) + "\r\n";
}

}  // namespace

std::string format_bounce(const QueuedMessage& failed, const std::vector<FailedRecipient>& recipients,
                          std::string_view header, std::string_view hostname, QueueId id, UnixTime now) {
  const std::string host(hostname);
  const std::string boundary = "report-" + format_queue_id(id);
  const bool international =
      failed.smtputf8 || !is_ascii(failed.reverse_path) || !is_ascii(header) ||
      std::any_of(recipients.begin(), recipients.end(), [](const FailedRecipient& r) { return !is_ascii(r.address); });
  std::string out = "From: Mail Delivery System <MAILER-DAEMON@" + host + ">\r\nTo: <" + failed.reverse_path +
                    ">\r\nSubject: Your message could not be delivered\r\nDate: " + mail::format_date(now) +
                    "\r\nMessage-ID: <" + format_queue_id(id) + "@" + host +
                    ">\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
                    "Content-Type: multipart/report; report-type=delivery-status;\r\n boundary=\"" +
                    boundary + "\"\r\n";
  if (international) out += "Content-Transfer-Encoding: 8bit\r\n";
  out += "\r\nThis is a report in MIME format.\r\n\r\n--" + boundary +
         "\r\nContent-Type: text/plain; charset=utf-8\r\n" +
         (international ? "Content-Transfer-Encoding: 8bit\r\n" : "") + "\r\nYour message was accepted by " + host +
         " on " + mail::format_date(failed.accepted) + "\r\nand could not be delivered to:\r\n\r\n";
  for (const FailedRecipient& recipient : recipients) out += explain(recipient);
  out += "\r\nThe header of your message is returned below; its queue id was " + format_queue_id(failed.id) + ".\r\n";

  out += "\r\n--" + boundary +
         (international ? "\r\nContent-Type: message/global-delivery-status\r\n"
                        : "\r\nContent-Type: message/delivery-status\r\n") +
         "\r\nReporting-MTA: dns; " + host + "\r\nArrival-Date: " + mail::format_date(failed.accepted) + "\r\n";
  for (const FailedRecipient& recipient : recipients) {
    const bool utf8 = !is_ascii(recipient.address);
    out += std::string("\r\nFinal-Recipient: ") + (utf8 ? "utf-8; " : "rfc822; ") + recipient.address +
           "\r\nAction: failed\r\nStatus: " + status_of(recipient) + "\r\n";
    if (!recipient.remote.empty()) out += "Remote-MTA: dns; " + one_line(recipient.remote) + "\r\n";
    if (recipient.reply.code != 0) out += "Diagnostic-Code: smtp; " + one_line(recipient.reply.summary()) + "\r\n";
    out += "Last-Attempt-Date: " + mail::format_date(now) + "\r\n";
  }
  out += "\r\n--" + boundary +
         (international ? "\r\nContent-Type: message/global-headers\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
                        : "\r\nContent-Type: text/rfc822-headers\r\n\r\n");
  header = header.substr(0, max_returned_header);
  if (header.size() == max_returned_header) header = header.substr(0, header.rfind("\r\n") + 2);
  out += without_long_fields(header);
  out += "\r\n--" + boundary + "--\r\n";
  return out;
}

}  // namespace sendconn::relay
