#include "lib/mailer/report.hpp"

#include <algorithm>

#include <sendconn/route.hpp>

namespace sendconn {

bool MailReport::all_accepted() const noexcept {
  return failed_at == MailStage::none && !recipients.empty() &&
         std::all_of(recipients.begin(), recipients.end(),
                     [](const RecipientReport& one) { return one.fate == MailFate::accepted; });
}

MailFate fate_of(const Reply& reply) {
  // A message that the server cannot take for what it announced has an enhanced code alone.
  if (reply.code == 0 && reply.enhanced.klass == 5) return MailFate::permanent;
  switch (route::classify(reply)) {
    case route::Outcome::delivered:
      return MailFate::accepted;
    case route::Outcome::failed:
      return MailFate::permanent;
    case route::Outcome::deferred:
      break;
  }
  return MailFate::temporary;
}

ReportBuilder::ReportBuilder(const std::vector<Address>& recipients) : settled_(recipients.size()) {
  report.recipients.reserve(recipients.size());
  for (const Address& one : recipients) report.recipients.push_back({one, MailFate::temporary, Reply()});
}

void ReportBuilder::take_recipient(std::size_t index, const Reply& reply) {
  touched_ = true;
  if (reply.positive() || index >= settled_.size()) return;
  report.recipients[index].reply = reply;
  report.recipients[index].fate = fate_of(reply);
  settled_[index] = true;
}

void ReportBuilder::settle_rest(MailFate fate, const Reply& reply) {
  touched_ = true;
  for (std::size_t i = 0; i < settled_.size(); ++i) {
    if (settled_[i]) continue;
    report.recipients[i].fate = fate;
    report.recipients[i].reply = reply;
    settled_[i] = true;
  }
  report.reply = reply;
}

void ReportBuilder::take_message(const Reply& reply) { settle_rest(fate_of(reply), reply); }

void ReportBuilder::take_failure(const SessionFailure& failure) {
  settle_rest(failure.may_have_arrived ? MailFate::temporary : failure.fate, failure.reply);
  report.failed_at = failure.stage;
  report.may_have_arrived = failure.may_have_arrived;
}

}  // namespace sendconn
