// DNS answers, built and read.
#include "capi/dns.hpp"

#include <algorithm>

using namespace sendconn;
using namespace sendconn::capi;

namespace {

constexpr std::int32_t last_status = SENDCONN_DNS_MALFORMED;

/// As dns::Record has names: lower case, no dot at the end.
std::string normalize(std::string_view name) {
  std::string normal(name.ends_with('.') ? name.substr(0, name.size() - 1) : name);
  for (char& c : normal)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return normal;
}

void add(sendconn_dns_answer& answer, dns::Record record) {
  answer.answer.records.push_back(std::move(record));
  answer.answer.status = dns::Status::no_error;
}

void add_address(sendconn_dns_answer& answer, const IpAddress& address) {
  add(answer, {address, 0, std::string(address.octets())});
}

void set_status(dns::Answer& answer, std::int32_t status) {
  answer.status = choice<dns::Status>(status, last_status, "status");
  if (!answer.ok()) answer.records.clear();
}

}  // namespace

namespace sendconn::capi {

dns::Answer answer_for(const dns::Question& question, const sendconn_dns_answer& answer) {
  dns::Answer result = answer.answer;
  const bool v4 = question.type == dns::RecordType::a;
  if (v4 || question.type == dns::RecordType::aaaa) {
    const auto is_other = [v4](const dns::Record& record) { return record.address.is_v4() != v4; };
    result.records.erase(std::remove_if(result.records.begin(), result.records.end(), is_other), result.records.end());
  }
  // What a resolver calls "no data" some callers call an answer without records.
  if (result.ok() && result.records.empty()) result.status = dns::Status::no_data;
  return result;
}

}  // namespace sendconn::capi

sendconn_status sendconn_dns_answer_new(sendconn_dns_answer** out, std::int32_t status,
                                        sendconn_error** error) noexcept {
  return guard(error, [&] {
    Slot slot(out, "out");
    auto answer = std::make_unique<sendconn_dns_answer>();
    set_status(answer->answer, status);
    slot.set(std::move(answer));
  });
}

sendconn_status sendconn_dns_answer_set_status(sendconn_dns_answer* answer, std::int32_t status,
                                               sendconn_error** error) noexcept {
  return guard(error, [&] { set_status(need(answer, "answer").answer, status); });
}

sendconn_status sendconn_dns_answer_add_text(sendconn_dns_answer* answer, const char* data, std::size_t size,
                                             sendconn_error** error) noexcept {
  return guard(error, [&] { add(need(answer, "answer"), {IpAddress(), 0, std::string(text(data, size, "text"))}); });
}

sendconn_status sendconn_dns_answer_add_address(sendconn_dns_answer* answer, const char* address,
                                                std::size_t address_len, sendconn_error** error) noexcept {
  return guard(error, [&] {
    add_address(need(answer, "answer"), take(IpAddress::parse(text(address, address_len, "address"))));
  });
}

sendconn_status sendconn_dns_answer_add_address_octets(sendconn_dns_answer* answer, const void* octets,
                                                       std::size_t octets_len, sendconn_error** error) noexcept {
  return guard(error, [&] {
    sendconn_dns_answer& to = need(answer, "answer");
    const void* const from = &need(static_cast<const char*>(octets), "octets");
    if (octets_len == 4) {
      std::array<std::uint8_t, 4> v4;
      std::memcpy(v4.data(), from, v4.size());
      add_address(to, IpAddress::v4(v4));
    } else if (octets_len == 16) {
      std::array<std::uint8_t, 16> v6;
      std::memcpy(v6.data(), from, v6.size());
      add_address(to, IpAddress::v6(v6));
    } else {
      refuse(SENDCONN_ERR_INVALID_ARGUMENT, "an IP address has 4 or 16 octets, not " + std::to_string(octets_len));
    }
  });
}

sendconn_status sendconn_dns_answer_add_name(sendconn_dns_answer* answer, const char* name, std::size_t name_len,
                                             sendconn_error** error) noexcept {
  return guard(error, [&] { add(need(answer, "answer"), {IpAddress(), 0, normalize(text(name, name_len, "name"))}); });
}

sendconn_status sendconn_dns_answer_add_mx(sendconn_dns_answer* answer, std::uint16_t preference, const char* name,
                                           std::size_t name_len, sendconn_error** error) noexcept {
  return guard(error, [&] {
    add(need(answer, "answer"), {IpAddress(), preference, normalize(text(name, name_len, "name"))});
  });
}

sendconn_status sendconn_dns_answer_add_alias(sendconn_dns_answer* answer, const char* name, std::size_t name_len,
                                              sendconn_error** error) noexcept {
  return guard(error,
               [&] { need(answer, "answer").answer.aliases.push_back(normalize(text(name, name_len, "name"))); });
}

void sendconn_dns_answer_set_ttl(sendconn_dns_answer* answer, std::uint32_t seconds) noexcept {
  if (answer != nullptr) answer->answer.ttl = std::chrono::seconds(seconds);
}
void sendconn_dns_answer_set_authenticated(sendconn_dns_answer* answer, std::int32_t authenticated) noexcept {
  if (answer != nullptr) answer->answer.authenticated = authenticated != 0;
}
std::int32_t sendconn_dns_answer_status(const sendconn_dns_answer* answer) noexcept {
  return answer != nullptr ? static_cast<std::int32_t>(answer->answer.status) : 0;
}
std::uint32_t sendconn_dns_answer_ttl(const sendconn_dns_answer* answer) noexcept {
  return answer != nullptr ? static_cast<std::uint32_t>(answer->answer.ttl.count()) : 0;
}
std::int32_t sendconn_dns_answer_authenticated(const sendconn_dns_answer* answer) noexcept {
  return answer != nullptr && answer->answer.authenticated ? 1 : 0;
}
std::size_t sendconn_dns_answer_count(const sendconn_dns_answer* answer) noexcept {
  return answer != nullptr ? answer->answer.records.size() : 0;
}

sendconn_status sendconn_dns_answer_get(sendconn_dns_record* out, const sendconn_dns_answer* answer, std::size_t index,
                                        sendconn_error** error) noexcept {
  return guard(error, [&] {
    OutStruct slot(out, "out");
    const auto& records = need(answer, "answer").answer.records;
    if (index >= records.size()) refuse(SENDCONN_ERR_NOT_FOUND, "the answer has no record of this index");
    auto record = sendconn_initialized<sendconn_dns_record>();
    capi::set(&record.data, &record.data_len, records[index].text);
    record.preference = records[index].preference;
    slot.set(record);
  });
}

const char* sendconn_dns_status_text(std::int32_t status) noexcept {
  if (status < 0 || status > last_status) return "?";
  return dns::format(static_cast<dns::Status>(status)).data();
}

void sendconn_dns_answer_free(sendconn_dns_answer* answer) noexcept { delete answer; }
