// sendconn.ownership: proof that somebody controls a domain.
#include <sendconn/ownership.hpp>

#include <memory>

#include <sendconn/crypto.hpp>

#include "bindings/python/src/bind.hpp"
#include "bindings/python/src/machine.hpp"
#include "bindings/python/src/words.hpp"

namespace sendconn::python {
namespace {

ValueType& record_type() {
  static auto& type = *new ValueType("sendconn.ownership", "Record");
  return type;
}
ValueType& result_type() {
  static auto& type = *new ValueType("sendconn.ownership", "Result");
  return type;
}

ownership::Challenge take_challenge(py::handle domain, py::handle token, py::handle provider) {
  return need(ownership::Challenge::of(take_text(provider, "provider"), take_domain(domain, "domain"),
                                       need(ownership::Token::parse(take_text(token, "token")))));
}

py::object to_python(const ownership::Record& record) {
  return record_type().make(text(record.name), text(record.text));
}

py::object to_python(const ownership::Outcome& outcome) {
  return result_type().make(word(outcome.verdict), text(outcome.where), text(outcome.explanation));
}

}  // namespace

void bind_ownership(py::module_& module) {
  using Machine = Held<ownership::Check>;
  py::class_<Machine> check(module, "OwnershipCheck");
  check
      .def(py::init([](py::handle domain, py::handle token, py::handle provider) {
        return std::make_unique<Machine>(std::in_place, take_challenge(domain, token, provider));
      }))
      .def_property_readonly("result", [](Machine& self) {
        const Machine::Use machine(self);
        if (!machine->done()) raise_not_done();
        return to_python(machine->outcome());
      });
  add_questions<ownership::Check>(check);

  module.def("ownership_check", [](py::handle domain, py::handle token, py::handle provider, py::handle resolver) {
    ownership::Check machine(take_challenge(domain, token, provider));
    run(machine, resolver);
    return to_python(machine.outcome());
  });
  module.def("ownership_make_token", [] {
    return text(need(ownership::Token::from_random(crypto::random_octets(ownership::Token::octets))).text());
  });
  module.def("ownership_records", [](py::handle domain, py::handle token, py::handle provider) {
    const ownership::Challenge challenge = take_challenge(domain, token, provider);
    return py::make_tuple(to_python(challenge.to_publish()), to_python(challenge.at_label()),
                          to_python(challenge.at_apex()));
  });
}

}  // namespace sendconn::python
