// sendconn.spf: checks, blocking and stepwise.
#include <sendconn/spf.hpp>

#include <memory>

#include "bindings/python/src/bind.hpp"
#include "bindings/python/src/machine.hpp"
#include "bindings/python/src/results.hpp"
#include "bindings/python/src/words.hpp"

namespace sendconn::python {
namespace {

ValueType& step_type() {
  static auto& type = *new ValueType("sendconn.spf", "Step");
  return type;
}
ValueType& trace_type() {
  static auto& type = *new ValueType("sendconn.spf", "TraceLine");
  return type;
}
ValueType& result_type() {
  static auto& type = *new ValueType("sendconn.spf", "Result");
  return type;
}

/// spf::Check with the verbs of the other machines.
class SpfMachine {
 public:
  SpfMachine(spf::Options options, const spf::Request& request) : check_(spf::make_check(std::move(options))) {
    check_->start(request);
  }
  std::vector<dns::Question> questions() { return check_->questions(); }
  void answer(const dns::Question& question, const dns::Answer& answer) { check_->answer(question, answer); }
  [[nodiscard]] bool done() const noexcept { return check_->done(); }
  [[nodiscard]] spf::Outcome outcome() const { return check_->outcome(); }

 private:
  std::unique_ptr<spf::Check> check_;
};

unsigned take_limit(py::handle value, const char* what) {
  constexpr std::int64_t highest = 1'000'000;  // more look-ups than any check could make
  return static_cast<unsigned>(take_integer(value, what, 0, highest));
}

/// What is checked, with the texts that the request points to.
struct Inputs {
  std::string helo;
  std::string mail_from;
  spf::Request request;

  Inputs(py::handle ip, py::handle helo_name, py::handle sender, py::handle identity, py::handle now)
      : helo(take_text(helo_name, "helo")), mail_from(take_text(sender, "mail_from")) {
    request.client = take_ip(ip, "ip");
    request.helo = helo;
    request.mail_from = mail_from;
    request.identity = take_word<spf::Identity>(identity, "identity");
    request.now = take_time(now, "now");
  }
};

SpfMachine make_machine(py::handle ip, py::handle helo, py::handle mail_from, py::handle identity, py::handle now,
                        py::handle options) {
  const Inputs inputs(ip, helo, mail_from, identity, now);
  return {take_spf_options(options), inputs.request};
}

}  // namespace

spf::Options take_spf_options(py::handle options) {
  spf::Options out;
  if (options.is_none()) return out;
  out.receiver = take_text(options.attr("receiver"), "receiver");
  out.explanation = take_flag(options.attr("explain"), "explain");
  out.default_explanation = take_text(options.attr("default_explanation"), "default_explanation");
  out.trace = take_flag(options.attr("trace"), "trace");
  out.limits.lookups = take_limit(options.attr("max_lookups"), "max_lookups");
  out.limits.void_lookups = take_limit(options.attr("max_void_lookups"), "max_void_lookups");
  out.limits.mx_names = take_limit(options.attr("max_mx_names"), "max_mx_names");
  out.limits.ptr_names = take_limit(options.attr("max_ptr_names"), "max_ptr_names");
  out.limits.void_counting = take_word<spf::VoidCounting>(options.attr("void_counting"), "void_counting");
  const py::object records = options.attr("records");
  if (!records.is_none()) out.records = records.cast<std::shared_ptr<spf::RecordCache>>();
  return out;
}

py::object to_python(const spf::Outcome& outcome) {
  py::object matched = py::none();
  if (outcome.reason == spf::Reason::matched && !outcome.path.empty()) matched = text(outcome.path.back().term);
  return result_type().make(
      word(outcome.verdict), word(outcome.reason), matched, text(outcome.text), text(outcome.explanation),
      boolean(outcome.explained), word(outcome.identity), text(outcome.domain), text(outcome.sender),
      integer(outcome.lookups), integer(outcome.void_lookups), py::int_(outcome.ttl.count()),
      tuple_of(outcome.path,
               [](const spf::Step& step) {
                 return step_type().make(text(step.domain), text(step.term), integer(step.position));
               }),
      tuple_of(outcome.trace,
               [](const spf::TraceLine& line) { return trace_type().make(integer(line.depth), text(line.text)); }));
}

spf::Outcome take_spf_outcome(py::handle result) {
  if (!result_type().made(result)) wrong_type("result", "sendconn.spf.Result", result);
  spf::Outcome outcome;
  outcome.verdict = take_word<spf::Verdict>(result.attr("result"), "result");
  outcome.reason = take_word<spf::Reason>(result.attr("reason"), "reason");
  outcome.identity = take_word<spf::Identity>(result.attr("identity"), "identity");
  outcome.domain = take_text(result.attr("domain"), "domain");
  outcome.sender = take_text(result.attr("sender"), "sender");
  outcome.text = take_text(result.attr("text"), "text");
  outcome.explanation = take_text(result.attr("explanation"), "explanation");
  outcome.explained = take_flag(result.attr("explained"), "explained");
  outcome.path = take_list(result.attr("path"), "path", [](py::handle step) {
    return spf::Step{take_text(step.attr("domain"), "domain"), take_text(step.attr("term"), "term"),
                     take_size(step.attr("position"), "position")};
  });
  return outcome;
}

void bind_spf(py::module_& module) {
  using Machine = Held<SpfMachine>;
  py::class_<Machine> check(module, "SpfCheck");
  check
      .def(py::init([](py::handle ip, py::handle helo, py::handle mail_from, py::handle identity, py::handle now,
                       py::handle options) {
        return std::make_unique<Machine>(std::in_place, make_machine(ip, helo, mail_from, identity, now, options));
      }))
      .def_property_readonly("result", [](Machine& self) {
        const Machine::Use machine(self);
        if (!machine->done()) raise_not_done();
        return to_python(machine->outcome());
      });
  add_questions<SpfMachine>(check);

  module.def("spf_check", [](py::handle ip, py::handle helo, py::handle mail_from, py::handle resolver,
                             py::handle identity, py::handle now, py::handle options) {
    SpfMachine machine = make_machine(ip, helo, mail_from, identity, now, options);
    run(machine, resolver);
    return to_python(machine.outcome());
  });
}

}  // namespace sendconn::python
