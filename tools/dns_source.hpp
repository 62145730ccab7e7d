// Who answers the questions of a check on the command line: a zone file, named resolvers, or the system's.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <sendconn/dns.hpp>
#include <sendconn/resolver.hpp>
#include <sendconn/result.hpp>

namespace CLI {
class App;
}

namespace sendconn::tools {

/// Thread-compatible; copies share what was read of the zone file.
struct DnsSource {
  using Clock = std::chrono::steady_clock;
  /// For all questions of a check together: RFC 7208 section 4.6.4 allows a limit of 20 seconds or more. A server that
  /// answers each question late would hold a check of a hundred for half an hour.
  static constexpr std::chrono::seconds max_check_time{20};

  std::string zone;                  ///< a zone file, read at the first question; empty: none
  std::vector<std::string> servers;  ///< "ADDRESS" or "ADDRESS:PORT"; empty: the system's

  /// Adds --zone and --dns-server to a command.
  void add_options(CLI::App& command);
  /// The answers in the order of the questions, all asked at once. What the network has not answered until then is a
  /// timeout. Errc::io, Errc::syntax (the zone file).
  [[nodiscard]] Result<std::vector<dns::Answer>> ask(const std::vector<dns::Question>& questions,
                                                     Clock::time_point until = Clock::time_point::max()) const;

 private:
  mutable std::shared_ptr<io::Resolver> resolver_;  ///< of the zone file, once it was read
};

/// Answers a check's questions until it is done, those behind max_check_time with a timeout. `texts` keeps what stands
/// in TXT records, by name.
template <class Check>
Result<void> drive(Check& check, const DnsSource& source, std::map<std::string, dns::Answer>* texts = nullptr) {
  const auto until = DnsSource::Clock::now() + DnsSource::max_check_time;
  while (!check.done()) {
    const std::vector<dns::Question> questions = check.questions();
    if (questions.empty()) return Error{Errc::wrong_state, "the check waits for nothing, and is not done"};
    const auto answers = source.ask(questions, until);
    if (!answers) return answers.error();
    for (std::size_t i = 0; i < questions.size(); ++i) {
      check.answer(questions[i], (*answers)[i]);
      if (texts != nullptr && questions[i].type == dns::RecordType::txt) (*texts)[questions[i].name] = (*answers)[i];
    }
  }
  return {};
}

}  // namespace sendconn::tools
