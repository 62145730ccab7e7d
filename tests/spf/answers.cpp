// Answers: aliases followed, names without regard to case, as a resolver does it.
#include "tests/spf/answers.hpp"

#include <algorithm>

#include "lib/base/ascii.hpp"

namespace sendconn::spf::test {
namespace {

constexpr int max_aliases = 8;

std::string key(std::string name) {
  if (!name.empty() && name.back() == '.') name.pop_back();
  return ascii::to_lower(name);
}

}  // namespace

Node& Answers::at(const std::string& name) { return nodes_[key(name)]; }

dns::Answer Answers::lookup(const dns::Question& question) const {
  dns::Answer answer;
  answer.ttl = std::chrono::seconds(300);
  std::string name = key(question.name);
  for (int hops = 0; hops <= max_aliases; ++hops) {
    const auto node = nodes_.find(name);
    if (node == nodes_.end()) {
      answer.status = dns::Status::no_such_name;
      return answer;
    }
    if (const auto set = node->second.sets.find(question.type);
        set != node->second.sets.end() && !set->second.empty()) {
      answer.records = set->second;
      return answer;
    }
    const auto alias = node->second.sets.find(dns::RecordType::cname);
    if (alias == node->second.sets.end()) {
      answer.status = node->second.times_out ? dns::Status::timeout : dns::Status::no_data;
      return answer;
    }
    name = key(alias->second.front().text);
    answer.aliases.push_back(name);
  }
  answer.status = dns::Status::server_failure;
  return answer;
}

}  // namespace sendconn::spf::test
