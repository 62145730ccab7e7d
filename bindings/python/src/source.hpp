// Who answers a machine's questions: something of our own, asked without the GIL, or whatever Python gives.
#pragma once

#include <vector>

#include "bindings/python/src/answers.hpp"

namespace sendconn::python {

/// Answers without Python: a zone in memory, or the resolver over the network. Thread-safe.
class Source {
 public:
  virtual ~Source() = default;
  Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  /// Called without the GIL; takes it now and then while it waits, so that Ctrl-C ends the wait (error_already_set).
  virtual std::vector<dns::Answer> ask(const std::vector<dns::Question>& questions) = 0;
  /// Questions cost nothing, so that it is not worth asking several before the machine says whether it needs them.
  [[nodiscard]] virtual bool is_at_hand() const noexcept { return false; }
};

/// The Source in an object of Python's, or null.
Source* source_of(py::handle resolver);

/// The machine waits, but has no question: its message has not ended.
[[noreturn]] void raise_not_ended();

/// Without the GIL.
template <class Machine>
void run_with_source(Machine& machine, Source& source, bool& waits) {
  while (!machine.done()) {
    const std::vector<dns::Question> questions = machine.questions();
    if (questions.empty()) {
      waits = true;
      return;
    }
    if (!source.is_at_hand()) {
      const std::vector<dns::Answer> answers = source.ask(questions);
      for (std::size_t i = 0; i != questions.size() && !machine.done(); ++i) machine.answer(questions[i], answers[i]);
      continue;
    }
    for (const dns::Question& question : questions) {
      if (machine.done()) break;
      machine.answer(question, source.ask({question}).front());
    }
  }
}

/// Asks `resolver` until the machine is done. With the GIL; released where no Python is needed.
template <class Machine>
void run(Machine& machine, py::handle resolver) {
  bool waits = false;
  if (Source* source = source_of(resolver)) {
    const py::gil_scoped_release nogil;
    run_with_source(machine, *source, waits);
  } else {
    if (PyCallable_Check(resolver.ptr()) == 0) wrong_type("resolver", "a callable, a Zone or a Resolver", resolver);
    while (!machine.done() && !waits) {
      const std::vector<dns::Question> questions = machine.questions();
      waits = questions.empty();
      for (const dns::Question& question : questions) {
        if (machine.done()) break;
        const dns::Answer answer = call_resolver(resolver, question);
        const py::gil_scoped_release nogil;
        machine.answer(question, answer);
      }
    }
  }
  if (waits) raise_not_ended();
}

}  // namespace sendconn::python
