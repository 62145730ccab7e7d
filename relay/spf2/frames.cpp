#include "relay/spf2/frames.hpp"

#include <algorithm>

#include "relay/spool/record.hpp"

namespace sendconn::relay::spf2 {
namespace {

template <class Enum>
void put_enum(std::string& out, Enum value) {
  put_number(out, static_cast<std::uint64_t>(value));
}

template <class Enum>
Enum get_enum(RecordReader& reader, Enum last) {
  const std::uint64_t value = reader.number();
  if (value > static_cast<std::uint64_t>(last)) reader.fail();
  return reader.ok() ? static_cast<Enum>(value) : last;
}

void put_address(std::string& out, const IpAddress& address) { put_text(out, address.octets()); }

IpAddress get_address(RecordReader& reader) {
  const std::string_view octets = reader.text();
  std::array<std::uint8_t, 4> v4{};
  std::array<std::uint8_t, 16> v6{};
  if (octets.size() == v4.size()) {
    std::copy(octets.begin(), octets.end(), v4.begin());
    return IpAddress::v4(v4);
  }
  if (octets.size() != v6.size()) reader.fail();
  std::copy_n(octets.begin(), std::min(octets.size(), v6.size()), v6.begin());
  return IpAddress::v6(v6);
}

void put_seconds(std::string& out, std::chrono::seconds seconds) {
  put_number(out, static_cast<std::uint64_t>(seconds.count()));
}

std::chrono::seconds get_seconds(RecordReader& reader) {
  return std::chrono::seconds(static_cast<std::int64_t>(reader.number()));
}

void put_question(std::string& out, const dns::Question& question) {
  put_text(out, question.name);
  put_enum(out, question.type);
}

dns::Question get_question(RecordReader& reader) {
  dns::Question question;
  question.name = reader.text();
  question.type = static_cast<dns::RecordType>(static_cast<std::uint16_t>(reader.small_number()));
  return question;
}

void put_answer(std::string& out, const dns::Answer& answer) {
  put_enum(out, answer.status);
  put_seconds(out, answer.ttl);
  put_number(out, answer.authenticated ? 1 : 0);
  put_number(out, answer.records.size());
  for (const dns::Record& record : answer.records) {
    put_address(out, record.address);
    put_number(out, record.preference);
    put_text(out, record.text);
  }
}

dns::Answer get_answer(RecordReader& reader) {
  dns::Answer answer;
  answer.status = get_enum(reader, dns::Status::malformed);
  answer.ttl = get_seconds(reader);
  answer.authenticated = reader.number() != 0;
  const std::uint64_t count = reader.number();
  if (count > reader.left()) reader.fail();  // a record takes more than one octet
  for (std::uint64_t i = 0; reader.ok() && i < count; ++i) {
    dns::Record record;
    record.address = get_address(reader);
    record.preference = static_cast<std::uint16_t>(reader.small_number());
    record.text = reader.text();
    answer.records.push_back(std::move(record));
  }
  return answer;
}

void put_outcome(std::string& out, const spf::Outcome& outcome) {
  put_enum(out, outcome.verdict);
  put_enum(out, outcome.reason);
  put_enum(out, outcome.identity);
  for (const std::string* text : {&outcome.domain, &outcome.sender, &outcome.text, &outcome.explanation})
    put_text(out, *text);
  put_number(out, outcome.explained ? 1 : 0);
  put_seconds(out, outcome.ttl);
}

spf::Outcome get_outcome(RecordReader& reader) {
  spf::Outcome outcome;
  outcome.verdict = get_enum(reader, spf::Verdict::permerror);
  outcome.reason = get_enum(reader, spf::Reason::engine_failure);
  outcome.identity = get_enum(reader, spf::Identity::helo);
  for (std::string* text : {&outcome.domain, &outcome.sender, &outcome.text, &outcome.explanation})
    *text = reader.text();
  outcome.explained = reader.number() != 0;
  outcome.ttl = get_seconds(reader);
  return outcome;
}

void put_options(std::string& out, const spf::Options& options) {
  for (const unsigned limit : {options.limits.lookups, options.limits.mx_names, options.limits.ptr_names})
    put_number(out, limit);
  put_number(out, options.limits.explanation_octets);
  put_text(out, options.receiver);
  put_number(out, options.explanation ? 1 : 0);
  put_text(out, options.default_explanation);
}

spf::Options get_options(RecordReader& reader) {
  spf::Options options;
  for (unsigned* limit : {&options.limits.lookups, &options.limits.mx_names, &options.limits.ptr_names})
    *limit = reader.small_number();
  options.limits.explanation_octets = reader.small_number();
  options.receiver = reader.text();
  options.explanation = reader.number() != 0;
  options.default_explanation = reader.text();
  return options;
}

}  // namespace

std::string make_frame(std::string_view record) {
  if (record.size() > max_frame_octets) return {};
  std::string frame;
  frame.reserve(length_octets + record.size());
  for (std::size_t i = 0; i < length_octets; ++i) frame.push_back(static_cast<char>(record.size() >> (8 * i) & 0xff));
  frame.append(record);
  return frame;
}

std::optional<std::size_t> frame_octets(std::string_view length) noexcept {
  std::size_t octets = 0;
  for (std::size_t i = 0; i < length_octets; ++i)
    octets |= static_cast<std::size_t>(static_cast<unsigned char>(length[i])) << (8 * i);
  if (octets > max_frame_octets) return std::nullopt;
  return octets;
}

std::string format(const Request& request) {
  std::string out;
  put_enum(out, request.kind);
  put_number(out, request.id);
  switch (request.kind) {
    case Kind::options:
      put_options(out, request.options);
      break;
    case Kind::start:
      put_address(out, request.client);
      put_text(out, request.helo);
      put_text(out, request.mail_from);
      put_enum(out, request.identity);
      put_seconds(out, request.now.time_since_epoch());
      break;
    case Kind::answer:
      put_question(out, request.question);
      put_answer(out, request.answer);
      break;
    case Kind::drop:
      break;
  }
  return out;
}

std::optional<Request> parse_request(std::string_view record) {
  RecordReader reader(record);
  Request request;
  request.kind = get_enum(reader, Kind::drop);
  request.id = reader.number();
  switch (request.kind) {
    case Kind::options:
      request.options = get_options(reader);
      break;
    case Kind::start:
      request.client = get_address(reader);
      request.helo = reader.text();
      request.mail_from = reader.text();
      request.identity = get_enum(reader, spf::Identity::helo);
      request.now = UnixTime(get_seconds(reader));
      break;
    case Kind::answer:
      request.question = get_question(reader);
      request.answer = get_answer(reader);
      break;
    case Kind::drop:
      break;
  }
  if (!reader.done()) return std::nullopt;
  return request;
}

std::string format(const Response& response) {
  std::string out;
  put_number(out, response.id);
  put_text(out, response.problem);
  put_number(out, response.done ? 1 : 0);
  if (response.done) put_outcome(out, response.outcome);
  put_number(out, response.questions.size());
  for (const dns::Question& question : response.questions) put_question(out, question);
  return out;
}

std::optional<Response> parse_response(std::string_view record) {
  RecordReader reader(record);
  Response response;
  response.id = reader.number();
  response.problem = reader.text();
  response.done = reader.number() != 0;
  if (response.done) response.outcome = get_outcome(reader);
  const std::uint64_t count = reader.number();
  if (count > reader.left()) reader.fail();
  for (std::uint64_t i = 0; reader.ok() && i < count; ++i) response.questions.push_back(get_question(reader));
  if (!reader.done()) return std::nullopt;
  return response;
}

}  // namespace sendconn::relay::spf2
