// Drives a check against a little DNS, in several orders of the answers.
#pragma once

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <sendconn/dmarc.hpp>

namespace sendconn::dmarc {

/// What stands where. Names that are not there do not exist, unless a name below them does.
struct LittleDns {
  std::map<std::string, std::vector<std::string>> txt;
  std::map<std::string, dns::Status> failing;
  std::vector<std::string> existing;

  [[nodiscard]] dns::Answer ask(const dns::Question& question) const {
    dns::Answer answer;
    if (const auto failure = failing.find(question.name); failure != failing.end()) {
      answer.status = failure->second;
      return answer;
    }
    if (const auto found = txt.find(question.name); found != txt.end() && question.type == dns::RecordType::txt) {
      for (const std::string& text : found->second) answer.records.push_back({{}, 0, text});
      return answer;
    }
    const auto below = [&](const std::string& name) {
      return name == question.name || name.ends_with("." + question.name);
    };
    const bool exists = std::any_of(txt.begin(), txt.end(), [&](const auto& entry) { return below(entry.first); }) ||
                        std::any_of(existing.begin(), existing.end(), below);
    answer.status = exists ? dns::Status::no_data : dns::Status::no_such_name;
    return answer;
  }
};

enum class Order { forward, backward, shuffled, one_by_one };
inline constexpr Order orders[] = {Order::forward, Order::backward, Order::shuffled, Order::one_by_one};

/// Answers every question until the machine is done. One that never finishes runs out of questions and fails the test.
template <class Machine>
std::vector<dns::Question> drive(Machine& machine, const LittleDns& dns, Order order) {
  std::mt19937 random(4);  // NOLINT: the same order each time
  std::vector<dns::Question> asked;
  std::vector<dns::Question> open;
  while (!machine.done()) {
    for (dns::Question& question : machine.questions()) {
      asked.push_back(question);
      open.push_back(std::move(question));
    }
    if (open.empty()) {
      ADD_FAILURE() << "neither done nor any question left";
      return asked;
    }
    if (order == Order::backward) std::reverse(open.begin(), open.end());
    if (order == Order::shuffled) std::shuffle(open.begin(), open.end(), random);
    if (order == Order::one_by_one) {
      const dns::Question question = open.back();
      open.pop_back();
      machine.answer(question, dns.ask(question));
      machine.answer(question, {});  // a second answer changes nothing
      continue;
    }
    for (const dns::Question& question : open) machine.answer(question, dns.ask(question));
    open.clear();
  }
  EXPECT_TRUE(machine.questions().empty());
  return asked;
}

inline Domain domain(std::string_view text) { return *Domain::parse(text); }

}  // namespace sendconn::dmarc
