// Encoding and decoding of messages (RFC 1035 section 4, RFC 2181, RFC 2308, RFC 6891).
#include "lib/dns/wire.hpp"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include <sendconn/zone.hpp>

#include "lib/base/ascii.hpp"
#include "lib/base/cursor.hpp"
#include "lib/dns/name.hpp"

namespace sendconn::dns {
namespace {

using std::chrono::seconds;

constexpr std::uint16_t class_in = 1;
constexpr std::uint16_t type_soa = 6;
constexpr std::uint16_t type_opt = 41;
constexpr unsigned rcode_no_error = 0;
constexpr unsigned rcode_name_error = 3;
constexpr std::uint16_t flag_response = 0x8000;
constexpr std::uint16_t flag_authoritative = 0x0400;
constexpr std::uint16_t flag_truncated = 0x0200;
constexpr std::uint16_t flag_recursion_desired = 0x0100;
constexpr std::uint16_t flag_authenticated = 0x0020;
constexpr std::uint16_t mask_opcode = 0x7800;
constexpr std::uint16_t mask_rcode = 0x000f;
constexpr std::size_t header_octets = 12;

void put16(std::string& out, unsigned value) {
  out.push_back(static_cast<char>(value >> 8U));
  out.push_back(static_cast<char>(value));
}

std::uint16_t type_number(RecordType type) { return static_cast<std::uint16_t>(type); }

/// Reads from a message that it holds as a whole, because names point backwards into it.
class Reader {
 public:
  explicit Reader(std::string_view message) : message_(message), cursor_(message) {}

  std::optional<std::uint8_t> octet() {
    if (cursor_.at_end()) return std::nullopt;
    const auto value = static_cast<std::uint8_t>(cursor_.peek());
    cursor_.skip();
    return value;
  }
  std::optional<std::uint16_t> number16() {
    const auto high = octet();
    const auto low = octet();
    if (!high || !low) return std::nullopt;
    return static_cast<std::uint16_t>(unsigned{*high} << 8U | *low);
  }
  std::optional<std::uint32_t> number32() {
    const auto high = number16();
    const auto low = number16();
    if (!high || !low) return std::nullopt;
    return std::uint32_t{*high} << 16U | *low;
  }
  std::optional<std::string_view> octets(std::size_t count) {
    if (count > cursor_.rest().size()) return std::nullopt;
    const std::string_view taken = cursor_.rest().substr(0, count);
    cursor_.skip(count);
    return taken;
  }
  [[nodiscard]] std::size_t position() const { return cursor_.position(); }
  std::optional<std::string> name();

 private:
  std::string_view message_;
  Cursor cursor_;
};

/// A name in lower case, compressed or not (RFC 1035 section 4.1.4). A pointer must lead to before where the part it
/// stands in began, so that following them ends. A label that holds a dot has no form in text and is refused.
std::optional<std::string> Reader::name() {
  std::string out;
  Reader* reader = this;
  Reader elsewhere(message_);
  std::size_t part = cursor_.position();
  for (;;) {
    const auto length = reader->octet();
    if (!length) return std::nullopt;
    if (*length == 0) return out;
    if (*length >= 0xc0) {
      const auto low = reader->octet();
      if (!low) return std::nullopt;
      const std::size_t target = (std::size_t{*length} & 0x3fU) << 8U | *low;
      if (target >= part) return std::nullopt;
      part = target;
      elsewhere.cursor_ = Cursor(message_);
      elsewhere.cursor_.skip(target);
      reader = &elsewhere;
      continue;
    }
    if (*length > max_label_octets) return std::nullopt;
    const auto label = reader->octets(*length);
    if (!label || label->find('.') != std::string_view::npos) return std::nullopt;
    if (!out.empty()) out.push_back('.');
    out += ascii::to_lower(*label);
    if (out.size() > max_name_octets) return std::nullopt;
  }
}

struct ResourceRecord {
  std::string owner;
  std::uint16_t type = 0;
  std::uint16_t klass = 0;
  std::uint32_t ttl = 0;
  std::size_t data_at = 0;
  std::string_view data;
};

std::optional<ResourceRecord> read_record(Reader& reader) {
  ResourceRecord record;
  auto owner = reader.name();
  const auto type = reader.number16();
  const auto klass = reader.number16();
  const auto ttl = reader.number32();
  const auto length = reader.number16();
  if (!owner || !type || !klass || !ttl || !length) return std::nullopt;
  record.data_at = reader.position();
  const auto data = reader.octets(*length);
  if (!data) return std::nullopt;
  record.owner = std::move(*owner);
  record.type = *type;
  record.klass = *klass;
  record.ttl = *ttl;
  record.data = *data;
  return record;
}

/// RFC 2181 section 8: a TTL with the highest bit set is 0.
seconds ttl_of(std::uint32_t ttl) { return seconds(ttl > 0x7fffffffU ? 0 : ttl); }

/// A message whose sections have been read and whose data have not.
class Message {
 public:
  static std::optional<Message> read(std::string_view octets);

  [[nodiscard]] std::uint16_t flags() const { return flags_; }
  [[nodiscard]] unsigned rcode() const { return rcode_; }
  [[nodiscard]] bool asks(const Question& question) const;
  [[nodiscard]] const std::vector<ResourceRecord>& answers() const { return answers_; }
  /// Points at other servers instead of answering (RFC 2308 section 2.1): it shows nothing about the name.
  [[nodiscard]] bool is_referral() const;
  /// How long to keep that something is not there, if the message says (RFC 2308 section 5).
  [[nodiscard]] std::optional<seconds> negative_ttl() const;
  [[nodiscard]] std::optional<Record> data(const ResourceRecord& from) const;

 private:
  explicit Message(std::string_view octets) : octets_(octets) {}
  [[nodiscard]] std::optional<std::string> name_at(std::size_t position, std::size_t end) const;

  std::string_view octets_;
  std::uint16_t flags_ = 0;
  unsigned rcode_ = 0;
  std::string asked_;
  std::uint16_t asked_type_ = 0;
  std::uint16_t asked_class_ = 0;
  std::vector<ResourceRecord> answers_;
  std::vector<ResourceRecord> authority_;
};

std::optional<Message> Message::read(std::string_view octets) {
  Message message(octets);
  Reader reader(octets);
  std::uint16_t header[6] = {};
  for (std::uint16_t& field : header) {
    const auto number = reader.number16();
    if (!number) return std::nullopt;
    field = *number;
  }
  const auto [id, flags, questions, answers, authorities, additional] = header;
  message.flags_ = flags;
  message.rcode_ = flags & mask_rcode;
  if (questions != 1) return std::nullopt;
  auto asked = reader.name();
  const auto type = reader.number16();
  const auto klass = reader.number16();
  if (!asked || !type || !klass) return std::nullopt;
  message.asked_ = std::move(*asked);
  message.asked_type_ = *type;
  message.asked_class_ = *klass;

  const auto section = [&reader](std::uint16_t count, auto&& keep) {
    for (; count != 0; --count) {
      auto record = read_record(reader);
      if (!record) return false;
      keep(std::move(*record));
    }
    return true;
  };
  const bool whole = section(answers, [&](ResourceRecord r) { message.answers_.push_back(std::move(r)); }) &&
                     section(authorities, [&](ResourceRecord r) { message.authority_.push_back(std::move(r)); }) &&
                     section(additional, [&](const ResourceRecord& r) {
                       if (r.type == type_opt) message.rcode_ |= r.ttl >> 24U << 4U;  // RFC 6891 section 6.1.3
                     });
  if (!whole) return std::nullopt;
  return message;
}

bool Message::asks(const Question& question) const {
  return asked_type_ == type_number(question.type) && asked_class_ == class_in && asked_ == canonical(question.name);
}

std::optional<std::string> Message::name_at(std::size_t position, std::size_t end) const {
  Reader reader(octets_);
  if (!reader.octets(position)) return std::nullopt;
  auto name = reader.name();
  return name && reader.position() == end ? name : std::nullopt;
}

bool Message::is_referral() const {
  return (flags_ & flag_authoritative) == 0 &&
         std::any_of(authority_.begin(), authority_.end(),
                     [](const ResourceRecord& record) { return record.type == type_number(RecordType::ns); });
}

std::optional<seconds> Message::negative_ttl() const {
  constexpr std::size_t numbers_octets = 20;  // serial, refresh, retry, expire, minimum
  for (const ResourceRecord& record : authority_) {
    if (record.type != type_soa || record.klass != class_in || record.data.size() < numbers_octets) continue;
    Reader reader(record.data.substr(record.data.size() - 4));
    return std::min(ttl_of(record.ttl), ttl_of(reader.number32().value_or(0)));
  }
  return std::nullopt;
}

std::optional<Record> Message::data(const ResourceRecord& from) const {
  Record record;
  const std::size_t end = from.data_at + from.data.size();
  switch (static_cast<RecordType>(from.type)) {
    case RecordType::a: {
      std::array<std::uint8_t, 4> octets{};
      if (from.data.size() != octets.size()) return std::nullopt;
      std::transform(from.data.begin(), from.data.end(), octets.begin(), [](char c) { return std::uint8_t(c); });
      record.address = IpAddress::v4(octets);
      return record;
    }
    case RecordType::aaaa: {
      std::array<std::uint8_t, 16> octets{};
      if (from.data.size() != octets.size()) return std::nullopt;
      std::transform(from.data.begin(), from.data.end(), octets.begin(), [](char c) { return std::uint8_t(c); });
      record.address = IpAddress::v6(octets);
      return record;
    }
    case RecordType::mx: {
      Reader reader(from.data);
      const auto preference = reader.number16();
      auto target = name_at(from.data_at + 2, end);
      if (!preference || !target) return std::nullopt;
      record.preference = *preference;
      record.text = std::move(*target);
      return record;
    }
    case RecordType::cname:
    case RecordType::ptr:
    case RecordType::ns: {
      auto target = name_at(from.data_at, end);
      if (!target) return std::nullopt;
      record.text = std::move(*target);
      return record;
    }
    case RecordType::txt: {
      if (from.data.empty()) return std::nullopt;  // one string at least (RFC 1035 section 3.3.14)
      Reader reader(from.data);
      while (reader.position() != from.data.size()) {
        const auto string = reader.octets(*reader.octet());
        if (!string) return std::nullopt;
        record.text += *string;
      }
      return record;
    }
    case RecordType::tlsa:
      record.text = from.data;
      return record;
  }
  return std::nullopt;
}

}  // namespace

Result<std::string> encode_query(const Question& question, std::uint16_t id) {
  if (!is_name(question.name))
    return Error{Errc::syntax,
                 ascii::quote(question.name, max_name_octets) +
                     " cannot be asked for: labels of 1 to 63 octets, 253 in all (RFC 1035 section 3.1)",
                 0};
  std::string out;
  put16(out, id);
  put16(out, flag_recursion_desired | flag_authenticated);
  for (const unsigned count : {1U, 0U, 0U, 1U}) put16(out, count);
  Cursor cursor(without_root_dot(question.name));
  while (!cursor.at_end()) {
    const std::string_view label = cursor.take_until('.');
    out.push_back(static_cast<char>(label.size()));
    out += label;
    cursor.take('.');
  }
  out.push_back('\0');
  put16(out, type_number(question.type));
  put16(out, class_in);
  out.push_back('\0');  // OPT (RFC 6891 section 6.1.2): the root, our payload size, no extended code, version 0, no DO
  put16(out, type_opt);
  put16(out, udp_payload_octets);
  for (int i = 0; i < 3; ++i) put16(out, 0);
  return out;
}

Reading decode_answer(std::string_view octets, const Question& question) {
  Reading reading;
  Answer& answer = reading.answer;
  std::optional<seconds> ttl;
  const auto shorten = [&ttl](seconds other) { ttl = ttl ? std::min(*ttl, other) : other; };
  const auto finish = [&](Status status) {
    answer.status = status;
    if (is_temporary(status)) {
      answer = Answer{status, {}, seconds(0), false, {}};
      return reading;
    }
    answer.ttl = ttl.value_or(seconds(0));
    return reading;
  };

  const auto message = Message::read(octets);
  if (!message) {
    // A server that fails may send a header and nothing else (RFC 2136 section 3.8 allows as much, BIND does it).
    const bool is_failure =
        octets.size() == header_octets && (octets[2] & '\x80') != 0 && (octets[3] & mask_rcode) != 0;
    return finish(is_failure ? Status::server_failure : Status::malformed);
  }
  if ((message->flags() & flag_response) == 0 || (message->flags() & mask_opcode) != 0 || !message->asks(question))
    return finish(Status::malformed);
  if (message->rcode() != rcode_no_error && message->rcode() != rcode_name_error) return finish(Status::server_failure);
  if ((message->flags() & flag_truncated) != 0) return finish(Status::malformed);
  answer.authenticated = (message->flags() & flag_authenticated) != 0;

  std::string owner = canonical(question.name);
  for (;;) {
    const ResourceRecord* alias = nullptr;
    for (const ResourceRecord& record : message->answers()) {
      if (record.klass != class_in || record.owner != owner) continue;
      if (record.type == type_number(question.type)) {
        auto data = message->data(record);
        if (!data) return finish(Status::malformed);
        answer.records.push_back(std::move(*data));
        shorten(ttl_of(record.ttl));
      } else if (record.type == type_number(RecordType::cname)) {
        alias = &record;
      }
    }
    if (!answer.records.empty()) return finish(Status::no_error);
    if (alias == nullptr) break;
    if (answer.aliases.size() == max_aliases) return finish(Status::server_failure);
    auto target = message->data(*alias);
    if (!target) return finish(Status::malformed);
    shorten(ttl_of(alias->ttl));
    owner = target->text;
    answer.aliases.push_back(std::move(target->text));
  }

  // With aliases, NXDOMAIN speaks of the last one (RFC 6604 section 3).
  const auto negative = message->negative_ttl();
  shorten(negative.value_or(seconds(0)));
  if (message->rcode() == rcode_name_error) return finish(Status::no_such_name);
  if (!answer.aliases.empty() && !negative) {
    reading.continues_at = answer.aliases.back();
  } else if (!negative && message->is_referral()) {
    return finish(Status::server_failure);
  }
  return finish(Status::no_data);
}

}  // namespace sendconn::dns
