// A ClientSession's transactions: envelope, message, and what became of them (RFC 5321 section 3.3, RFC 2033, RFC
// 2920).
#include <algorithm>

#include "lib/smtp/client_impl.hpp"

namespace sendconn::smtp {

Reply ClientSession::Impl::find_missing(const Envelope& envelope, bool smtputf8) const {
  if (smtputf8 && !announced.smtputf8) {
    return {0, {5, 6, 7}, "the server does not offer SMTPUTF8, which the message needs (RFC 6531)"};
  }
  if (envelope.body == BodyType::eight_bit_mime && !announced.eight_bit_mime) {
    return {0, {5, 6, 3}, "the server does not offer 8BITMIME, which the message needs (RFC 6152)"};
  }
  if (announced.max_octets != 0 && envelope.octets > announced.max_octets) {
    return {0,
            {5, 3, 4},
            "the message has " + std::to_string(envelope.octets) + " octets, the server takes at most " +
                std::to_string(announced.max_octets) + " (RFC 1870)"};
  }
  return {};
}

void ClientSession::Impl::begin(const Envelope& envelope, Instant now) {
  const auto beyond_ascii = [](const Address& address) { return address.needs_smtputf8(); };
  const bool smtputf8 = envelope.smtputf8 || (envelope.reverse_path && beyond_ascii(*envelope.reverse_path)) ||
                        std::any_of(envelope.recipients.begin(), envelope.recipients.end(), beyond_ascii);
  transactions.emplace_back();
  Transaction& transaction = transactions.back();
  transaction.missing = find_missing(envelope, smtputf8);
  if (!transaction.missing.enhanced.empty()) {
    asked.push_back({Asked::nothing});
    return settle_here();
  }
  if (reset_due) ask(Asked::rset, "RSET");
  reset_due = false;
  std::string argument = "FROM:<" + (envelope.reverse_path ? envelope.reverse_path->format() : "") + ">";
  if (announced.size && envelope.octets != 0) argument += " SIZE=" + std::to_string(envelope.octets);
  if (envelope.body == BodyType::eight_bit_mime) argument += " BODY=8BITMIME";
  if (smtputf8) argument += " SMTPUTF8";
  ask(Asked::mail, "MAIL", argument);
  for (std::uint32_t i = 0; i < envelope.recipients.size(); ++i) {
    ask(Asked::rcpt, "RCPT TO:<" + envelope.recipients[i].format() + ">");
    asked.back().index = i;
  }
  ask(Asked::data, "DATA");
  send(now);
}

void ClientSession::Impl::finish_transaction(Reply reply) {
  transactions.erase(transactions.begin());
  events.emplace_back(MessageDone{std::move(reply)});
  settle_here();
}

void ClientSession::Impl::settle_here() {
  if (asked.empty() || asked.front().asked != Asked::nothing) return;
  asked.pop_front();
  finish_transaction(std::move(transactions.front().missing));
}

void ClientSession::Impl::forget_unsent() {
  waiting.clear();
  asked.clear();
}

void ClientSession::Impl::on_mail(Reply reply) {
  Transaction& transaction = transactions.front();
  transaction.sender_taken = reply.positive();
  if (reply.positive()) return;
  if (announced.pipelining) {
    transaction.refusal = std::move(reply);
    return;
  }
  forget_unsent();
  finish_transaction(std::move(reply));
}

void ClientSession::Impl::on_rcpt(std::uint32_t index, Reply reply) {
  Transaction& transaction = transactions.front();
  if (!transaction.sender_taken) return;  // refused because MAIL was; MessageDone says why
  if (reply.positive()) {
    transaction.accepted.push_back(index);
  } else {
    transaction.refusal = reply;
  }
  events.emplace_back(RecipientReply{index, std::move(reply)});
  const bool last_one = asked.empty() || asked.front().asked != Asked::rcpt;
  if (!last_one || !transaction.accepted.empty() || announced.pipelining) return;
  forget_unsent();
  reset_due = true;
  Reply refusal = std::move(transaction.refusal);
  finish_transaction(std::move(refusal));
}

void ClientSession::Impl::on_data(Reply reply) {
  Transaction& transaction = transactions.front();
  const bool wanted = !transaction.accepted.empty();
  if (reply.code == 354) {
    if (wanted) {
      transaction.stage = Transaction::Stage::content;
      events.emplace_back(SendContent{});
      return;
    }
    // The server wants a message for nobody: an empty one is the only way out (RFC 2920 section 3.1).
    transaction.stage = Transaction::Stage::sent;
    transaction.hollow = true;
    output.end() += ".\r\n";
    asked.push_back({Asked::message});
    return;
  }
  if (reply.positive()) return fail_here({4, 5, 0}, "unexpected reply to DATA: " + reply.summary());
  reset_due = transaction.sender_taken;
  Reply reason = wanted ? std::move(reply) : std::move(transaction.refusal);
  finish_transaction(std::move(reason));
}

void ClientSession::Impl::on_message(std::uint32_t index, Reply reply) {
  Transaction& transaction = transactions.front();
  if (transaction.hollow) {
    Reply refusal = std::move(transaction.refusal);
    return finish_transaction(std::move(refusal));
  }
  if (!options.lmtp) return finish_transaction(std::move(reply));
  if (transaction.settled.code == 0 || (reply.positive() && !transaction.settled.positive())) {
    transaction.settled = reply;
  }
  events.emplace_back(RecipientReply{index, std::move(reply)});
  if (!asked.empty() && asked.front().asked == Asked::message) return;
  Reply settled = std::move(transaction.settled);
  finish_transaction(std::move(settled));
}

void ClientSession::Impl::end_content(Instant now) {
  Transaction& transaction = transactions.front();
  stuffer.finish(output.end());
  transaction.stage = Transaction::Stage::sent;
  if (options.lmtp) {
    for (const std::uint32_t index : transaction.accepted) asked.push_back({Asked::message, index});
  } else {
    asked.push_back({Asked::message});
  }
  restart(now);
  quit_when_possible();
  send(now);
}

}  // namespace sendconn::smtp
