// Answers for checks in tests: a map that stands for the DNS, and the ways to drive a check with it.
#pragma once

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <sendconn/dns.hpp>
#include <sendconn/spf.hpp>

namespace sendconn::spf::test {

/// A name's records. A type that was set to nothing answers no_data, or times out if the name does.
struct Node {
  std::map<dns::RecordType, std::vector<dns::Record>> sets;
  bool times_out = false;  ///< for every type that has no records
};

class Answers {
 public:
  Node& at(const std::string& name);
  [[nodiscard]] dns::Answer lookup(const dns::Question& question) const;

 private:
  std::map<std::string, Node> nodes_;  ///< lower case, no trailing dot
};

/// One question after the other, each answered at once.
template <class Lookup>
void drive(Check& check, Lookup&& lookup) {
  while (!check.done()) {
    const dns::Question* question = check.next_question();
    if (question == nullptr) return;  // the caller sees that it is not done
    check.answer(*question, lookup(*question));
  }
}

/// Every question that there is, answered in random order, amid answers that nobody asked for and second ones.
template <class Lookup>
void drive_shuffled(Check& check, Lookup&& lookup, std::mt19937& random) {
  std::vector<dns::Question> open;
  std::vector<dns::Question> answered;
  dns::Answer lie;
  lie.records.push_back({IpAddress(), 0, "v=spf1 +all"});
  while (!check.done()) {
    for (dns::Question& question : check.questions()) open.push_back(std::move(question));
    if (open.empty()) return;
    const std::size_t chosen = random() % open.size();
    const auto is_open = [&open](const dns::Question& question) {
      return std::find(open.begin(), open.end(), question) != open.end();
    };
    const dns::Question never_asked{"never.asked.example", dns::RecordType::txt};
    if (!is_open(never_asked)) check.answer(never_asked, lie);  // a fuzzer learns names from comparisons
    check.answer({open[chosen].name, dns::RecordType::ns}, lie);
    if (!answered.empty()) {
      // A second answer to what an earlier stage asked; what is asked again now is not one.
      const dns::Question& earlier = answered[random() % answered.size()];
      if (!is_open(earlier)) check.answer(earlier, lie);
    }
    check.answer(open[chosen], lookup(open[chosen]));
    answered.push_back(open[chosen]);
    open.erase(open.begin() + static_cast<std::ptrdiff_t>(chosen));
  }
}

}  // namespace sendconn::spf::test
