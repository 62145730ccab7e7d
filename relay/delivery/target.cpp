#include "relay/delivery/target.hpp"

#include <algorithm>
#include <random>
#include <utility>

#include "relay/config/domain_pattern.hpp"

namespace sendconn::relay {
namespace {

std::uint32_t draw() {
  thread_local std::mt19937 engine{std::random_device{}()};
  return static_cast<std::uint32_t>(engine());
}

/// Collects the addresses of all hosts, then puts them in the order of the hosts.
class Lookup : public std::enable_shared_from_this<Lookup> {
 public:
  using Done = std::function<void(Endpoints)>;
  /// `checked`: MX names come from strangers; a smarthost is the operator's own word.
  Lookup(const Surroundings& surroundings, bool checked, std::uint16_t port, Done done)
      : surroundings_(surroundings), checked_(checked), port_(port), done_(std::move(done)) {}

  void start(io::Resolver& resolver, const std::vector<std::string>& names) {
    open_ = names.size() * 2;
    hosts_.resize(names.size());
    for (std::size_t i = 0; i < names.size(); ++i) {
      hosts_[i].name = names[i];
      for (const dns::RecordType type : {dns::RecordType::aaaa, dns::RecordType::a})
        resolver.resolve({names[i], type}, [self = shared_from_this(), i, type](const dns::Answer& answer) {
          self->take(i, type, answer);
        });
    }
  }

 private:
  struct Host {
    std::string name;
    std::vector<IpAddress> v6;
    std::vector<IpAddress> v4;
  };

  void take(std::size_t i, dns::RecordType type, const dns::Answer& answer) {
    temporary_ = temporary_ || dns::is_temporary(answer.status);
    for (const dns::Record& record : answer.records) {
      if (checked_ && !route::is_allowed(record.address, surroundings_.addresses)) {
        forbidden_ = true;
        continue;
      }
      (type == dns::RecordType::aaaa ? hosts_[i].v6 : hosts_[i].v4).push_back(record.address);
    }
    if (--open_ == 0) finish();
  }

  void finish() {
    Endpoints endpoints;
    const auto add = [&](const Host& host, const IpAddress& address) {
      if (endpoints.list.size() < route::max_addresses) endpoints.list.push_back({host.name, address, port_});
    };
    for (const Host& host : hosts_) {
      // Alternating families: a network without IPv6 loses one try, not all of them (RFC 8305 section 4).
      for (std::size_t i = 0; i < std::max(host.v6.size(), host.v4.size()); ++i) {
        if (i < host.v6.size()) add(host, host.v6[i]);
        if (i < host.v4.size()) add(host, host.v4[i]);
      }
    }
    if (endpoints.list.empty()) endpoints.refusal = refusal();
    // A smarthost is the operator's setting: while its name is wrong or gone, mail waits.
    if (endpoints.refusal && !checked_) endpoints.refusal = {451, {4, 4, 3}, "the smarthost's name has no address"};
    done_(std::move(endpoints));
  }

  [[nodiscard]] Reply refusal() const {
    if (temporary_) return {451, {4, 4, 3}, "the DNS does not answer for the addresses of the mail server"};
    if (forbidden_) return {550, {5, 4, 4}, "the mail server's addresses are this relay's own, private or reserved"};
    return {550, {5, 4, 4}, "no mail server of the domain has an address"};
  }

  const Surroundings& surroundings_;
  const bool checked_;
  const std::uint16_t port_;
  Done done_;
  std::vector<Host> hosts_;
  std::size_t open_ = 0;
  bool temporary_ = false;
  bool forbidden_ = false;
};

}  // namespace

RouteTable::RouteTable(const std::vector<RouteConfig>& routes) {
  for (const RouteConfig& route : routes) {
    auto smarthost = std::make_shared<const SmarthostConfig>(route.smarthost);
    // Routes to the same server with the same settings still are different routes: one key each keeps TLS settings and
    // credentials of one from being used for the other.
    entries_.push_back({route.domains, smarthost,
                        "smarthost " + std::to_string(entries_.size() + 1) + " " + smarthost->host + ":" +
                            std::to_string(smarthost->port)});
  }
}

Destination RouteTable::find(const std::string& domain) const {
  for (const Entry& entry : entries_)
    for (const std::string& pattern : entry.patterns)
      if (matches_domain(pattern, domain)) return {entry.key, {}, entry.smarthost};
  return {domain, domain, nullptr};
}

std::vector<std::shared_ptr<const SmarthostConfig>> RouteTable::smarthosts() const {
  std::vector<std::shared_ptr<const SmarthostConfig>> all;
  for (const Entry& entry : entries_) all.push_back(entry.smarthost);
  return all;
}

void find_endpoints(io::Resolver& resolver, const Config& config, const Surroundings& surroundings,
                    const Destination& destination, std::function<void(Endpoints)> done) {
  if (const auto& smarthost = destination.smarthost) {
    if (const auto address = IpAddress::parse(smarthost->host))
      return done({{{smarthost->host, *address, smarthost->port}}, {}});
    std::make_shared<Lookup>(surroundings, false, smarthost->port, std::move(done))->start(resolver, {smarthost->host});
    return;
  }
  auto domain = Domain::parse(destination.domain);
  if (!domain) return done({{}, Reply{550, {5, 1, 2}, domain.error().text}});
  resolver.resolve({destination.domain, dns::RecordType::mx}, [&resolver, &config, &surroundings, domain = *domain,
                                                               done = std::move(done)](const dns::Answer& answer) {
    const route::Plan plan = route::plan_mx(domain, answer, surroundings.own_names, draw);
    if (plan.hosts.empty()) return done({{}, plan.refusal});
    std::make_shared<Lookup>(surroundings, true, config.mx_port, done)->start(resolver, plan.hosts);
  });
}

}  // namespace sendconn::relay
