// Connection, from MAIL to the answer to the message: rights, limits and recipients, the message itself, the checks of
// its origin, and the spool.
#include <algorithm>
#include <unordered_set>
#include <utility>

#include "relay/submission/connection.hpp"
#include "relay/submission/findings.hpp"
#include "relay/submission/recipients.hpp"

namespace sendconn::relay {
namespace {

constexpr std::size_t max_logged_octets = 250;  // of a Message-ID; our own bound

/// Seconds to wait, rounded up, never 0: a client that waits as told succeeds.
std::uint64_t seconds_of(Duration wait) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(1, std::chrono::ceil<std::chrono::seconds>(wait).count()));
}

std::string retry_text(std::string what, const limit::Rate& rate, const std::optional<Duration>& wait) {
  what += " (" + rate.format() + ")";
  return wait ? what + "; retry in " + std::to_string(seconds_of(*wait)) + " s" : what + "; it can never be met";
}

/// Each domain once whose rights the message needs.
std::vector<std::string> domains_of(const std::optional<Address>& reverse_path, const policy::Authors& authors) {
  std::vector<std::string> domains;
  const auto add = [&domains](const Address& address) {
    const std::string& domain = address.domain().text();
    if (std::find(domains.begin(), domains.end(), domain) == domains.end()) domains.push_back(domain);
  };
  if (reverse_path) add(*reverse_path);
  for (const Address& author : authors.from) add(author);
  for (const Address& sender : authors.sender) add(sender);
  return domains;
}

UnixTime wall_clock() { return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()); }

}  // namespace

void Connection::on(const smtp::Mail& event) {
  directory_ = submission_.directory();  // one snapshot decides the whole message
  transaction_ = std::make_unique<Transaction>();
  Transaction& it = *transaction_;
  it.connector = connector();
  it.reverse_path = event.reverse_path;
  it.declared_octets = event.size.value_or(0);
  if (const auto refusal = decide_mail()) {
    refuse("mail", *refusal);
    transaction_.reset();
    return;
  }
  it.smtputf8 = event.smtputf8;
  it.utf8_address = it.reverse_path && it.reverse_path->needs_smtputf8();
  answer_now({250, {2, 1, 0}, "sender accepted"});
}

/// Rights, room and rates.
std::optional<Reply> Connection::decide_mail() {
  Transaction& it = *transaction_;
  const bool received = listener_->config.receives();
  if (!received) {
    if (!it.connector)
      return Reply{530, {5, 7, 0}, "this login or network belongs to no connector any more; log in again"};
    const auto right = [&it](const Domain& domain) { return it.connector->right(domain); };
    if (auto refusal = policy::decide_mail(it.reverse_path, right)) return refusal;
  }
  if (const auto room = services_.spool.check_room(it.declared_octets); !room) {
    services_.log.warn("no-room", {{"reason", room.error().text}});
    return Reply{452, {4, 3, 1}, "the spool has no room; try again later"};
  }
  if (received) {
    const auto& rate = services_.config.received_message_rate;
    if (!rate) return std::nullopt;
    return take_token("received:" + site_of(client_), *rate, "over the message rate of this client");
  }
  // Reports have a bucket of their own, of the same size unless told otherwise.
  const Connector& by = *it.connector;
  const auto& rate = it.reverse_path || !by.null_sender_rate ? by.message_rate : by.null_sender_rate;
  if (!rate) return std::nullopt;
  return take_token((it.reverse_path ? "messages:" : "null-sender:") + by.key, *rate,
                    "over the message rate of this connector");
}

/// One message's token of a bucket, or the refusal that says when there is one.
std::optional<Reply> Connection::take_token(std::string key, const limit::Rate& rate, const char* refusal) {
  const limit::Table::Demand demand{key, rate, 1};
  if (const auto verdict = services_.limits.take({&demand, 1}, now()); !verdict.granted)
    return Reply{451, {4, 7, 1}, retry_text(refusal, rate, verdict.wait)};
  transaction_->rate_key = std::move(key);
  transaction_->rate = rate;
  return std::nullopt;
}

void Connection::on(const smtp::Rcpt& event) {
  if (const auto refusal = decide_recipient(event.forward_path)) return refuse("rcpt", *refusal);
  Transaction& it = *transaction_;
  it.utf8_address = it.utf8_address || event.forward_path.needs_smtputf8();
  it.recipients.push_back(event.forward_path);
  if (listener_->config.check && !it.inspection) start_inspection();
  answer_now({250, {2, 1, 5}, "recipient accepted"});
}

std::optional<Reply> Connection::decide_recipient(const Address& recipient) {
  if (listener_->config.receives()) return relay::decide_recipient(recipient, listener_->config.relay_domains);
  Transaction& it = *transaction_;
  const auto& rate = it.connector->recipient_rate;
  if (!rate) return std::nullopt;
  const std::string key = "recipients:" + it.connector->key;
  const limit::Table::Demand demand{key, *rate, 1};
  auto verdict = services_.limits.take({&demand, 1}, now());
  if (verdict.granted) return std::nullopt;
  // Without any recipient the client has to begin with MAIL again: who waits as told must get in there, too.
  if (it.recipients.empty() && !it.rate_key.empty() && verdict.wait)
    verdict.wait = std::max(*verdict.wait, wait_for(it.rate_key, it.rate));
  return Reply{450, {4, 7, 1}, retry_text("over the recipient rate of this connector", *rate, verdict.wait)};
}

/// With the first recipient that is taken: until then a stranger could have us ask the DNS for nothing.
void Connection::start_inspection() {
  Transaction& it = *transaction_;
  authenticate::Envelope envelope;
  envelope.client = client_;
  envelope.helo = session_.hello_name();
  if (it.reverse_path) envelope.mail_from = it.reverse_path->format();
  envelope.now = wall_clock();
  it.inspection = std::make_shared<Inspection>(submission_.loop(), std::move(envelope), submission_.check_options());
  it.inspection->start();
}

std::string_view Connection::protocol() const {
  const bool authenticated = !user_.empty();
  if (transaction_->smtputf8)  // RFC 6531 section 4.3
    return session_.tls() ? (authenticated ? "UTF8SMTPSA" : "UTF8SMTPS") : (authenticated ? "UTF8SMTPA" : "UTF8SMTP");
  if (!session_.extended()) return "SMTP";
  return session_.tls() ? (authenticated ? "ESMTPSA" : "ESMTPS") : (authenticated ? "ESMTPA" : "ESMTP");
}

void Connection::on(smtp::DataStart) {
  Transaction& it = *transaction_;
  it.id = services_.spool.next_id();
  it.accepted = wall_clock();
  IntakeFacts facts;
  facts.id = it.id;
  facts.now = it.accepted;
  facts.hostname = services_.config.hostname;
  facts.client = client_text_;
  facts.hello = session_.hello_name();
  facts.protocol = protocol();
  if (const tls::Endpoint* tls = stream_.tls())
    facts.tls = std::string(tls->protocol()) + " " + std::string(tls->cipher());
  facts.smtputf8 = it.smtputf8;
  facts.expected_octets = it.declared_octets;
  IntakeLimits limits;
  limits.max_header_octets = services_.config.max_header_octets;
  limits.max_received = services_.config.max_received;
  limits.max_memory_octets = services_.config.max_memory_message_octets;
  limits.require_signature = services_.config.require_signature;
  limits.authserv_id = services_.config.authserv_id;
  if (services_.checking) limits.quarantine_field = services_.config.quarantine_field;
  it.intake.emplace(std::move(facts), limits, it.connector, directory_, services_.spool);
  answer_now({354, {}, "send the message, end it with <CRLF>.<CRLF>"});
}

void Connection::on(const smtp::Content& event) {
  Transaction& it = *transaction_;
  it.intake->content(event.octets);
  if (it.inspection) it.inspection->content(event.octets);
}

/// A message may take its time: what was withdrawn since MAIL counts. Nothing to do while the directory is the same.
std::optional<Reply> Connection::decide_again() {
  if (listener_->config.receives() || directory_ == submission_.directory()) return std::nullopt;
  directory_ = submission_.directory();
  Transaction& it = *transaction_;
  it.connector = connector();
  if (!it.connector) return Reply{550, {5, 7, 1}, "this login or network belongs to no connector any more"};
  const auto right = [&it](const Domain& domain) { return it.connector->right(domain); };
  if (auto refusal = policy::decide_mail(it.reverse_path, right)) return refusal;
  return it.intake->decide_again(it.connector, directory_);
}

void Connection::refuse_message(const Reply& reply) {
  // What refuses goes first: the answer may begin the next transaction.
  const std::unique_ptr<Transaction> refused = std::move(transaction_);
  log_refusal("data", reply, refused.get());
  answer(reply);
}

void Connection::on(const smtp::MessageEnd& event) {
  Transaction& it = *transaction_;
  it.eight_bit = event.eight_bit;
  if (const auto withdrawn = decide_again()) return refuse_message(*withdrawn);
  if (!it.inspection || it.intake->refusal()) return end_message({});
  it.inspection->end(services_.config.check_deadline, [weak = weak_from_this()](const authenticate::Results& results) {
    if (const auto self = weak.lock(); self && !self->finished_) self->inspected(results);
  });
}

void Connection::inspected(const authenticate::Results& results) {
  Transaction& it = *transaction_;
  Findings findings = judge(results, {services_.config, listener_->config.actions, client_, session_.hello_name()});
  services_.log.info("checked", {{"id", format_queue_id(it.id)},
                                 {"client", client_text_},
                                 {"from", it.reverse_path ? "<" + it.reverse_path->format() + ">" : "<>"},
                                 {"author", results.authors.empty() ? "" : results.authors.front().text()},
                                 {"spf", findings.spf},
                                 {"helo", findings.helo},
                                 {"dkim", findings.dkim},
                                 {"dmarc", findings.dmarc},
                                 {"action", findings.action}});
  if (const auto withdrawn = decide_again()) return refuse_message(*withdrawn);
  if (findings.refusal) return refuse_message(*findings.refusal);
  it.sender_proven = findings.sender_proven;
  end_message(findings.fields);
}

/// The signatures last: what the checks refuse costs none.
void Connection::end_message(const std::string& fields) {
  Intake& intake = *transaction_->intake;
  const auto refusal = intake.end();
  if (!refusal) return store_message(fields);
  if (!intake.fault().empty()) services_.log.error("spool-failed", {{"reason", intake.fault()}});
  refuse_message(*refusal);
}

/// `fields`: what the checks found, on top of all others.
void Connection::store_message(const std::string& fields) {
  Transaction& it = *transaction_;
  auto taken = std::make_shared<TakenMessage>(it.intake->take());
  taken->prefix.insert(0, fields);
  auto message = std::make_shared<QueuedMessage>();
  message->id = it.id;
  message->accepted = it.accepted;
  if (it.connector) {
    message->account = it.connector->account;
    message->connector = it.connector->name;
    message->domains = domains_of(it.reverse_path, taken->authors);
  } else {
    message->connector = listener_->config.name;
    message->report_failures = it.sender_proven;
  }
  if (it.reverse_path) message->reverse_path = it.reverse_path->format();
  message->eight_bit = it.eight_bit;
  message->smtputf8 = it.smtputf8 && (it.utf8_address || taken->eight_bit_header);
  message->prefix_octets = taken->prefix.size();
  message->content_octets = taken->content->size();
  message->recipients.reserve(it.recipients.size());
  std::unordered_set<std::string> named;  // who is named twice gets one copy
  for (const Address& address : it.recipients) {
    std::string text = address.format();
    if (it.recipients.size() > 1 && !named.insert(text).second) continue;
    message->recipients.push_back(
        {static_cast<std::uint32_t>(message->recipients.size()), std::move(text), 0, it.accepted, {}});
  }

  // From here the message goes on by itself, whether its client stays or not: made durable by the spool, handed to the
  // delivery, and only then answered.
  QueuedMessage row = *message;
  services_.spool.store(std::move(row), taken->prefix, taken->content,
                        [self = shared_from_this(), taken, message](Result<void> stored) {
                          if (stored) self->services_.deliver(*message, taken->prefix, taken->content);
                          self->submission_.loop().post([self, message, taken, stored = std::move(stored)] {
                            self->message_stored(*message, taken->message_id, stored);
                          });
                        });
}

void Connection::message_stored(const QueuedMessage& message, const std::string& message_id,
                                const Result<void>& stored) {
  transaction_.reset();
  const std::string id = format_queue_id(message.id);
  if (!stored) {
    services_.log.error("spool-failed", {{"id", id}, {"reason", stored.error().text}});
    const bool full = stored.error().code == Errc::limit_exceeded;
    return answer(full ? Reply{452, {4, 3, 1}, "the spool has no room; try again later"}
                       : Reply{451, {4, 3, 0}, "the message cannot be stored; try again later"});
  }
  services_.log.info("accepted",
                     {{"id", id},
                      {message.account.empty() ? "listener" : "connector",
                       message.account.empty() ? message.connector : message.account + "/" + message.connector},
                      {"from", "<" + message.reverse_path + ">"},
                      {"recipients", message.recipients.size()},
                      {"octets", message.content_octets},
                      {"client", client_text_},
                      {"message-id", message_id.substr(0, max_logged_octets)}});
  answer({250, {2, 0, 0}, "queued as " + id});
}

void Connection::on(const smtp::Reset& event) {
  if (transaction_ && event.reason.code >= 400) {
    services_.log.info("refused", {{"stage", "data"}, {"client", client_text_}, {"reply", event.reason.summary()}});
  }
  transaction_.reset();
}

}  // namespace sendconn::relay
