// The code of docs/sending.md that is no example of its own, compiled as it stands there.
#include <gtest/gtest.h>

#include "tests/mailer/scripted_server.hpp"

namespace sendconn {
namespace {

// clang-format off
std::string advice(const MailReport& report) {
  switch (report.failed_at) {
    case MailStage::none:
      break;
    case MailStage::login:
      return "Check name and password: " + report.reply.text;
    case MailStage::tls:
      return "This server cannot be trusted: " + report.reply.text;
    default:
      return report.may_have_arrived ? "It may have been sent; look before sending again."
                                     : "No connection: " + report.reply.text;
  }
  for (const RecipientReport& one : report.recipients) {
    if (one.fate == MailFate::permanent) return one.recipient.format() + " was refused: " + one.reply.text;
    if (one.fate == MailFate::temporary) return one.recipient.format() + " has to wait: " + one.reply.text;
  }
  return "Sent.";
}
// clang-format on

TEST(Manual, AdvisesAPerson) {
  MailReport report;
  report.recipients.push_back({test::address("b@example.net"), MailFate::accepted, {250, {2, 0, 0}, "kept"}});
  EXPECT_EQ(advice(report), "Sent.");
  report.recipients.push_back({test::address("c@example.net"), MailFate::permanent, {550, {5, 1, 1}, "nobody"}});
  EXPECT_EQ(advice(report), "c@example.net was refused: nobody");
  report.failed_at = MailStage::login;
  report.reply.text = "wrong";
  EXPECT_EQ(advice(report), "Check name and password: wrong");
}

}  // namespace
}  // namespace sendconn
