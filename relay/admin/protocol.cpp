#include "relay/admin/protocol.hpp"

#include <array>
#include <ctime>
#include <nlohmann/json.hpp>

namespace sendconn::relay::admin {

using nlohmann::json;

Arguments::Arguments(const json& object) : object_(object) {
  if (!object.is_null() && !object.is_object()) fault_ = "the arguments of a request must be a JSON object";
}

const json* Arguments::find(std::string_view name) {
  known_.emplace(name);
  if (!object_.is_object()) return nullptr;
  const auto found = object_.find(std::string(name));
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

void Arguments::fail(std::string_view name, std::string_view required) {
  if (fault_.empty()) fault_ = "the argument '" + std::string(name) + "' must be " + std::string(required);
}

std::string Arguments::text(std::string_view name) {
  const json* value = find(name);
  if (value != nullptr && value->is_string() && !value->get_ref<const std::string&>().empty()) {
    return value->get<std::string>();
  }
  fail(name, "a text that is not empty");
  return {};
}

std::string Arguments::text_or(std::string_view name, std::string_view fallback) {
  const json* value = find(name);
  if (value == nullptr) return std::string(fallback);
  if (value->is_string()) return value->get<std::string>();
  fail(name, "a text");
  return {};
}

std::vector<std::string> Arguments::texts(std::string_view name) {
  const json* value = find(name);
  std::vector<std::string> all;
  if (value == nullptr) return all;
  if (!value->is_array()) fail(name, "an array of texts");
  for (const json& one : *value) {
    if (!one.is_string()) {
      fail(name, "an array of texts");
      return {};
    }
    all.push_back(one.get<std::string>());
  }
  return all;
}

bool Arguments::flag(std::string_view name) {
  const json* value = find(name);
  if (value == nullptr) return false;
  if (!value->is_boolean()) fail(name, "true or false");
  return value->is_boolean() && value->get<bool>();
}

std::uint64_t Arguments::number_or(std::string_view name, std::uint64_t fallback) {
  const json* value = find(name);
  if (value == nullptr) return fallback;
  if (value->is_number_unsigned()) return value->get<std::uint64_t>();
  fail(name, "a whole number, not negative");
  return fallback;
}

Result<void> Arguments::finish() const {
  if (!fault_.empty()) return Error{Errc::invalid_argument, fault_};
  if (object_.is_object()) {
    for (const auto& item : object_.items()) {
      if (known_.count(item.key()) == 0) {
        return Error{Errc::invalid_argument, "this command has no argument '" + item.key() + "'"};
      }
    }
  }
  return {};
}

std::string_view format(Errc code) {
  switch (code) {
    case Errc::invalid_argument:
      return "invalid_argument";
    case Errc::syntax:
      return "syntax";
    case Errc::limit_exceeded:
      return "limit_exceeded";
    case Errc::wrong_state:
      return "wrong_state";
    case Errc::not_found:
      return "not_found";
    case Errc::conflict:
      return "conflict";
    case Errc::crypto:
      return "crypto";
    case Errc::io:
      return "io";
    case Errc::unsupported:
      return "unsupported";
  }
  return "unknown";
}

std::string format_time(UnixTime time) {
  const auto seconds = static_cast<std::time_t>(time.time_since_epoch().count());
  std::tm parts{};
  std::array<char, 32> text{};
  if (::gmtime_r(&seconds, &parts) == nullptr) return {};
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

namespace {

json time_or_null(const std::optional<UnixTime>& time) { return time ? json(format_time(*time)) : json(nullptr); }
json rate_or_null(const std::optional<limit::Rate>& rate) { return rate ? json(rate->format()) : json(nullptr); }

json show_record(const ownership::Record& record) {
  return {{"name", record.name},
          {"type", "TXT"},
          {"text", record.text},
          {"zone_line", record.name + ". IN TXT \"" + record.text + "\""}};
}

}  // namespace

json show(const Account& account) {
  return {{"account", account.name},
          {"created", format_time(account.created)},
          {"connectors", account.connectors},
          {"domains", account.domains},
          {"keys", account.keys}};
}

json show(const ConnectorRecord& connector) {
  json networks = json::array();
  for (const IpNetwork& network : connector.networks) networks.push_back(network.format());
  return {{"connector", connector.name.format()},
          {"account", connector.name.account},
          {"name", connector.name.connector},
          {"users", connector.users},
          {"networks", networks},
          {"message_rate", rate_or_null(connector.rates.message)},
          {"recipient_rate", rate_or_null(connector.rates.recipient)},
          {"null_sender_rate", rate_or_null(connector.rates.null_sender)},
          {"domains", connector.domains},
          {"created", format_time(connector.created)}};
}

json show(const DomainRecord& domain, const ownership::Challenge& challenge) {
  return {{"domain", domain.domain.text()},
          {"account", domain.account},
          {"state", relay::format(domain.state)},
          {"token", domain.token.text()},
          {"records", {show_record(challenge.at_label()), show_record(challenge.at_apex())}},
          {"connectors", domain.connectors},
          {"added", format_time(domain.added)},
          {"verified", time_or_null(domain.verified)},
          {"checked", time_or_null(domain.checked)},
          {"revoked", time_or_null(domain.revoked)},
          {"last_outcome", domain.last_outcome}};
}

json show(const KeyRecord& record, const crypto::PrivateKey* key) {
  json shown{{"account", record.account},
             {"domain", record.domain.text()},
             {"selector", record.selector.text()},
             {"type", record.type == crypto::KeyType::rsa ? "rsa" : "ed25519"},
             {"bits", record.bits},
             {"created", format_time(record.created)},
             {"record_name", record.selector.text() + "._domainkey." + record.domain.text()}};
  if (key != nullptr) {
    shown["record_text"] = dkim::format_key_record(*key);
    shown["zone_line"] = dkim::format_key_zone_line(record.domain, record.selector, *key);
  }
  return shown;
}

json show(const QueuedMessage& message) {
  json recipients = json::array();
  for (const QueuedRecipient& one : message.recipients) {
    recipients.push_back({{"address", one.address},
                          {"attempts", one.attempts},
                          {"next_attempt", format_time(one.next_attempt)},
                          {"last_reply", one.last_reply}});
  }
  return {{"id", format_queue_id(message.id)}, {"accepted", format_time(message.accepted)},
          {"account", message.account},        {"connector", message.connector},
          {"sender", message.reverse_path},    {"octets", message.prefix_octets + message.content_octets},
          {"eight_bit", message.eight_bit},    {"smtputf8", message.smtputf8},
          {"recipients", recipients}};
}

json show(const RelayStatus& status) {
  json order = json::array();
  json values = json::object();
  for (const auto& [name, value] : status.figures) {
    order.push_back(name);
    values[name] = value;
  }
  return {{"running", true},
          {"hostname", status.hostname},
          {"started", format_time(status.started)},
          {"listeners", status.listeners},
          {"figures", values},
          {"figure_order", order}};
}

json show(const dns::Answer& answer, dns::RecordType type) {
  json records = json::array();
  for (const dns::Record& record : answer.records) {
    switch (type) {
      case dns::RecordType::a:
      case dns::RecordType::aaaa:
        records.push_back(record.address.format());
        break;
      case dns::RecordType::mx:
        records.push_back(std::to_string(record.preference) + " " + record.text + ".");
        break;
      default:
        records.push_back(record.text);
    }
  }
  return {{"status", dns::format(answer.status)},
          {"temporary", dns::is_temporary(answer.status)},
          {"records", records},
          {"ttl", answer.ttl.count()},
          {"authenticated", answer.authenticated},
          {"aliases", answer.aliases}};
}

Result<std::string> from_code_points(std::string_view text) {
  std::string octets;
  octets.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto first = static_cast<unsigned char>(text[i]);
    if (first < 0x80) {
      octets += text[i];
    } else if ((first == 0xc2 || first == 0xc3) && i + 1 < text.size()) {
      const auto second = static_cast<unsigned char>(text[++i]);
      octets += static_cast<char>(((first & 0x03U) << 6U) | (second & 0x3fU));
    } else {
      return Error{Errc::syntax, "octets must be the code points U+0000 to U+00FF", i};
    }
  }
  return octets;
}

}  // namespace sendconn::relay::admin
