// Directory: an immutable snapshot of accounts, connectors, rights and keys, as the relay's loops read it.
//
// The control store makes a new one after every change and publishes it; a loop takes the shared pointer once for each
// connection event and never locks. Nothing here touches the disk.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <sendconn/dkim.hpp>
#include <sendconn/ip.hpp>
#include <sendconn/limit.hpp>
#include <sendconn/policy.hpp>
#include <sendconn/sasl.hpp>

namespace sendconn::relay {

/// A connector as the submission needs it.
struct Connector {
  std::string account;
  std::string name;                           ///< unique within the account
  std::string key;                            ///< "account/connector": names its buckets and log lines
  std::optional<limit::Rate> message_rate;    ///< messages
  std::optional<limit::Rate> recipient_rate;  ///< recipients
  std::optional<limit::Rate>
      null_sender_rate;  ///< messages with the null reverse-path, counted in a bucket of their own
  std::unordered_map<std::string, policy::DomainRight> domains;  ///< every domain of the account, by Domain::text()

  /// Exactly this domain; not_granted, pending and so on with the record that would give the right.
  [[nodiscard]] policy::DomainRight right(const Domain& domain) const;
};

struct Login {
  sasl::ScramVerifier verifier;
  std::shared_ptr<const Connector> connector;
};

/// Keys that sign for a domain: usually one RSA, or RSA and Ed25519.
struct SigningKey {
  dkim::Selector selector;
  std::shared_ptr<const crypto::PrivateKey> key;
};

class Directory {
 public:
  [[nodiscard]] const Login* find_login(std::string_view user) const;
  /// The connector whose client network holds the address (the longest prefix wins); null if none does.
  [[nodiscard]] std::shared_ptr<const Connector> find_network(const IpAddress& client) const;
  /// Null if there is none of this name any more.
  [[nodiscard]] std::shared_ptr<const Connector> find_connector(std::string_view account, std::string_view name) const;
  /// The active keys of this account's domain; empty if it has none: mail then goes unsigned only if the configuration
  /// allows it.
  [[nodiscard]] const std::vector<SigningKey>& find_keys(std::string_view account, const Domain& domain) const;

  // Filled by the control store before it is published, never after.
  std::unordered_map<std::string, Login> logins;
  std::unordered_map<std::string, std::shared_ptr<const Connector>> connectors;  ///< by Connector::key
  std::vector<std::pair<IpNetwork, std::shared_ptr<const Connector>>> networks;  ///< longest prefix first
  std::unordered_map<std::string, std::vector<SigningKey>> keys;                 ///< by "account/domain"
};

}  // namespace sendconn::relay
