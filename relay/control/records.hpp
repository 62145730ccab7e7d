// What the control store keeps, as values: accounts, connectors, domains and keys.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <sendconn/address.hpp>
#include <sendconn/crypto.hpp>
#include <sendconn/dkim.hpp>
#include <sendconn/ip.hpp>
#include <sendconn/limit.hpp>
#include <sendconn/ownership.hpp>
#include <sendconn/sasl.hpp>
#include <sendconn/time.hpp>

namespace sendconn::relay {

/// The name of an account, or of a connector within one: 1 to 63 lower-case letters, digits, '.', '-' and '_', the
/// first a letter or digit.
Result<void> check_name(std::string_view what, std::string_view name);

/// "account/connector". Always valid.
struct ConnectorName {
  std::string account;
  std::string connector;
  static Result<ConnectorName> parse(std::string_view text);
  [[nodiscard]] std::string format() const { return account + "/" + connector; }
};

struct Account {
  std::string name;
  UnixTime created{};
  std::size_t connectors = 0;
  std::size_t domains = 0;
  std::size_t keys = 0;
};

struct ConnectorRates {
  std::optional<limit::Rate> message;
  std::optional<limit::Rate> recipient;
  std::optional<limit::Rate> null_sender;
};

/// A user name and what its password is checked against.
struct NewLogin {
  std::string user;
  sasl::ScramVerifier verifier;
};

struct NewConnector {
  ConnectorName name;
  ConnectorRates rates;
  std::vector<IpNetwork> networks;
  std::optional<NewLogin> login;
};

struct ConnectorRecord {
  ConnectorName name;
  ConnectorRates rates;
  std::vector<std::string> users;
  std::vector<IpNetwork> networks;
  std::vector<std::string> domains;  ///< granted ones, A-labels
  UnixTime created{};
};

enum class DomainState : std::uint8_t { pending, active, revoked };
std::string_view format(DomainState state);

struct DomainRecord {
  std::string account;
  Domain domain;
  ownership::Token token;
  DomainState state = DomainState::pending;
  UnixTime added{};
  std::optional<UnixTime> verified;     ///< the last check that proved it
  std::optional<UnixTime> checked;      ///< the last check
  std::optional<UnixTime> revoked;      ///< when the proof was found gone
  std::string last_outcome;             ///< what the last check said
  std::vector<std::string> connectors;  ///< granted to these, names within the account
};

struct KeyRecord {
  std::string account;
  Domain domain;
  dkim::Selector selector;
  crypto::KeyType type = crypto::KeyType::rsa;
  unsigned bits = 0;
  UnixTime created{};
};

}  // namespace sendconn::relay
