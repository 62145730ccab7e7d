#include "relay/spool/record.hpp"

#include <algorithm>

namespace sendconn::relay {
namespace {

constexpr std::uint64_t eight_bit_flag = 1;
constexpr std::uint64_t smtputf8_flag = 2;
constexpr std::uint64_t silent_flag = 4;   // set where the other state is the default: old records have it unset
constexpr std::uint64_t domains_flag = 8;  // domains follow; old records have none

// Times before 1970 do not occur; a negative one would still survive the cast both ways.
void put_time(std::string& out, UnixTime time) {
  put_number(out, static_cast<std::uint64_t>(time.time_since_epoch().count()));
}

UnixTime get_time(RecordReader& reader) {
  return UnixTime(std::chrono::seconds(static_cast<std::int64_t>(reader.number())));
}

}  // namespace

void put_number(std::string& out, std::uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

void put_text(std::string& out, std::string_view text) {
  put_number(out, text.size());
  out.append(text);
}

void RecordReader::fail() noexcept {
  ok_ = false;
  rest_ = {};
}

std::uint64_t RecordReader::number() noexcept {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (rest_.empty()) break;
    const auto octet = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    if (shift == 63 && octet > 1) break;
    value |= static_cast<std::uint64_t>(octet & 0x7f) << shift;
    if ((octet & 0x80) == 0) return value;
  }
  fail();
  return 0;
}

std::uint32_t RecordReader::small_number() noexcept {
  const std::uint64_t value = number();
  if (value > UINT32_MAX) {
    fail();
    return 0;
  }
  return static_cast<std::uint32_t>(value);
}

std::string_view RecordReader::text() noexcept {
  const std::uint64_t length = number();
  if (length > rest_.size()) {
    fail();
    return {};
  }
  const std::string_view text = rest_.substr(0, static_cast<std::size_t>(length));
  rest_.remove_prefix(text.size());
  return text;
}

void put_message(std::string& out, const QueuedMessage& message, std::uint64_t file) {
  put_number(out, message.id);
  put_time(out, message.accepted);
  put_number(out, (message.eight_bit ? eight_bit_flag : 0) | (message.smtputf8 ? smtputf8_flag : 0) |
                      (message.report_failures ? 0 : silent_flag) | (message.domains.empty() ? 0 : domains_flag));
  put_number(out, message.prefix_octets);
  put_number(out, message.content_octets);
  put_number(out, file);
  put_text(out, message.account);
  put_text(out, message.connector);
  put_text(out, message.reverse_path);
  if (!message.domains.empty()) {
    put_number(out, message.domains.size());
    for (const std::string& domain : message.domains) put_text(out, domain);
  }
  put_number(out, message.recipients.size());
  for (const QueuedRecipient& recipient : message.recipients) {
    put_number(out, recipient.index);
    put_text(out, recipient.address);
    put_number(out, recipient.attempts);
    put_time(out, recipient.next_attempt);
    put_text(out, recipient.last_reply);
  }
}

MessageRecord get_message(RecordReader& reader) {
  MessageRecord record;
  QueuedMessage& message = record.message;
  message.id = reader.number();
  message.accepted = get_time(reader);
  const std::uint64_t flags = reader.number();
  message.eight_bit = (flags & eight_bit_flag) != 0;
  message.smtputf8 = (flags & smtputf8_flag) != 0;
  message.report_failures = (flags & silent_flag) == 0;
  message.prefix_octets = reader.number();
  message.content_octets = reader.number();
  record.file = reader.number();
  message.account = reader.text();
  message.connector = reader.text();
  message.reverse_path = reader.text();
  if ((flags & domains_flag) != 0) {
    const std::uint64_t domains = reader.number();
    if (domains > reader.left()) reader.fail();
    for (std::uint64_t i = 0; reader.ok() && i < domains; ++i) message.domains.emplace_back(reader.text());
  }
  const std::uint64_t count = reader.number();
  if (count > reader.left()) reader.fail();  // a recipient takes more than one octet
  for (std::uint64_t i = 0; reader.ok() && i < count; ++i) {
    QueuedRecipient recipient;
    recipient.index = reader.small_number();
    recipient.address = reader.text();
    recipient.attempts = reader.small_number();
    recipient.next_attempt = get_time(reader);
    recipient.last_reply = reader.text();
    message.recipients.push_back(std::move(recipient));
  }
  return record;
}

void put_settlements(std::string& out, const std::vector<Settlement>& settlements) {
  put_number(out, settlements.size());
  for (const Settlement& settlement : settlements) {
    put_number(out, settlement.index);
    put_number(out, settlement.done ? 1 : 0);
    if (settlement.done) continue;
    put_number(out, settlement.attempts);
    put_time(out, settlement.next_attempt);
    put_text(out, settlement.last_reply);
  }
}

std::vector<Settlement> get_settlements(RecordReader& reader) {
  std::vector<Settlement> settlements;
  const std::uint64_t count = reader.number();
  if (count > reader.left()) reader.fail();
  for (std::uint64_t i = 0; reader.ok() && i < count; ++i) {
    Settlement settlement;
    settlement.index = reader.small_number();
    settlement.done = reader.number() != 0;
    if (!settlement.done) {
      settlement.attempts = reader.small_number();
      settlement.next_attempt = get_time(reader);
      settlement.last_reply = reader.text();
    }
    settlements.push_back(std::move(settlement));
  }
  return settlements;
}

void settle_recipients(QueuedMessage& message, const std::vector<Settlement>& settlements) {
  std::vector<QueuedRecipient>& recipients = message.recipients;
  for (const Settlement& settlement : settlements) {
    const auto place = std::find_if(recipients.begin(), recipients.end(), [&](const QueuedRecipient& recipient) {
      return recipient.index == settlement.index;
    });
    if (place == recipients.end()) continue;
    if (settlement.done) {
      recipients.erase(place);
      continue;
    }
    place->attempts = settlement.attempts;
    place->next_attempt = settlement.next_attempt;
    place->last_reply = settlement.last_reply;
  }
}

}  // namespace sendconn::relay
