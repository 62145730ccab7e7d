#include "relay/delivery/settler.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <utility>

#include "relay/delivery/bounce.hpp"

namespace sendconn::relay {
namespace {

UnixTime wall_clock() { return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()); }

std::uint32_t draw() {
  thread_local std::mt19937 engine{std::random_device{}()};
  return static_cast<std::uint32_t>(engine());
}

constexpr std::size_t max_kept_text = 500;  // our own bound: a few lines of a reply, and one line of a report

/// A server may say 64 KB; what is logged, kept for each recipient and reported is the beginning.
Reply shorten(Reply reply) {
  if (reply.text.size() > max_kept_text) {
    reply.text.resize(max_kept_text);
    reply.text += " ...";
  }
  return reply;
}

/// The header section of the message as it went out.
std::string header_of(const Spool::Octets& octets) {
  constexpr std::size_t most = 65'536;  // what a report returns at most
  std::string header = octets.prefix;
  std::string buffer;
  if (const auto piece = octets.content->read(0, most, buffer)) {
    const std::size_t end = piece->find("\r\n\r\n");
    header.append(piece->starts_with("\r\n") ? std::string_view()
                                             : piece->substr(0, end == std::string_view::npos ? end : end + 2));
  }
  return header;
}

/// A null reverse-path is never answered (RFC 5321 section 6.1); nor is one that may be forged: its owner would get
/// reports about mail that he never sent. A connector's sender is always one whose rights were checked.
bool is_reported(const QueuedMessage& facts) { return facts.report_failures && !facts.reverse_path.empty(); }

struct Fate {
  enum class Kind : std::uint8_t { delivered, deferred, failed } kind = Kind::delivered;
  std::uint32_t attempts = 0;
  UnixTime next{};
  bool expired = false;
};

Fate decide(const Message& message, const Message::Recipient& recipient, const Reply& reply,
            const route::RetrySchedule& retry, UnixTime now) {
  Fate fate;
  fate.attempts = recipient.queued.attempts + 1;
  switch (route::classify(reply)) {
    case route::Outcome::delivered:
      return fate;
    case route::Outcome::failed:
      fate.kind = Fate::Kind::failed;
      return fate;
    case route::Outcome::deferred:
      break;
  }
  const auto next = retry.next(message.facts().accepted, fate.attempts, now, draw());
  fate.kind = next ? Fate::Kind::deferred : Fate::Kind::failed;
  fate.expired = !next;
  if (next) fate.next = *next;
  return fate;
}

}  // namespace

bool Settler::needs_octets(const Job& job, const std::vector<RecipientResult>& results) const {
  if (!is_reported(job.message->facts())) return false;
  const UnixTime now = wall_clock();
  return std::any_of(results.begin(), results.end(), [&](const RecipientResult& result) {
    return decide(*job.message, job.message->recipient(result.slot), result.reply, services_.config.retry, now).kind ==
           Fate::Kind::failed;
  });
}

std::vector<DeferredJob> Settler::settle(const Job& job, const std::vector<RecipientResult>& results,
                                         const std::shared_ptr<const Spool::Octets>& octets) {
  Message& message = *job.message;
  const QueuedMessage& facts = message.facts();
  const UnixTime now = wall_clock();
  const std::string id = format_queue_id(facts.id);
  std::vector<Settlement> settlements;
  std::vector<FailedRecipient> failed;
  std::map<UnixTime, std::vector<std::uint32_t>> deferred;
  bool last = false;
  settlements.reserve(results.size());

  for (const RecipientResult& result : results) {
    const Message::Recipient recipient = message.recipient(result.slot);
    Fate fate = decide(message, recipient, result.reply, services_.config.retry, now);
    const bool removed = recipient.removed && fate.kind == Fate::Kind::deferred;
    const Reply reply = shorten(result.reply);
    const std::string summary = reply.summary();
    const std::string to = "<" + recipient.queued.address + ">";
    const auto age = static_cast<std::uint64_t>(std::max<std::int64_t>(0, (now - facts.accepted).count()));
    Settlement settlement;
    settlement.index = recipient.queued.index;
    settlement.done = removed || fate.kind != Fate::Kind::deferred;
    settlement.attempts = fate.attempts;
    settlement.next_attempt = fate.next;
    settlement.last_reply = settlement.done ? std::string() : summary;

    if (removed) {
      services_.log.info("removed", {{"id", id}, {"to", to}});
    } else if (fate.kind == Fate::Kind::delivered) {
      services_.log.info("delivered", {{"id", id},
                                       {"to", to},
                                       {"server", result.remote},
                                       {"attempts", fate.attempts},
                                       {"seconds", age},
                                       {"reply", summary}});
    } else if (fate.kind == Fate::Kind::deferred) {
      services_.log.info("deferred", {{"id", id},
                                      {"to", to},
                                      {"server", result.remote},
                                      {"attempts", fate.attempts},
                                      {"retry-in", static_cast<std::uint64_t>((fate.next - now).count())},
                                      {"reply", summary}});
      deferred[fate.next].push_back(result.slot);
    } else {
      services_.log.warn("failed", {{"id", id},
                                    {"to", to},
                                    {"server", result.remote},
                                    {"attempts", fate.attempts},
                                    {"why", fate.expired ? "expired" : "refused"},
                                    {"reply", summary}});
      failed.push_back({recipient.queued.address, reply, result.remote, fate.expired});
    }
    message.change(result.slot, [&](Message::Recipient& it) {
      it.state = settlement.done ? Message::State::done : Message::State::deferred;
      it.queued.attempts = fate.attempts;
      it.queued.next_attempt = fate.next;
      it.queued.last_reply = summary;
    });
    if (settlement.done && message.settle_one()) last = true;
    settlements.push_back(std::move(settlement));
  }

  // The report travels in the same commit as the failure that it reports: neither is lost, nor is it sent twice.
  std::optional<Spool::NewMessage> report;
  if (!failed.empty() && is_reported(facts)) {
    Spool::NewMessage bounce;
    bounce.message.id = services_.spool.next_id();
    bounce.message.accepted = now;
    const std::string text = format_bounce(facts, failed, octets ? header_of(*octets) : std::string(),
                                           services_.config.hostname, bounce.message.id, now);
    const bool utf8 =
        std::any_of(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0x80U) != 0; });
    bounce.message.eight_bit = utf8;
    bounce.message.smtputf8 = facts.smtputf8;
    bounce.message.content_octets = text.size();
    bounce.message.recipients.push_back({0, facts.reverse_path, 0, now, {}});
    bounce.content = make_content(text);
    services_.log.info(
        "bounced",
        {{"id", id}, {"report", format_queue_id(bounce.message.id)}, {"to", "<" + facts.reverse_path + ">"}});
    report = std::move(bounce);
  }
  record({facts.id, std::move(settlements), std::move(report)}, false);
  if (last) finished_(facts.id);

  std::vector<DeferredJob> again;
  again.reserve(deferred.size());
  for (auto& [when, slots] : deferred) again.push_back({{job.message, std::move(slots)}, when});
  return again;
}

void Settler::remove(const Job& job) {
  Message& message = *job.message;
  const std::string id = format_queue_id(message.facts().id);
  std::vector<Settlement> settlements;
  bool last = false;
  for (const std::uint32_t slot : job.slots) {
    message.change(slot, [&](Message::Recipient& it) {
      it.state = Message::State::done;
      settlements.push_back({it.queued.index, true, it.queued.attempts, {}, {}});
      services_.log.info("removed", {{"id", id}, {"to", "<" + it.queued.address + ">"}});
    });
    if (message.settle_one()) last = true;
  }
  record({message.facts().id, std::move(settlements), std::nullopt}, false);
  if (last) finished_(message.facts().id);
}

void Settler::record(End end, bool again) {
  const auto kept = std::make_shared<End>(std::move(end));
  services_.spool.settle(kept->id, kept->settlements, kept->report, [this, kept, again](const Result<void>& result) {
    recorded(std::move(*kept), again, result);
  });
}

// What the disk refused is kept and tried again: forgotten here, a report would wait for a restart, and a message that
// was delivered would go out a second time after it.
void Settler::recorded(End end, bool again, const Result<void>& result) {
  if (result) {
    if (again) services_.log.info("recorded", {{"id", format_queue_id(end.id)}});
    if (end.report) add_(std::move(end.report->message), std::move(end.report->prefix), std::move(end.report->content));
    return;
  }
  if (!again) services_.log.error("spool-failed", {{"id", format_queue_id(end.id)}, {"reason", result.error().text}});
  // A recipient that is to be tried again is so without the record, only sooner after a restart.
  std::erase_if(end.settlements, [](const Settlement& it) { return !it.done; });
  if (end.settlements.empty() || result.error().code == Errc::wrong_state) return;
  const std::lock_guard lock(mutex_);
  refused_.push_back(std::move(end));
}

void Settler::record_again() {
  std::vector<End> waiting;
  {
    const std::lock_guard lock(mutex_);
    waiting.swap(refused_);
  }
  for (End& end : waiting) record(std::move(end), true);
}

}  // namespace sendconn::relay
