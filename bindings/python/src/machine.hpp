// A machine that Python holds: used by one call at a time, and driven by questions and answers.
#pragma once

#include <atomic>
#include <utility>

#include "bindings/python/src/source.hpp"

namespace sendconn::python {

[[noreturn]] void raise_in_use();

/// Machines are thread-compatible, and calls let go of the GIL or call back into Python: a second call meanwhile, from
/// another thread or from the resolver, is refused with StateError.
template <class Machine>
class Held {
 public:
  template <class... Arguments>
  explicit Held(std::in_place_t, Arguments&&... arguments) : machine_(std::forward<Arguments>(arguments)...) {}

  class Use {
   public:
    explicit Use(Held& held) : held_(held) {
      if (held.in_use_.exchange(true)) raise_in_use();
    }
    ~Use() { held_.in_use_ = false; }
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;
    Machine& operator*() const noexcept { return held_.machine_; }
    Machine* operator->() const noexcept { return &held_.machine_; }

   private:
    Held& held_;
  };

 private:
  std::atomic<bool> in_use_ = false;
  Machine machine_;
};

/// The methods that every machine with questions has.
template <class Machine>
void add_questions(py::class_<Held<Machine>>& type) {
  using Use = typename Held<Machine>::Use;
  type.def("questions",
           [](Held<Machine>& self) {
             const Use machine(self);
             return to_python(machine->questions());
           })
      .def(
          "answer",
          [](Held<Machine>& self, py::handle question, py::handle answer) {
            const dns::Question asked = take_question(question);
            const dns::Answer given = take_answer(answer, asked.type);
            const Use machine(self);
            const py::gil_scoped_release nogil;
            machine->answer(asked, given);
          },
          py::arg("question"), py::arg("answer"))
      .def(
          "run",
          [](Held<Machine>& self, py::handle resolver) {
            const Use machine(self);
            run(*machine, resolver);
          },
          py::arg("resolver"))
      .def_property_readonly("done", [](Held<Machine>& self) {
        const Use machine(self);
        return machine->done();
      });
}

/// A result that is asked for before the machine has one.
[[noreturn]] void raise_not_done();

}  // namespace sendconn::python
