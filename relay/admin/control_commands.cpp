// Commands on accounts, connectors and domains.
#include <chrono>
#include <nlohmann/json.hpp>

#include "relay/admin/commands.hpp"
#include "relay/admin/lookup.hpp"
#include "relay/admin/protocol.hpp"

namespace sendconn::relay::admin {
namespace {

using nlohmann::json;

constexpr std::size_t min_password_octets = 8;       // NIST SP 800-63B section 5.1.1.1
constexpr std::size_t generated_password_size = 24;  // of 32 characters each: 120 random bits
constexpr std::size_t salt_octets = 16;              // RFC 5802 section 5.1 leaves it open; 128 random bits

UnixTime now() { return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()); }

std::string generate_password() {
  constexpr std::string_view alphabet = "abcdefghjkmnpqrstuvwxyz23456789_";  // none that look alike
  static_assert(alphabet.size() == 32);
  std::string password = crypto::random_octets(generated_password_size);
  for (char& c : password) c = alphabet[static_cast<unsigned char>(c) & 31U];
  return password;
}

Result<NewLogin> make_login(const std::string& user, std::string_view password) {
  if (password.size() < min_password_octets) {
    return Error{Errc::invalid_argument,
                 "a password must have at least " + std::to_string(min_password_octets) + " octets"};
  }
  auto verifier = sasl::ScramVerifier::from_password(password, crypto::random_octets(salt_octets));
  if (!verifier) return std::move(verifier).error();
  return NewLogin{user, std::move(*verifier)};
}

Result<std::optional<limit::Rate>> parse_rate(std::string_view name, const std::string& text) {
  if (text.empty()) return std::optional<limit::Rate>();
  auto rate = limit::Rate::parse(text);
  if (!rate) {
    return Error{Errc::invalid_argument,
                 "the " + std::string(name) + " must be a rate such as \"100/min, burst 20\": " + rate.error().text};
  }
  return std::optional(*rate);
}

// Accounts

Result<json> account_add(const Context& context, Arguments& arguments) {
  const std::string name = arguments.text("account");
  if (auto read = arguments.finish(); !read) return std::move(read).error();
  if (auto added = context.store.add_account(name, now()); !added) return std::move(added).error();
  auto account = context.store.account(name);
  if (!account) return std::move(account).error();
  return show(*account);
}

Result<json> account_list(const Context& context, Arguments& arguments) {
  if (auto read = arguments.finish(); !read) return std::move(read).error();
  auto accounts = context.store.accounts();
  if (!accounts) return std::move(accounts).error();
  json all = json::array();
  for (const Account& one : *accounts) all.push_back(show(one));
  return json{{"accounts", all}};
}

Result<json> account_show(const Context& context, Arguments& arguments) {
  const std::string name = arguments.text("account");
  if (auto read = arguments.finish(); !read) return std::move(read).error();
  auto account = context.store.account(name);
  if (!account) return std::move(account).error();
  auto connectors = context.store.connectors(name);
  auto domains = context.store.domains(name);
  auto keys = context.store.keys(name);
  if (!connectors) return std::move(connectors).error();
  if (!domains) return std::move(domains).error();
  if (!keys) return std::move(keys).error();
  json shown = show(*account);
  for (const char* part : {"connectors", "domains", "keys"}) shown[part] = json::array();
  for (const auto& one : *connectors) shown["connectors"].push_back(show(one));
  for (const auto& one : *domains) shown["domains"].push_back(show(one, context.store.challenge(one)));
  for (const auto& one : *keys) shown["keys"].push_back(show(one));
  return shown;
}

Result<json> account_remove(const Context& context, Arguments& arguments) {
  const std::string name = arguments.text("account");
  if (auto read = arguments.finish(); !read) return std::move(read).error();
  if (auto removed = context.store.remove_account(name); !removed) return std::move(removed).error();
  return json{{"removed", name}};
}

// Connectors

Result<json> connector_add(const Context& context, Arguments& arguments) {
  const auto name = ConnectorName::parse(arguments.text("connector"));
  std::string user = arguments.text_or("user", "");
  std::string password = arguments.text_or("password", "");
  const auto networks = arguments.texts("networks");
  auto message = parse_rate("message rate", arguments.text_or("message_rate", ""));
  auto recipient = parse_rate("recipient rate", arguments.text_or("recipient_rate", ""));
  auto null_sender = parse_rate("null sender rate", arguments.text_or("null_sender_rate", ""));
  if (auto read = arguments.finish(); !read) return std::move(read).error();
  if (!name) return name.error();
  for (const auto* rate : {&message, &recipient, &null_sender}) {
    if (!*rate) return rate->error();
  }
  NewConnector connector{*name, {*message, *recipient, *null_sender}, {}, {}};
  for (const std::string& text : networks) {
    auto network = IpNetwork::parse(text);
    if (!network)
      return Error{Errc::invalid_argument, "the client network '" + text + "' is none: " + network.error().text};
    connector.networks.push_back(*network);
  }
  const bool generated = password.empty();
  if (networks.empty() || !user.empty() || !password.empty()) {
    if (user.empty()) user = name->connector + "@" + name->account;
    if (generated) password = generate_password();
    auto login = make_login(user, password);
    if (!login) return std::move(login).error();
    connector.login = std::move(*login);
  }
  auto added = context.store.add_connector(connector, now());
  if (!added) return std::move(added).error();
  json shown = show(*added);
  if (connector.login) {
    shown["user"] = user;
    if (generated) shown["password"] = password;
  }
  crypto::wipe(password);
  return shown;
}

Result<json> connector_list(const Context& context, Arguments& arguments) {
  const std::string account = arguments.text_or("account", "");
  if (auto read = arguments.finish(); !read) return std::move(read).error();
  auto connectors = context.store.connectors(account);
  if (!connectors) return std::move(connectors).error();
  json all = json::array();
  for (const auto& one : *connectors) all.push_back(show(one));
  return json{{"connectors", all}};
}

Result<json> connector_show(const Context& context, Arguments& arguments) {
  const auto name = ConnectorName::parse(arguments.text("connector"));
  if (auto read = arguments.finish(); !read) return std::move(read).error();
  if (!name) return name.error();
  auto connector = context.store.connector(*name);
  if (!connector) return std::move(connector).error();
  return show(*connector);
}

Result<json> connector_passwd(const Context& context, Arguments& arguments) {
  const auto name = ConnectorName::parse(arguments.text("connector"));
  std::string user = arguments.text_or("user", "");
  std::string password = arguments.text_or("password", "");
  if (auto read = arguments.finish(); !read) return std::move(read).error();
  if (!name) return name.error();
  auto connector = context.store.connector(*name);
  if (!connector) return std::move(connector).error();
  if (user.empty()) {
    if (connector->users.size() > 1) {
      return Error{Errc::invalid_argument,
                   "connector '" + name->format() + "' has several logins; say which with --user"};
    }
    user = connector->users.empty() ? name->connector + "@" + name->account : connector->users.front();
  }
  const bool generated = password.empty();
  if (generated) password = generate_password();
  auto login = make_login(user, password);
  if (!login) return std::move(login).error();
  if (auto set = context.store.set_login(*name, *login, now()); !set) return std::move(set).error();
  json shown{{"connector", name->format()}, {"user", user}};
  if (generated) shown["password"] = password;
  crypto::wipe(password);
  return shown;
}

Result<json> connector_remove(const Context& context, Arguments& arguments) {
  const auto name = ConnectorName::parse(arguments.text("connector"));
  if (auto read = arguments.finish(); !read) return std::move(read).error();
  if (!name) return name.error();
  if (auto removed = context.store.remove_connector(*name); !removed) return std::move(removed).error();
  return json{{"removed", name->format()}};
}

// Domains

Result<Domain> parse_domain(const std::string& text) {
  auto domain = Domain::parse(text);
  if (domain) return domain;
  return Error{Errc::invalid_argument, "'" + text + "' is no domain: " + domain.error().text};
}

Result<json> shown(const Context& context, Result<DomainRecord> record) {
  if (!record) return std::move(record).error();
  return show(*record, context.store.challenge(*record));
}

Result<json> domain_add(const Context& context, Arguments& arguments) {
  const std::string text = arguments.text("domain");
  const std::string account = arguments.text("account");
  auto connectors = arguments.texts("connectors");
  const bool all = arguments.flag("all_connectors");
  if (auto read = arguments.finish(); !read) return std::move(read).error();
  const auto domain = parse_domain(text);
  if (!domain) return domain.error();
  if (all) {
    auto every = context.store.connectors(account);
    if (!every) return std::move(every).error();
    for (const auto& one : *every) connectors.push_back(one.name.connector);
  }
  return shown(context, context.store.add_domain(account, *domain, connectors, now()));
}

Result<json> domain_list(const Context& context, Arguments& arguments) {
  const std::string account = arguments.text_or("account", "");
  if (auto read = arguments.finish(); !read) return std::move(read).error();
  auto domains = context.store.domains(account);
  if (!domains) return std::move(domains).error();
  json all = json::array();
  for (const auto& one : *domains) all.push_back(show(one, context.store.challenge(one)));
  return json{{"domains", all}};
}

Result<json> domain_show(const Context& context, Arguments& arguments) {
  const std::string text = arguments.text("domain");
  const std::string account = arguments.text_or("account", "");
  if (auto read = arguments.finish(); !read) return std::move(read).error();
  const auto domain = parse_domain(text);
  if (!domain) return domain.error();
  return shown(context, context.store.domain(account, *domain));
}

Result<ownership::Outcome> check(const Config& config, const ownership::Challenge& challenge) {
  ownership::Check machine(challenge);
  for (auto questions = machine.questions(); !questions.empty() && !machine.done(); questions = machine.questions()) {
    auto answers = look_up(config, questions);
    if (!answers) return std::move(answers).error();
    for (std::size_t i = 0; i < questions.size(); ++i) machine.answer(questions[i], (*answers)[i]);
  }
  return machine.outcome();
}

Result<json> domain_verify(const Context& context, Arguments& arguments) {
  const std::string text = arguments.text("domain");
  const std::string account = arguments.text_or("account", "");
  if (auto read = arguments.finish(); !read) return std::move(read).error();
  const auto domain = parse_domain(text);
  if (!domain) return domain.error();
  auto before = context.store.domain(account, *domain);
  if (!before) return std::move(before).error();
  auto outcome = check(context.config, context.store.challenge(*before));
  if (!outcome) return std::move(outcome).error();
  auto after = context.store.record_check(before->account, *domain, *outcome, now());
  if (!after) return std::move(after).error();
  json result = show(*after, context.store.challenge(*after));
  result["verdict"] = format(outcome->verdict);
  result["explanation"] = outcome->explanation;
  result["where"] = outcome->where;
  result["state_before"] = relay::format(before->state);
  return result;
}

Result<json> domain_grant(const Context& context, Arguments& arguments) {
  const std::string text = arguments.text("domain");
  const std::string account = arguments.text_or("account", "");
  const auto connectors = arguments.texts("connectors");
  const bool withdraw = arguments.flag("withdraw");
  if (auto read = arguments.finish(); !read) return std::move(read).error();
  const auto domain = parse_domain(text);
  if (!domain) return domain.error();
  if (connectors.empty()) return Error{Errc::invalid_argument, "name at least one connector of the domain's account"};
  Result<DomainRecord> record = context.store.domain(account, *domain);
  for (const std::string& connector : connectors) {
    record = withdraw ? context.store.withdraw(account, *domain, connector)
                      : context.store.grant(account, *domain, connector);
    if (!record) break;
  }
  return shown(context, std::move(record));
}

Result<json> domain_remove(const Context& context, Arguments& arguments) {
  const std::string text = arguments.text("domain");
  const std::string account = arguments.text_or("account", "");
  if (auto read = arguments.finish(); !read) return std::move(read).error();
  const auto domain = parse_domain(text);
  if (!domain) return domain.error();
  if (auto removed = context.store.remove_domain(account, *domain); !removed) return std::move(removed).error();
  return json{{"removed", domain->text()}};
}

}  // namespace

const std::vector<Command>& control_commands() {
  static const std::vector<Command> all = {
      {"account add", true, account_add},           {"account list", false, account_list},
      {"account show", false, account_show},        {"account remove", true, account_remove},
      {"connector add", true, connector_add},       {"connector list", false, connector_list},
      {"connector show", false, connector_show},    {"connector passwd", true, connector_passwd},
      {"connector remove", true, connector_remove}, {"domain add", true, domain_add},
      {"domain list", false, domain_list},          {"domain show", false, domain_show},
      {"domain verify", true, domain_verify},       {"domain grant", true, domain_grant},
      {"domain remove", true, domain_remove},
  };
  return all;
}

}  // namespace sendconn::relay::admin
