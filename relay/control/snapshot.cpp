// The Directory: everything the loops need, looked up by what they have in hand.
#include <algorithm>
#include <set>

#include "relay/control/store.hpp"

namespace sendconn::relay {
namespace {

std::string shown(const ownership::Record& record) { return record.name + " \"" + record.text + "\""; }

policy::DomainRight right_of(const DomainRecord& domain, const ownership::Challenge& challenge,
                             const std::string& connector) {
  const std::string records = shown(challenge.at_label()) + " or " + shown(challenge.at_apex());
  switch (domain.state) {
    case DomainState::pending:
      return {policy::Right::pending, "publish the TXT record " + records + ", then have the domain verified"};
    case DomainState::revoked:
      return {policy::Right::revoked, "publish the TXT record " + records + " again, then have the domain verified"};
    case DomainState::active:
      break;
  }
  if (std::find(domain.connectors.begin(), domain.connectors.end(), connector) != domain.connectors.end()) {
    return {policy::Right::granted, {}};
  }
  return {policy::Right::not_granted,
          "have " + domain.domain.text() + " granted to connector " + domain.account + "/" + connector};
}

}  // namespace

Result<std::shared_ptr<const Directory>> ControlStore::snapshot() const {
  auto directory = std::make_shared<Directory>();
  auto records = read_connectors({}, {});
  if (!records) return std::move(records).error();
  auto domains = read_domains({}, nullptr);
  if (!domains) return std::move(domains).error();
  std::unordered_map<std::string, std::vector<const DomainRecord*>> by_account;
  for (const DomainRecord& domain : *domains) by_account[domain.account].push_back(&domain);

  for (const ConnectorRecord& record : *records) {
    auto connector = std::make_shared<Connector>();
    connector->account = record.name.account;
    connector->name = record.name.connector;
    connector->key = record.name.format();
    connector->message_rate = record.rates.message;
    connector->recipient_rate = record.rates.recipient;
    connector->null_sender_rate = record.rates.null_sender;
    for (const DomainRecord* domain : by_account[record.name.account]) {
      connector->domains.emplace(domain->domain.text(), right_of(*domain, challenge(*domain), connector->name));
    }
    for (const IpNetwork& network : record.networks) directory->networks.emplace_back(network, connector);
    directory->connectors.emplace(connector->key, std::move(connector));
  }
  std::stable_sort(directory->networks.begin(), directory->networks.end(),
                   [](const auto& a, const auto& b) { return a.first.prefix() > b.first.prefix(); });
  if (auto added = add_logins(*directory); !added) return std::move(added).error();
  if (auto added = add_keys(*directory); !added) return std::move(added).error();
  return std::shared_ptr<const Directory>(std::move(directory));
}

Result<void> ControlStore::add_logins(Directory& directory) const {
  Statement rows = database_.prepare(
      "SELECT user, verifier, account.name || '/' || connector.name FROM login"
      " JOIN connector ON connector.id = login.connector JOIN account ON account.id = connector.account");
  while (rows.step()) {
    auto verifier = sasl::ScramVerifier::parse(rows.text(1));
    if (!verifier) {
      return Error{Errc::io,
                   database_.path() + " is damaged: the verifier of user '" + rows.text(0) + "' cannot be read"};
    }
    directory.logins.emplace(rows.text(0), Login{std::move(*verifier), directory.connectors.at(rows.text(2))});
  }
  return rows.finished();
}

Result<void> ControlStore::add_keys(Directory& directory) const {
  std::set<std::int64_t> seen;
  Statement rows = database_.prepare(
      "SELECT dkim_key.id, pem, selector, domain.name, account.name FROM dkim_key"
      " JOIN domain ON domain.id = dkim_key.domain JOIN account ON account.id = domain.account ORDER BY dkim_key.id");
  while (rows.step()) {
    auto selector = dkim::Selector::parse(rows.text(2));
    if (!selector) {
      return Error{Errc::io,
                   database_.path() + " is damaged: the selector of a key of " + rows.text(3) + " cannot be read"};
    }
    auto key = decode(rows.number(0), rows.text(1), rows.text(2) + "._domainkey." + rows.text(3));
    if (!key) return std::move(key).error();
    seen.insert(rows.number(0));
    directory.keys[rows.text(4) + "/" + rows.text(3)].push_back({std::move(*selector), std::move(*key)});
  }
  if (auto finished = rows.finished(); !finished) return finished;
  for (auto decoded = decoded_.begin(); decoded != decoded_.end();) {
    decoded = seen.count(decoded->first) == 0 ? decoded_.erase(decoded) : std::next(decoded);
  }
  return {};
}

}  // namespace sendconn::relay
