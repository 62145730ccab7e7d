// DKIM keys at rest, and the ones decoded from them.
#include "relay/control/store.hpp"

namespace sendconn::relay {
namespace {

std::string record_name(const Domain& domain, const dkim::Selector& selector) {
  return selector.text() + "._domainkey." + domain.text();
}

std::string_view format(crypto::KeyType type) { return type == crypto::KeyType::rsa ? "rsa" : "ed25519"; }

}  // namespace

Result<KeyRecord> ControlStore::add_key(std::string_view account, const Domain& domain, const dkim::Selector& selector,
                                        const crypto::PrivateKey& key, UnixTime now) {
  const auto id = domain_id(account, domain);
  if (!id) return id.error();
  Statement taken = database_.prepare("SELECT 1 FROM dkim_key WHERE domain = ? AND selector = ?");
  if (taken.bind(id->id).bind(selector.text()).step()) {
    return Error{Errc::conflict, "there is a key for " + record_name(domain, selector) +
                                     " already; choose another selector, so that mail signed before still verifies"};
  }
  if (auto finished = taken.finished(); !finished) return std::move(finished).error();
  auto pem = key.to_pem(options_.passphrase);
  if (!pem) return std::move(pem).error();
  auto done =
      database_.prepare("INSERT INTO dkim_key (domain, selector, type, bits, pem, created) VALUES (?, ?, ?, ?, ?, ?)")
          .bind(id->id)
          .bind(selector.text())
          .bind(format(key.type()))
          .bind(std::int64_t{key.bits()})
          .bind(*pem)
          .bind(now.time_since_epoch().count())
          .run();
  crypto::wipe(*pem);
  if (!done) return std::move(done).error();
  return KeyRecord{id->account, domain, selector, key.type(), key.bits(), now};
}

Result<std::vector<KeyRecord>> ControlStore::keys(std::string_view account) const {
  if (!account.empty()) {
    if (auto id = account_id(account); !id) return std::move(id).error();
  }
  std::vector<KeyRecord> all;
  Statement rows = database_.prepare(
      "SELECT account.name, domain.name, selector, type, bits, dkim_key.created FROM dkim_key"
      " JOIN domain ON domain.id = dkim_key.domain JOIN account ON account.id = domain.account"
      " WHERE ?1 = '' OR account.name = ?1 ORDER BY account.name, domain.name, dkim_key.id");
  rows.bind(account);
  while (rows.step()) {
    auto domain = Domain::parse(rows.text(1));
    auto selector = dkim::Selector::parse(rows.text(2));
    if (!domain || !selector) {
      return Error{Errc::io, database_.path() + " is damaged: a key of " + rows.text(1) + " cannot be read"};
    }
    all.push_back({rows.text(0), *domain, *selector,
                   rows.text(3) == "rsa" ? crypto::KeyType::rsa : crypto::KeyType::ed25519,
                   static_cast<unsigned>(rows.number(4)), UnixTime(std::chrono::seconds(rows.number(5)))});
  }
  if (auto finished = rows.finished(); !finished) return std::move(finished).error();
  return all;
}

Result<std::shared_ptr<const crypto::PrivateKey>> ControlStore::decode(std::int64_t id, const std::string& pem,
                                                                       const std::string& shown) const {
  if (const auto found = decoded_.find(id); found != decoded_.end()) return found->second;
  auto key = crypto::PrivateKey::from_pem(pem, options_.passphrase);
  if (!key) {
    return Error{key.error().code,
                 "the DKIM key " + shown + " cannot be decoded: " + key.error().text +
                     (options_.passphrase.empty() ? "; if it is encrypted, set passphrase_file under [dkim]"
                                                  : "; is the passphrase of passphrase_file its own?")};
  }
  auto shared = std::make_shared<const crypto::PrivateKey>(std::move(*key));
  decoded_.emplace(id, shared);
  return shared;
}

Result<std::shared_ptr<const crypto::PrivateKey>> ControlStore::key(std::string_view account, const Domain& domain,
                                                                    const dkim::Selector& selector) const {
  const auto id = domain_id(account, domain);
  if (!id) return id.error();
  Statement find = database_.prepare("SELECT id, pem FROM dkim_key WHERE domain = ? AND selector = ?");
  if (find.bind(id->id).bind(selector.text()).step()) {
    return decode(find.number(0), find.text(1), record_name(domain, selector));
  }
  if (auto finished = find.finished(); !finished) return std::move(finished).error();
  return Error{Errc::not_found, "there is no key for " + record_name(domain, selector)};
}

Result<void> ControlStore::remove_key(std::string_view account, const Domain& domain, const dkim::Selector& selector) {
  const auto id = domain_id(account, domain);
  if (!id) return id.error();
  auto done = database_.prepare("DELETE FROM dkim_key WHERE domain = ? AND selector = ?")
                  .bind(id->id)
                  .bind(selector.text())
                  .run();
  if (!done) return done;
  if (database_.changes() == 0) return Error{Errc::not_found, "there is no key for " + record_name(domain, selector)};
  return {};
}

}  // namespace sendconn::relay
