// Domains: ownership tokens, states and grants.
#include <algorithm>

#include "relay/control/store.hpp"

namespace sendconn::relay {
namespace {

std::optional<UnixTime> time_of(const Statement& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  return UnixTime(std::chrono::seconds(row.number(column)));
}

std::string of_account(std::string_view account) {
  return account.empty() ? std::string() : " of account '" + std::string(account) + "'";
}

Error no_domain(std::string_view account, const Domain& domain) {
  return {Errc::not_found,
          "there is no domain " + domain.text() + of_account(account) + "; each subdomain is added on its own"};
}

/// What a check makes of a state.
DomainState next_state(DomainState before, ownership::Verdict verdict) {
  switch (verdict) {
    case ownership::Verdict::verified:
      return DomainState::active;
    case ownership::Verdict::missing:
    case ownership::Verdict::mismatch:
      return before == DomainState::active ? DomainState::revoked : before;
    case ownership::Verdict::temporary_failure:
      return before;
  }
  return before;
}

}  // namespace

Result<ControlStore::DomainId> ControlStore::domain_id(std::string_view account, const Domain& domain) const {
  if (!account.empty()) {
    if (auto id = account_id(account); !id) return std::move(id).error();
  }
  Statement find = database_.prepare(
      "SELECT domain.id, account.name FROM domain JOIN account ON account.id = domain.account"
      " WHERE domain.name = ?1 AND (?2 = '' OR account.name = ?2) ORDER BY account.name");
  std::vector<DomainId> found;
  find.bind(domain.text()).bind(account);
  while (find.step()) found.push_back({find.number(0), find.text(1)});
  if (auto finished = find.finished(); !finished) return std::move(finished).error();
  if (found.empty()) return no_domain(account, domain);
  if (found.size() > 1) {
    std::string owners;
    for (const DomainId& one : found) owners += (owners.empty() ? "" : ", ") + one.account;
    return Error{Errc::conflict,
                 domain.text() + " was added by several accounts (" + owners + "); say which with --account"};
  }
  return found.front();
}

Result<DomainRecord> ControlStore::add_domain(std::string_view account, const Domain& domain,
                                              const std::vector<std::string>& connectors, UnixTime now) {
  const auto owner = account_id(account);
  if (!owner) return owner.error();
  if (domain.text().find('.') == std::string::npos) {
    return Error{Errc::invalid_argument,
                 "'" + domain.text() + "' is a top-level name; nobody can prove to own it alone"};
  }
  if (domain_id(account, domain)) {
    return Error{Errc::conflict, "account '" + std::string(account) + "' has added " + domain.text() +
                                     " already; sendconn domain show tells its record"};
  }
  const auto token = ownership::Token::from_random(crypto::random_octets(ownership::Token::octets));
  if (!token) return token.error();
  auto transaction = Transaction::begin(database_);
  if (!transaction) return std::move(transaction).error();
  auto inserted =
      database_.prepare("INSERT INTO domain (account, name, token, state, added) VALUES (?, ?, ?, 'pending', ?)")
          .bind(*owner)
          .bind(domain.text())
          .bind(token->text())
          .bind(now.time_since_epoch().count())
          .run();
  if (!inserted) return std::move(inserted).error();
  const DomainId id{database_.last_id(), std::string(account)};
  for (const std::string& connector : connectors) {
    if (auto put = put_grant(id, connector); !put) return std::move(put).error();
  }
  if (auto done = transaction->commit(); !done) return std::move(done).error();
  return this->domain(account, domain);
}

Result<std::vector<DomainRecord>> ControlStore::read_domains(std::string_view account, const Domain* only) const {
  std::vector<DomainRecord> all;
  Statement rows = database_.prepare(
      "SELECT domain.id, account.name, domain.name, token, state, added, verified, checked, revoked, outcome"
      " FROM domain JOIN account ON account.id = domain.account"
      " WHERE (?1 = '' OR account.name = ?1) AND (?2 = '' OR domain.name = ?2) ORDER BY account.name, domain.name");
  rows.bind(account).bind(only != nullptr ? std::string_view(only->text()) : std::string_view());
  while (rows.step()) {
    auto domain = Domain::parse(rows.text(2));
    auto token = ownership::Token::parse(rows.text(3));
    if (!domain || !token) {
      return Error{Errc::io, database_.path() + " is damaged: the domain in row " + std::to_string(rows.number(0)) +
                                 " cannot be read"};
    }
    DomainRecord record{rows.text(1), *domain, *token};
    const std::string state = rows.text(4);
    for (const auto known : {DomainState::pending, DomainState::active, DomainState::revoked}) {
      if (state == format(known)) record.state = known;
    }
    record.added = UnixTime(std::chrono::seconds(rows.number(5)));
    record.verified = time_of(rows, 6);
    record.checked = time_of(rows, 7);
    record.revoked = time_of(rows, 8);
    record.last_outcome = rows.text(9);
    Statement grants = database_.prepare(
        "SELECT connector.name FROM domain_grant JOIN connector ON connector.id = domain_grant.connector"
        " WHERE domain_grant.domain = ? ORDER BY connector.name");
    grants.bind(rows.number(0));
    while (grants.step()) record.connectors.push_back(grants.text(0));
    if (auto finished = grants.finished(); !finished) return std::move(finished).error();
    all.push_back(std::move(record));
  }
  if (auto finished = rows.finished(); !finished) return std::move(finished).error();
  return all;
}

Result<std::vector<DomainRecord>> ControlStore::domains(std::string_view account) const {
  if (!account.empty()) {
    if (auto id = account_id(account); !id) return std::move(id).error();
  }
  return read_domains(account, nullptr);
}

Result<DomainRecord> ControlStore::domain(std::string_view account, const Domain& domain) const {
  const auto id = domain_id(account, domain);
  if (!id) return id.error();
  auto found = read_domains(id->account, &domain);
  if (!found) return std::move(found).error();
  if (found->empty()) return no_domain(account, domain);
  return std::move(found->front());
}

ownership::Challenge ControlStore::challenge(const DomainRecord& record) const {
  return {options_.provider, record.domain, record.token};
}

Result<std::optional<std::string>> ControlStore::rival(std::string_view account, const Domain& domain) const {
  Statement find = database_.prepare(
      "SELECT account.name FROM domain JOIN account ON account.id = domain.account"
      " WHERE domain.name = ? AND domain.state = 'active' AND account.name <> ?");
  if (find.bind(domain.text()).bind(account).step()) return std::optional(find.text(0));
  if (auto finished = find.finished(); !finished) return std::move(finished).error();
  return std::optional<std::string>();
}

Result<DomainRecord> ControlStore::record_check(std::string_view account, const Domain& domain,
                                                const ownership::Outcome& outcome, UnixTime now) {
  auto before = this->domain(account, domain);
  if (!before) return before;
  const auto id = domain_id(before->account, domain);
  if (!id) return id.error();
  const DomainState state = next_state(before->state, outcome.verdict);
  if (state == DomainState::active && before->state != DomainState::active) {
    const auto other = rival(before->account, domain);
    if (!other) return other.error();
    if (*other) {
      return Error{Errc::conflict,
                   domain.text() + " is active for account '" + **other +
                       "'; two accounts never share a domain, so its rights must end first: when its record "
                       "is out of the DNS, run sendconn domain verify " +
                       domain.text() + " --account " + **other};
    }
  }
  const std::int64_t time = now.time_since_epoch().count();
  auto done = database_
                  .prepare(
                      "UPDATE domain SET state = ?1, checked = ?2, outcome = ?3,"
                      " verified = CASE WHEN ?4 THEN ?2 ELSE verified END,"
                      " revoked = CASE WHEN ?5 THEN ?2 WHEN ?1 = 'active' THEN NULL ELSE revoked END WHERE id = ?6")
                  .bind(format(state))
                  .bind(time)
                  .bind(outcome.explanation)
                  .bind(std::int64_t{outcome.verdict == ownership::Verdict::verified})
                  .bind(std::int64_t{state == DomainState::revoked && before->state == DomainState::active})
                  .bind(id->id)
                  .run();
  if (!done) return std::move(done).error();
  return this->domain(before->account, domain);
}

Result<void> ControlStore::put_grant(const DomainId& domain, std::string_view connector) {
  const auto id = connector_id({domain.account, std::string(connector)});
  if (!id) return id.error();
  return database_.prepare("INSERT OR IGNORE INTO domain_grant (domain, connector) VALUES (?, ?)")
      .bind(domain.id)
      .bind(*id)
      .run();
}

Result<DomainRecord> ControlStore::grant(std::string_view account, const Domain& domain, std::string_view connector) {
  const auto id = domain_id(account, domain);
  if (!id) return id.error();
  if (auto put = put_grant(*id, connector); !put) return std::move(put).error();
  return this->domain(id->account, domain);
}

Result<DomainRecord> ControlStore::withdraw(std::string_view account, const Domain& domain,
                                            std::string_view connector) {
  const auto id = domain_id(account, domain);
  if (!id) return id.error();
  const auto holder = connector_id({id->account, std::string(connector)});
  if (!holder) return holder.error();
  auto done =
      database_.prepare("DELETE FROM domain_grant WHERE domain = ? AND connector = ?").bind(id->id).bind(*holder).run();
  if (!done) return std::move(done).error();
  if (database_.changes() == 0) {
    return Error{Errc::not_found,
                 domain.text() + " is not granted to connector '" + id->account + "/" + std::string(connector) + "'"};
  }
  return this->domain(id->account, domain);
}

Result<void> ControlStore::remove_domain(std::string_view account, const Domain& domain) {
  const auto id = domain_id(account, domain);
  if (!id) return id.error();
  return database_.prepare("DELETE FROM domain WHERE id = ?").bind(id->id).run();
}

}  // namespace sendconn::relay
