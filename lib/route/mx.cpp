// plan_mx: the hosts of a domain in the order to try them (RFC 5321 section 5.1, RFC 7505).
#include <algorithm>
#include <map>
#include <utility>

#include <sendconn/route.hpp>

#include "lib/base/ascii.hpp"

namespace sendconn::route {
namespace {

Plan refuse(std::uint16_t code, EnhancedCode enhanced, std::string text) {
  return {{}, Reply{code, enhanced, std::move(text)}};
}

bool is_ours(const std::string& host, const std::vector<std::string>& own_names) {
  return std::any_of(own_names.begin(), own_names.end(), [&](std::string_view own) {
    if (!own.empty() && own.back() == '.') own.remove_suffix(1);
    return ascii::equal(host, own);
  });
}

Plan loops_back(const Domain& domain) {
  return refuse(554, {5, 4, 6}, "mail for " + domain.text() + " loops back to ourselves (RFC 5321 section 5.1)");
}

/// The names of an MX set by preference; what no mail can go to is left out, and the last such name is kept to tell.
struct Hosts {
  std::map<std::string, std::uint16_t> preferences;  ///< a name that comes twice has its best
  bool has_null = false;
  std::string unusable;
};

Hosts sort_out(const std::vector<dns::Record>& records) {
  Hosts hosts;
  for (const dns::Record& record : records) {
    if (record.text.empty() || record.text == ".") {
      hosts.has_null = true;
      continue;
    }
    const auto name = Domain::parse(record.text);
    if (!name || IpAddress::parse(record.text)) {  // an address is no name (RFC 1035 section 3.3.9)
      hosts.unusable = record.text;
      continue;
    }
    const auto [at, is_new] = hosts.preferences.try_emplace(name->text(), record.preference);
    if (!is_new) at->second = std::min(at->second, record.preference);
  }
  return hosts;
}

/// Fisher and Yates; a bias of one in 2^32 divided by the number of hosts does not matter for load.
void shuffle(std::vector<std::string>::iterator first, std::vector<std::string>::iterator last,
             const std::function<std::uint32_t()>& random) {
  for (auto left = static_cast<std::uint32_t>(last - first); left > 1; --left)
    std::iter_swap(first + left - 1, first + random() % left);
}

std::vector<std::string> in_order(const std::map<std::string, std::uint16_t>& preferences, std::uint32_t below,
                                  const std::function<std::uint32_t()>& random) {
  std::map<std::uint16_t, std::vector<std::string>> groups;
  for (const auto& [name, preference] : preferences)
    if (preference < below) groups[preference].push_back(name);
  std::vector<std::string> out;
  for (auto& [preference, names] : groups) {
    shuffle(names.begin(), names.end(), random);
    for (std::string& name : names) {
      if (out.size() == max_hosts) return out;
      out.push_back(std::move(name));
    }
  }
  return out;
}

Plan implicit_mx(const Domain& domain, const std::vector<std::string>& own_names) {
  if (is_ours(domain.text(), own_names)) return loops_back(domain);
  return {{domain.text()}, std::nullopt};
}

/// For a reply: one line of printable ASCII, bounded.
std::string printable(std::string_view text) {
  std::string out(text.substr(0, Domain::max_octets));
  std::replace_if(
      out.begin(), out.end(), [](char c) { return c < ' ' || c == 0x7f; }, '?');
  return out;
}

}  // namespace

Plan plan_mx(const Domain& domain, const dns::Answer& mx, const std::vector<std::string>& own_names,
             const std::function<std::uint32_t()>& random) {
  if (dns::is_temporary(mx.status))
    return refuse(
        451, {4, 4, 3},
        "the DNS did not answer for the MX of " + domain.text() + " (" + std::string(dns::format(mx.status)) + ")");
  if (mx.status == dns::Status::no_such_name)
    return refuse(550, {5, 1, 2}, "the domain " + domain.text() + " does not exist");
  if (mx.records.empty()) return implicit_mx(domain, own_names);

  const Hosts hosts = sort_out(mx.records);
  if (hosts.preferences.empty()) {
    if (!hosts.unusable.empty())
      return refuse(550, {5, 4, 4},
                    "the MX of " + domain.text() + " names \"" + printable(hosts.unusable) +
                        "\", which is not a host name (RFC 5321 section 5.1)");
    return refuse(556, {5, 1, 10}, domain.text() + " accepts no mail: null MX (RFC 7505)");
  }
  std::uint32_t below = 0x10000;
  for (const auto& [name, preference] : hosts.preferences)
    if (is_ours(name, own_names)) below = std::min<std::uint32_t>(below, preference);
  Plan plan{in_order(hosts.preferences, below, random), std::nullopt};
  return plan.hosts.empty() ? loops_back(domain) : plan;
}

}  // namespace sendconn::route
