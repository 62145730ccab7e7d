// Who answers questions for the functions that block: c-ares under poll(2), a zone, or the caller.
#pragma once

#include <memory>
#include <vector>

#include <sendconn/dns.hpp>

#include "capi/dns.hpp"

struct sendconn_resolver {
  sendconn_resolver() = default;
  sendconn_resolver(const sendconn_resolver&) = delete;
  sendconn_resolver& operator=(const sendconn_resolver&) = delete;
  virtual ~sendconn_resolver() = default;

  /// All of them, in their order; asked at once where that is possible. Throws a Failure.
  std::vector<sendconn::dns::Answer> ask(const std::vector<sendconn::dns::Question>& questions);

  sendconn_log_fn log = nullptr;
  void* log_userdata = nullptr;

 private:
  virtual std::vector<sendconn::dns::Answer> resolve(const std::vector<sendconn::dns::Question>& questions) = 0;
};

namespace sendconn::capi {

/// The body of every sendconn_*_run(): asks until there is nothing to ask any more. `next` gives the next question or
/// null, `answer` takes question and answer.
template <class Next, class TakeAnswer, class Done>
void run(sendconn_resolver& resolver, Next next, TakeAnswer answer, Done done) {
  while (true) {
    std::vector<dns::Question> questions;
    while (const dns::Question* const question = next()) questions.push_back(*question);
    if (questions.empty()) break;
    const std::vector<dns::Answer> answers = resolver.ask(questions);
    for (std::size_t i = 0; i < questions.size(); ++i) answer(questions[i], answers[i]);
  }
  if (!done())
    refuse(SENDCONN_ERR_WRONG_STATE, "a question that was handed out before is still to be answered by the caller");
}

/// For machines whose questions come in groups.
template <class Machine>
void run(sendconn_resolver& resolver, Questions& questions, Machine& machine) {
  run(
      resolver, [&] { return questions.next(machine); },
      [&](const dns::Question& question, const dns::Answer& answer) { machine.answer(question, answer); },
      [&] { return machine.done(); });
}

}  // namespace sendconn::capi
