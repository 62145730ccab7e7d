// A MailReport while its message is on its way: who still waits for a verdict.
#pragma once

#include <string>
#include <vector>

#include <sendconn/mailer.hpp>

namespace sendconn {

/// Why a session failed.
struct SessionFailure {
  MailStage stage = MailStage::none;
  MailFate fate = MailFate::temporary;
  Reply reply;  ///< code 0: no server said it
  bool may_have_arrived = false;
};

/// What a server's reply, or its absence, means.
MailFate fate_of(const Reply& reply);

class ReportBuilder {
 public:
  explicit ReportBuilder(const std::vector<Address>& recipients);

  /// RCPT was answered: a refusal is final, a positive reply waits for that to the message.
  void take_recipient(std::size_t index, const Reply& reply);
  /// The message was answered: so were all who waited.
  void take_message(const Reply& reply);
  /// Nobody will be answered any more.
  void take_failure(const SessionFailure& failure);
  /// Nothing was said of anybody yet.
  [[nodiscard]] bool is_untouched() const noexcept { return !touched_; }

  MailReport report;

 private:
  void settle_rest(MailFate fate, const Reply& reply);
  std::vector<bool> settled_;
  bool touched_ = false;
};

}  // namespace sendconn
