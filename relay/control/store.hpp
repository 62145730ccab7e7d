// ControlStore: accounts, connectors, domains and keys in <state folder>/control.db, and the Directory made of them.
//
// One process holds it: open() takes an exclusive lock on <state folder>/control.lock. The relay holds it while it
// runs and is changed through its admin socket; without a relay the command line opens it. The database has mode 0600
// in a folder of mode 0700; it keeps SCRAM verifiers instead of passwords, and private keys as PKCS#8, encrypted if a
// passphrase is given. Every change is one transaction, synced before it is reported.
//
// Times are arguments. Thread-compatible: one thread (the admin server's) works on it; the Directory it makes is
// immutable and shared.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <sendconn/result.hpp>

#include "relay/control/database.hpp"
#include "relay/control/directory.hpp"
#include "relay/control/records.hpp"

namespace sendconn::relay {

struct ControlOptions {
  std::string folder;                 ///< made with mode 0700 if it is not there
  std::string passphrase;             ///< encrypts private keys at rest; empty: stored in clear
  std::string provider = "sendconn";  ///< names the ownership records
  /// How long to wait for the lock: a command line without a relay holds it for milliseconds, and a relay that starts
  /// just then should not fail.
  std::chrono::milliseconds patience{0};
};

class ControlStore {
 public:
  /// Errors are one clear sentence: locked by another process (Errc::conflict), made by a newer version
  /// (Errc::unsupported), damaged, readable by others, no permission (Errc::io).
  static Result<ControlStore> open(const ControlOptions& options);
  ControlStore(ControlStore&&) noexcept;
  ControlStore& operator=(ControlStore&&) noexcept;
  ~ControlStore();

  // Accounts. Errc::conflict: exists already; Errc::not_found; Errc::invalid_argument: no valid name.
  Result<void> add_account(std::string_view name, UnixTime now);
  [[nodiscard]] Result<std::vector<Account>> accounts() const;
  [[nodiscard]] Result<Account> account(std::string_view name) const;
  /// With its connectors, domains and keys.
  Result<void> remove_account(std::string_view name);

  // Connectors. Users and client networks belong to one connector of all: Errc::conflict names the other.
  Result<ConnectorRecord> add_connector(const NewConnector& connector, UnixTime now);
  [[nodiscard]] Result<std::vector<ConnectorRecord>> connectors(std::string_view account = {}) const;
  [[nodiscard]] Result<ConnectorRecord> connector(const ConnectorName& name) const;
  /// A new login, or a new password for one of this connector's.
  Result<void> set_login(const ConnectorName& name, const NewLogin& login, UnixTime now);
  Result<void> remove_connector(const ConnectorName& name);

  // Domains. `account` may be empty where the domain belongs to one account alone; Errc::conflict asks for it else.
  /// With a new token, pending. Several accounts may add the same domain; one at most is active.
  Result<DomainRecord> add_domain(std::string_view account, const Domain& domain,
                                  const std::vector<std::string>& connectors, UnixTime now);
  [[nodiscard]] Result<std::vector<DomainRecord>> domains(std::string_view account = {}) const;
  [[nodiscard]] Result<DomainRecord> domain(std::string_view account, const Domain& domain) const;
  [[nodiscard]] ownership::Challenge challenge(const DomainRecord& record) const;
  /// The account that the domain is active for, if that is another one than `account`: its rights must end before
  /// anybody else's begin.
  [[nodiscard]] Result<std::optional<std::string>> rival(std::string_view account, const Domain& domain) const;
  /// Draws the consequence of a check: verified makes it active (Errc::conflict while it has a rival), missing and
  /// mismatch revoke what was active and leave pending what was pending, a temporary failure changes no state.
  Result<DomainRecord> record_check(std::string_view account, const Domain& domain, const ownership::Outcome& outcome,
                                    UnixTime now);
  Result<DomainRecord> grant(std::string_view account, const Domain& domain, std::string_view connector);
  Result<DomainRecord> withdraw(std::string_view account, const Domain& domain, std::string_view connector);
  /// With its token, grants and keys.
  Result<void> remove_domain(std::string_view account, const Domain& domain);

  // Keys: of a domain that the account has added, verified or not.
  Result<KeyRecord> add_key(std::string_view account, const Domain& domain, const dkim::Selector& selector,
                            const crypto::PrivateKey& key, UnixTime now);
  [[nodiscard]] Result<std::vector<KeyRecord>> keys(std::string_view account = {}) const;
  /// Decoded once and kept. Errc::not_found; Errc::crypto: wrong passphrase.
  [[nodiscard]] Result<std::shared_ptr<const crypto::PrivateKey>> key(std::string_view account, const Domain& domain,
                                                                      const dkim::Selector& selector) const;
  Result<void> remove_key(std::string_view account, const Domain& domain, const dkim::Selector& selector);

  /// Everything as the relay's loops read it. Keys decoded for an earlier snapshot are shared with it.
  [[nodiscard]] Result<std::shared_ptr<const Directory>> snapshot() const;

 private:
  class Lock;
  ControlStore(ControlOptions options, std::unique_ptr<Lock> lock, Database database);

  [[nodiscard]] Result<std::int64_t> account_id(std::string_view name) const;
  [[nodiscard]] Result<std::int64_t> connector_id(const ConnectorName& name) const;
  struct DomainId {
    std::int64_t id = 0;
    std::string account;
  };
  [[nodiscard]] Result<DomainId> domain_id(std::string_view account, const Domain& domain) const;
  [[nodiscard]] Result<std::vector<DomainRecord>> read_domains(std::string_view account, const Domain* only) const;
  [[nodiscard]] Result<std::vector<ConnectorRecord>> read_connectors(std::string_view account,
                                                                     std::string_view only) const;
  Result<void> check_networks(const NewConnector& connector) const;
  Result<void> put_login(std::int64_t connector, const ConnectorName& name, const NewLogin& login, UnixTime now);
  Result<void> put_grant(const DomainId& domain, std::string_view connector);
  [[nodiscard]] Result<std::shared_ptr<const crypto::PrivateKey>> decode(std::int64_t id, const std::string& pem,
                                                                         const std::string& shown) const;
  [[nodiscard]] Result<void> add_logins(Directory& directory) const;
  [[nodiscard]] Result<void> add_keys(Directory& directory) const;

  ControlOptions options_;
  std::unique_ptr<Lock> lock_;
  Database database_;
  /// By row; rows are never used twice. Refilled by reading, so logically constant.
  mutable std::unordered_map<std::int64_t, std::shared_ptr<const crypto::PrivateKey>> decoded_;
};

}  // namespace sendconn::relay
