#include "tools/show.hpp"

#include <nlohmann/json.hpp>

namespace sendconn::tools::show {
namespace {

/// A member as text: "" if it is missing or null; numbers and booleans as they read.
std::string text(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return {};
  return found->is_string() ? harmless(found->get_ref<const std::string&>()) : found->dump();
}

const Json& list(const Json& object, const char* name) {
  static const Json none = Json::array();
  const auto found = object.find(name);
  return found != object.end() && found->is_array() ? *found : none;
}

std::string joined(const Json& object, const char* name) {
  std::string all;
  for (const Json& one : list(object, name)) {
    all += (all.empty() ? "" : ", ") + (one.is_string() ? harmless(one.get_ref<const std::string&>()) : one.dump());
  }
  return all;
}

std::string or_dash(const std::string& value) { return value.empty() ? "-" : value; }

/// "2026-11-22T15:02:50Z" as "2026-11-22 15:02".
std::string short_time(const Json& object, const char* name) {
  std::string value = text(object, name);
  if (value.size() < 16) return or_dash(value);
  value[10] = ' ';
  return value.substr(0, 16);
}

/// A TXT record's text as a zone file quotes it (RFC 1035 section 5.1).
std::string character_string(const std::string& value) {
  std::string quoted = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

Style style_of(const std::string& state) {
  if (state == "active") return Style::good;
  return state == "revoked" ? Style::bad : Style::warning;
}

void login(const Output& out, const Json& result) {
  out.values({{"user", text(result, "user")}, {"password", text(result, "password")}});
  if (!text(result, "password").empty()) {
    out.line("The password is shown this once; the relay keeps only what it takes to check it.");
  }
}

void record_choice(const Output& out, const Json& result) {
  const Json& records = list(result, "records");
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (i > 0) out.line("or, at the domain itself:");
    out.line();
    out.line("  " + text(records[i], "zone_line"));
    out.line();
  }
}

std::string account_option(const Json& result) {
  return text(result, "domain") + " --account " + text(result, "account");
}

}  // namespace

void account_added(const Output& out, const Json& result) {
  out.line("Account " + text(result, "account") + " added.");
}

void accounts(const Output& out, const Json& result) {
  std::vector<std::vector<Output::Cell>> rows;
  for (const Json& one : list(result, "accounts")) {
    rows.push_back({text(one, "account"), text(one, "connectors"), text(one, "domains"), text(one, "keys"),
                    short_time(one, "created")});
  }
  if (rows.empty()) return out.line("No accounts. Make one: sendconn account add NAME");
  out.table({"ACCOUNT", "CONNECTORS", "DOMAINS", "KEYS", "CREATED"}, rows);
}

void account(const Output& out, const Json& result) {
  out.line(out.styled(Style::bold, text(result, "account")));
  out.values({{"created", short_time(result, "created")}});
  if (!list(result, "connectors").empty()) {
    out.line();
    connectors(out, result);
  }
  if (!list(result, "domains").empty()) {
    out.line();
    domains(out, result);
  }
  if (!list(result, "keys").empty()) {
    out.line();
    keys(out, result);
  }
}

void connector_added(const Output& out, const Json& result) {
  out.line("Connector " + text(result, "connector") + " added.");
  login(out, result);
  if (!list(result, "networks").empty()) out.values({{"networks", joined(result, "networks")}});
}

void connectors(const Output& out, const Json& result) {
  std::vector<std::vector<Output::Cell>> rows;
  for (const Json& one : list(result, "connectors")) {
    rows.push_back({text(one, "connector"), or_dash(joined(one, "users")), or_dash(joined(one, "networks")),
                    or_dash(text(one, "message_rate")), std::to_string(list(one, "domains").size())});
  }
  if (rows.empty()) return out.line("No connectors. Make one: sendconn connector add ACCOUNT/NAME");
  out.table({"CONNECTOR", "USERS", "NETWORKS", "MESSAGES", "DOMAINS"}, rows);
}

void connector(const Output& out, const Json& result) {
  out.line(out.styled(Style::bold, text(result, "connector")));
  out.values({{"users", joined(result, "users")},
              {"client networks", joined(result, "networks")},
              {"messages", text(result, "message_rate")},
              {"recipients", text(result, "recipient_rate")},
              {"null senders", text(result, "null_sender_rate")},
              {"domains", joined(result, "domains")},
              {"created", short_time(result, "created")}});
}

void password_set(const Output& out, const Json& result) {
  out.line("Password of " + text(result, "user") + " set for connector " + text(result, "connector") + ".");
  if (!text(result, "password").empty()) login(out, result);
}

void domain_added(const Output& out, const Json& result) {
  out.line("Domain " + text(result, "domain") + " added to account " + text(result, "account") +
           ". Its owner proves it by publishing this TXT record:");
  record_choice(out, result);
  out.line("Then run: sendconn domain verify " + account_option(result));
  if (list(result, "connectors").empty()) {
    out.line("No connector may use it yet: sendconn domain grant " + account_option(result) + " --connector NAME");
  }
}

void domains(const Output& out, const Json& result) {
  std::vector<std::vector<Output::Cell>> rows;
  for (const Json& one : list(result, "domains")) {
    const std::string state = text(one, "state");
    rows.push_back({text(one, "domain"),
                    text(one, "account"),
                    {state, style_of(state)},
                    or_dash(joined(one, "connectors")),
                    short_time(one, "verified")});
  }
  if (rows.empty()) return out.line("No domains. Add one: sendconn domain add DOMAIN --account NAME");
  out.table({"DOMAIN", "ACCOUNT", "STATE", "CONNECTORS", "VERIFIED"}, rows);
}

void domain(const Output& out, const Json& result) {
  const std::string state = text(result, "state");
  out.line(out.styled(Style::bold, text(result, "domain")) + "  " + out.styled(style_of(state), state));
  out.values({{"account", text(result, "account")},
              {"connectors", joined(result, "connectors")},
              {"added", short_time(result, "added")},
              {"verified", text(result, "verified").empty() ? "" : short_time(result, "verified")},
              {"revoked", text(result, "revoked").empty() ? "" : short_time(result, "revoked")},
              {"last check", text(result, "checked").empty() ? "" : short_time(result, "checked")},
              {"it said", text(result, "last_outcome")}});
  out.line();
  out.line(state == "active" ? "The TXT record that proves it must stay published:"
                             : "Its owner proves it by publishing this TXT record:");
  record_choice(out, result);
}

void domain_verified(const Output& out, const Json& result) {
  const std::string state = text(result, "state");
  out.line(text(result, "domain") + " is " + out.styled(style_of(state), state) + ": " + text(result, "explanation"));
  const std::string verdict = text(result, "verdict");
  if (verdict == "verified") {
    if (list(result, "connectors").empty()) {
      out.line("No connector may use it yet: sendconn domain grant " + account_option(result) + " --connector NAME");
    }
    return;
  }
  if (text(result, "state_before") == "active" && state == "revoked") {
    out.line("Its record is gone, so its mail is refused from now on.");
  }
  out.line("Required is this TXT record:");
  record_choice(out, result);
}

void domain_granted(const Output& out, const Json& result) {
  out.line(text(result, "domain") + " of account " + text(result, "account") +
           " is granted to: " + or_dash(joined(result, "connectors")) + ".");
  if (text(result, "state") != "active") {
    out.line("It is " + text(result, "state") + "; mail is refused until sendconn domain verify " +
             account_option(result) + " succeeds.");
  }
}

void key_made(const Output& out, const Json& result) {
  out.line("Key " + text(result, "selector") + " (" + text(result, "type") + ", " + text(result, "bits") +
           " bits) of " + text(result, "domain") +
           " made. Publish its record, or receivers cannot verify what it signs:");
  out.line();
  key_record(out, result);
}

void keys(const Output& out, const Json& result) {
  std::vector<std::vector<Output::Cell>> rows;
  for (const Json& one : list(result, "keys")) {
    rows.push_back({text(one, "selector"), text(one, "domain"), text(one, "account"),
                    text(one, "type") == "rsa" ? "rsa " + text(one, "bits") : text(one, "type"),
                    short_time(one, "created")});
  }
  if (rows.empty()) return out.line("No keys. Make one: sendconn dkim keygen --domain DOMAIN --selector NAME");
  out.table({"SELECTOR", "DOMAIN", "ACCOUNT", "TYPE", "CREATED"}, rows);
}

void key_record(const Output& out, const Json& result) { out.line(text(result, "zone_line")); }

void queue(const Output& out, const Json& result) {
  std::vector<std::vector<Output::Cell>> rows;
  for (const Json& one : list(result, "messages")) {
    const Json& recipients = list(one, "recipients");
    std::string to = recipients.empty() ? "-" : text(recipients[0], "address");
    if (recipients.size() > 1) to += " +" + std::to_string(recipients.size() - 1);
    const std::string sender = text(one, "sender");
    rows.push_back({text(one, "id"), short_time(one, "accepted"), text(one, "octets"), sender.empty() ? "<>" : sender,
                    to, recipients.empty() ? "-" : text(recipients[0], "attempts"),
                    recipients.empty() ? "" : text(recipients[0], "last_reply")});
  }
  if (rows.empty()) return out.line("The queue holds no such message.");
  out.table({"ID", "ACCEPTED", "OCTETS", "FROM", "TO", "TRIES", "LAST REPLY"}, rows);
  const auto matched = result.value("matched", std::uint64_t{rows.size()});
  if (matched > rows.size()) {
    out.line(std::to_string(matched - rows.size()) + " more; --limit shows them");
  }
}

void message(const Output& out, const Json& result) {
  const std::string sender = text(result, "sender");
  const std::string account = text(result, "account");
  const std::string connector = text(result, "connector");
  out.line(out.styled(Style::bold, text(result, "id")));
  out.values({{"accepted", text(result, "accepted")},
              {"connector", !account.empty()    ? account + "/" + connector
                            : connector.empty() ? "the relay itself"
                                                : "none; received at listener " + connector},
              {"from", sender.empty() ? "<>" : sender},
              {"octets", text(result, "octets")}});
  for (const Json& one : list(result, "recipients")) {
    out.line();
    out.values({{"to", text(one, "address")},
                {"tries", text(one, "attempts")},
                {"next try", text(one, "next_attempt")},
                {"last reply", text(one, "last_reply")}});
  }
}

void retried(const Output& out, const Json& result) {
  out.line(text(result, "recipients") + (text(result, "recipients") == "1" ? " recipient is" : " recipients are") +
           " tried again now.");
}

void removed(const Output& out, const Json& result) { out.line(text(result, "removed") + " removed."); }

void status(const Output& out, const Json& result) {
  if (!result.value("running", false)) return out.line("No relay runs.");
  out.line(out.styled(Style::bold, text(result, "hostname")) + "  " + out.styled(Style::good, "running"));
  std::vector<std::pair<std::string, std::string>> values{{"since", text(result, "started")}};
  for (const Json& one : list(result, "listeners")) values.emplace_back("listens at", one.get<std::string>());
  const Json figures = result.value("figures", Json::object());
  for (const Json& name : list(result, "figure_order")) {
    std::string title = name.get<std::string>();
    const std::string value = text(figures, title.c_str());
    for (char& c : title) c = c == '_' ? ' ' : c;
    values.emplace_back(title, value);
  }
  out.values(values);
}

void dns_answer(const Output& out, const Json& result) {
  const std::string name = text(result, "name");
  const std::string type = text(result, "type");
  const bool is_name = type == "CNAME" || type == "NS" || type == "PTR";
  const auto print = [&out](const std::string& owner, const std::string& middle, const std::string& value) {
    std::string row = owner;
    row.append(". ").append(middle).append(" ").append(value);
    out.line(row);
  };
  std::string owner = name;
  for (const Json& alias : list(result, "aliases")) {
    const std::string target = harmless(alias.get_ref<const std::string&>());
    print(owner, "IN CNAME", target + ".");
    owner = target;
  }
  const std::string middle = text(result, "ttl") + " IN " + type;
  for (const Json& record : list(result, "records")) {
    const std::string value = harmless(record.get_ref<const std::string&>());
    print(owner, middle, type == "TXT" ? character_string(value) : is_name ? value + "." : value);
  }
  if (list(result, "records").empty()) out.line("; " + name + " " + type + ": " + text(result, "status"));
  if (result.value("authenticated", false)) out.line("; authenticated by DNSSEC, says the resolver");
}

}  // namespace sendconn::tools::show
