// The report about failed recipients: RFC 3464 section 2, RFC 6522 section 3, RFC 3834 section 5.
#include "relay/delivery/bounce.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace sendconn::relay {
namespace {

QueuedMessage failed_message() {
  QueuedMessage message;
  message.id = 42;
  message.accepted = UnixTime(std::chrono::seconds(1'790'000'000));
  message.reverse_path = "alice@example.com";
  return message;
}

std::string report_of(const std::vector<FailedRecipient>& recipients, std::string_view header = "Subject: hello\r\n") {
  return format_bounce(failed_message(), recipients, header, "relay.example", 43,
                       UnixTime(std::chrono::seconds(1'790'000'060)));
}

TEST(Bounce, is_a_report_that_answers_nobody) {
  const std::string report =
      report_of({{"bob@example.net", {550, {5, 1, 1}, "no such user"}, "mx.example.net[192.0.2.1]:25", false}});
  for (const char* part :
       {"Auto-Submitted: auto-replied\r\n", "To: <alice@example.com>\r\n", "report-type=delivery-status",
        "Reporting-MTA: dns; relay.example\r\n", "Final-Recipient: rfc822; bob@example.net\r\n", "Action: failed\r\n",
        "Status: 5.1.1\r\n", "Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n", "Subject: hello\r\n"})
    EXPECT_NE(report.find(part), std::string::npos) << part;
}

TEST(Bounce, has_crlf_line_ends_alone) {
  const std::string report = report_of({{"bob@example.net", {550, {5, 1, 1}, "two\nlines\r\nand more"}, "mx", false}});
  for (std::size_t i = 0; i < report.size(); ++i) {
    EXPECT_TRUE(report[i] != '\n' || report[i - 1] == '\r') << i;
    EXPECT_TRUE(report[i] != '\r' || report[i + 1] == '\n') << i;
  }
}

TEST(Bounce, a_server_cannot_forge_a_field_through_its_reply) {
  const std::string report = report_of({{"bob@example.net", {550, {}, "no\r\nAction: delivered"}, "mx", false}});
  EXPECT_EQ(report.find("\r\nAction: delivered"), std::string::npos);
}

TEST(Bounce, an_expired_message_says_so_with_its_own_status) {
  const std::string report = report_of({{"bob@example.net", {451, {4, 4, 1}, "connection refused"}, "mx", true}});
  EXPECT_NE(report.find("Status: 5.4.7\r\n"), std::string::npos);
  EXPECT_NE(report.find("given up"), std::string::npos);
}

TEST(Bounce, each_failed_recipient_has_its_own_block) {
  const std::string report = report_of({{"bob@example.net", {550, {5, 1, 1}, "no"}, "mx", false},
                                        {"carol@example.net", {550, {5, 2, 2}, "full"}, "mx", false}});
  EXPECT_NE(report.find("Final-Recipient: rfc822; bob@example.net"), std::string::npos);
  EXPECT_NE(report.find("Final-Recipient: rfc822; carol@example.net"), std::string::npos);
}

TEST(Bounce, fields_with_long_lines_do_not_come_back) {
  const std::vector<FailedRecipient> recipients = {{"bob@example.net", {500, {}, "line too long"}, "mx", false}};
  const std::string longest = "X: " + std::string(995, 'a') + "\r\n";
  const std::string too_long = "Y: b\r\n\t" + std::string(998, 'a') + "\r\n";
  const std::string report = report_of(recipients, longest + too_long + "Subject: hello\r\n");
  EXPECT_NE(report.find(longest + "Subject: hello\r\n"), std::string::npos);
  EXPECT_EQ(report.find("Y: b"), std::string::npos);
}

TEST(Bounce, utf8_addresses_make_an_international_report) {
  const std::string report =
      report_of({{"b\xc3\xb6"
                  "b@example.net",
                  {550, {5, 1, 1}, "no"},
                  "mx",
                  false}});
  EXPECT_NE(report.find("Final-Recipient: utf-8; b\xc3\xb6"
                        "b@example.net\r\n"),
            std::string::npos);
  EXPECT_NE(report.find("message/global-delivery-status"), std::string::npos);
}

TEST(Bounce, a_long_header_is_cut_at_a_line_end) {
  std::string header;
  while (header.size() < 200'000) header += "X-Filler: 0123456789\r\n";
  const std::string report = report_of({{"bob@example.net", {550, {5, 1, 1}, "no"}, "mx", false}}, header);
  EXPECT_LT(report.size(), 80'000U);
  EXPECT_NE(report.find("0123456789\r\n\r\n--report-"), std::string::npos);
}

}  // namespace
}  // namespace sendconn::relay
