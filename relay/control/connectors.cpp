// Connectors with their logins and client networks.
#include <algorithm>

#include "relay/control/store.hpp"

namespace sendconn::relay {
namespace {

constexpr std::size_t max_user_octets = 255;  // our own bound; RFC 4954 bounds the whole exchange

// A network stands for a login, so a slip such as 0.0.0.0/0 would open the relay to the world. Our own bounds.
constexpr unsigned min_prefix_v4 = 8;
constexpr unsigned min_prefix_v6 = 16;

Result<void> check_user(std::string_view user) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (!user.empty() && user.size() <= max_user_octets && std::none_of(user.begin(), user.end(), is_control)) return {};
  return Error{Errc::invalid_argument,
               "a user name must have 1 to " + std::to_string(max_user_octets) + " octets without control characters"};
}

Result<void> check_network(const IpNetwork& network) {
  const bool v4 = network.address().is_v4();
  const unsigned least = v4 ? min_prefix_v4 : min_prefix_v6;
  if (network.prefix() < least) {
    return Error{Errc::invalid_argument,
                 "the client network " + network.format() +
                     " is too wide: whoever is in it sends without a password, so a prefix of at "
                     "least /" +
                     std::to_string(least) + " is required"};
  }
  if (!v4 && network.address().unmapped().is_v4()) {
    return Error{Errc::invalid_argument,
                 "the client network " + network.format() + " is IPv4 in an IPv6 form; write it as IPv4"};
  }
  return {};
}

/// A rate that cannot be read must not become "no limit".
Result<std::optional<limit::Rate>> rate_of(const Statement& row, int column, const ConnectorName& name) {
  if (row.is_null(column)) return std::optional<limit::Rate>();
  auto rate = limit::Rate::parse(row.text(column));
  if (rate) return std::optional(*rate);
  return Error{Errc::io, "connector " + name.format() + " has a rate in the database that cannot be read: " +
                             rate.error().text + "; restore the database, or remove the connector and add it again"};
}

void bind_rate(Statement& statement, const std::optional<limit::Rate>& rate) {
  if (rate) {
    statement.bind(rate->format());
  } else {
    statement.bind_null();
  }
}

Error no_connector(const ConnectorName& name) {
  return {Errc::not_found, "there is no connector '" + name.format() + "'"};
}

}  // namespace

Result<std::int64_t> ControlStore::connector_id(const ConnectorName& name) const {
  Statement find = database_.prepare(
      "SELECT connector.id FROM connector JOIN account ON account.id = connector.account"
      " WHERE account.name = ? AND connector.name = ?");
  if (find.bind(name.account).bind(name.connector).step()) return find.number(0);
  if (auto finished = find.finished(); !finished) return std::move(finished).error();
  return no_connector(name);
}

Result<void> ControlStore::check_networks(const NewConnector& connector) const {
  for (const IpNetwork& network : connector.networks) {
    if (auto checked = check_network(network); !checked) return checked;
    Statement taken = database_.prepare(
        "SELECT account.name || '/' || connector.name FROM network"
        " JOIN connector ON connector.id = network.connector JOIN account ON account.id = connector.account"
        " WHERE network.network = ?");
    if (taken.bind(network.format()).step()) {
      return Error{Errc::conflict,
                   "the client network " + network.format() + " belongs to connector '" + taken.text(0) + "'"};
    }
    if (auto finished = taken.finished(); !finished) return finished;
  }
  return {};
}

Result<void> ControlStore::put_login(std::int64_t connector, const ConnectorName& name, const NewLogin& login,
                                     UnixTime now) {
  if (auto checked = check_user(login.user); !checked) return checked;
  Statement owner = database_.prepare(
      "SELECT login.connector, account.name || '/' || connector.name FROM login"
      " JOIN connector ON connector.id = login.connector JOIN account ON account.id = connector.account"
      " WHERE login.user = ?");
  if (owner.bind(login.user).step() && owner.number(0) != connector) {
    return Error{Errc::conflict, "the user name '" + login.user + "' belongs to connector '" + owner.text(1) +
                                     "', not to '" + name.format() + "'"};
  }
  if (auto finished = owner.finished(); !finished) return finished;
  return database_
      .prepare(
          "INSERT INTO login (user, connector, verifier, created) VALUES (?, ?, ?, ?)"
          " ON CONFLICT (user) DO UPDATE SET verifier = excluded.verifier, created = excluded.created")
      .bind(login.user)
      .bind(connector)
      .bind(login.verifier.format())
      .bind(now.time_since_epoch().count())
      .run();
}

Result<ConnectorRecord> ControlStore::add_connector(const NewConnector& connector, UnixTime now) {
  const ConnectorName& name = connector.name;
  if (auto checked = check_name("a connector", name.connector); !checked) return std::move(checked).error();
  const auto account = account_id(name.account);
  if (!account) return account.error();
  if (connector_id(name)) return Error{Errc::conflict, "connector '" + name.format() + "' exists already"};
  if (auto checked = check_networks(connector); !checked) return std::move(checked).error();
  auto transaction = Transaction::begin(database_);
  if (!transaction) return std::move(transaction).error();

  Statement insert = database_.prepare(
      "INSERT INTO connector (account, name, created, message_rate, recipient_rate, null_sender_rate)"
      " VALUES (?, ?, ?, ?, ?, ?)");
  insert.bind(*account).bind(name.connector).bind(now.time_since_epoch().count());
  for (const auto& rate : {connector.rates.message, connector.rates.recipient, connector.rates.null_sender}) {
    bind_rate(insert, rate);
  }
  if (auto done = insert.run(); !done) return std::move(done).error();
  const std::int64_t id = database_.last_id();
  for (const IpNetwork& network : connector.networks) {
    auto done = database_.prepare("INSERT OR IGNORE INTO network (network, connector) VALUES (?, ?)")
                    .bind(network.format())
                    .bind(id)
                    .run();
    if (!done) return std::move(done).error();
  }
  if (connector.login) {
    if (auto put = put_login(id, name, *connector.login, now); !put) return std::move(put).error();
  }
  if (auto done = transaction->commit(); !done) return std::move(done).error();
  return this->connector(name);
}

Result<std::vector<ConnectorRecord>> ControlStore::read_connectors(std::string_view account,
                                                                   std::string_view only) const {
  std::vector<ConnectorRecord> all;
  Statement rows = database_.prepare(
      "SELECT connector.id, account.name, connector.name, message_rate, recipient_rate, null_sender_rate,"
      " connector.created FROM connector JOIN account ON account.id = connector.account"
      " WHERE (?1 = '' OR account.name = ?1) AND (?2 = '' OR connector.name = ?2)"
      " ORDER BY account.name, connector.name");
  rows.bind(account).bind(only);
  while (rows.step()) {
    ConnectorRecord record;
    record.name = {rows.text(1), rows.text(2)};
    int column = 3;
    for (auto* rate : {&record.rates.message, &record.rates.recipient, &record.rates.null_sender}) {
      auto read = rate_of(rows, column++, record.name);
      if (!read) return std::move(read).error();
      *rate = *read;
    }
    record.created = UnixTime(std::chrono::seconds(rows.number(6)));
    const std::int64_t id = rows.number(0);
    const auto read = [&](std::string_view sql, auto take) {
      Statement part = database_.prepare(sql);
      part.bind(id);
      while (part.step()) take(part.text(0));
      return part.finished();
    };
    auto users = read("SELECT user FROM login WHERE connector = ? ORDER BY user",
                      [&](std::string user) { record.users.push_back(std::move(user)); });
    auto networks =
        read("SELECT network FROM network WHERE connector = ? ORDER BY network", [&](const std::string& text) {
          if (auto network = IpNetwork::parse(text)) record.networks.push_back(*network);
        });
    auto domains = read(
        "SELECT domain.name FROM domain_grant JOIN domain ON domain.id = domain_grant.domain"
        " WHERE domain_grant.connector = ? ORDER BY domain.name",
        [&](std::string name) { record.domains.push_back(std::move(name)); });
    for (auto* part : {&users, &networks, &domains}) {
      if (!*part) return std::move(*part).error();
    }
    all.push_back(std::move(record));
  }
  if (auto finished = rows.finished(); !finished) return std::move(finished).error();
  return all;
}

Result<std::vector<ConnectorRecord>> ControlStore::connectors(std::string_view account) const {
  if (!account.empty()) {
    if (auto id = account_id(account); !id) return std::move(id).error();
  }
  return read_connectors(account, {});
}

Result<ConnectorRecord> ControlStore::connector(const ConnectorName& name) const {
  auto found = read_connectors(name.account, name.connector);
  if (!found) return std::move(found).error();
  if (found->empty()) return no_connector(name);
  return std::move(found->front());
}

Result<void> ControlStore::set_login(const ConnectorName& name, const NewLogin& login, UnixTime now) {
  const auto id = connector_id(name);
  if (!id) return id.error();
  return put_login(*id, name, login, now);
}

Result<void> ControlStore::remove_connector(const ConnectorName& name) {
  const auto id = connector_id(name);
  if (!id) return id.error();
  return database_.prepare("DELETE FROM connector WHERE id = ?").bind(*id).run();
}

}  // namespace sendconn::relay
