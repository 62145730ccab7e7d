// Zone::lookup: what an authoritative server for everything would answer (RFC 1034 section 4.3.2, RFC 4592).
#include <algorithm>

#include "lib/base/ascii.hpp"
#include "lib/dns/name.hpp"
#include "lib/dns/zone_data.hpp"

namespace sendconn::dns {
namespace {

using Nodes = std::unordered_map<std::string, Node>;

/// The node for `name`, or the wildcard at its closest encloser (RFC 4592 section 3.3.1).
const Node* find(const Nodes& nodes, const std::string& name) {
  if (const auto exact = nodes.find(name); exact != nodes.end()) return &exact->second;
  std::string above(parent(name));
  while (nodes.count(above) == 0) above = parent(above);  // the root always is
  const auto wildcard = nodes.find(above.empty() ? "*" : "*." + above);
  return wildcard == nodes.end() ? nullptr : &wildcard->second;
}

std::chrono::seconds negative_ttl(const Nodes& nodes, std::string_view name) {
  for (;; name = parent(name)) {
    if (const auto node = nodes.find(std::string(name)); node != nodes.end() && node->second.negative_ttl)
      return *node->second.negative_ttl;
    if (name.empty()) return std::chrono::seconds(0);
  }
}

}  // namespace

Answer Zone::lookup(const Question& question) const {
  Answer answer;
  if (!is_name(question.name)) {
    answer.status = Status::no_such_name;
    return answer;
  }
  std::string name = canonical(question.name);
  std::optional<std::chrono::seconds> ttl;
  const auto shorten = [&](std::chrono::seconds other) { ttl = ttl ? std::min(*ttl, other) : other; };
  const auto finish = [&](Status status) {
    answer.status = status;
    if (status == Status::no_data || status == Status::no_such_name) shorten(negative_ttl(data_->nodes, name));
    answer.ttl = is_temporary(status) ? std::chrono::seconds(0) : ttl.value_or(std::chrono::seconds(0));
    return answer;
  };

  for (;;) {
    const Node* node = find(data_->nodes, name);
    if (node == nullptr) return finish(Status::no_such_name);
    if (const auto failure = node->failures.find(question.type); failure != node->failures.end())
      return finish(failure->second);
    if (node->failure) return finish(*node->failure);
    if (const auto set = node->sets.find(question.type); set != node->sets.end()) {
      answer.records = set->second.records;
      shorten(set->second.ttl);
      return finish(Status::no_error);
    }
    const auto alias = node->sets.find(RecordType::cname);
    if (alias == node->sets.end()) return finish(Status::no_data);
    if (answer.aliases.size() == max_aliases) return finish(Status::server_failure);
    shorten(alias->second.ttl);
    answer.aliases.push_back(alias->second.records.front().text);
    name = answer.aliases.back();
  }
}

std::size_t Zone::size() const noexcept { return data_->records; }

}  // namespace sendconn::dns
