// sendconn.authentication: SPF, DKIM and DMARC of a whole message.
#include <sendconn/authenticate.hpp>

#include <memory>

#include "bindings/python/src/bind.hpp"
#include "bindings/python/src/machine.hpp"
#include "bindings/python/src/results.hpp"
#include "bindings/python/src/values.hpp"

namespace sendconn::python {
namespace {

using python::to_python;  // besides those of this file

ValueType& results_type() {
  static auto& type = *new ValueType("sendconn.authentication", "Results");
  return type;
}

/// `authserv_id`: None, or the name under which the results become a field.
py::object to_python(const authenticate::Results& results, py::handle authserv_id) {
  py::object helo = py::none();
  if (results.helo) helo = to_python(*results.helo);
  const std::string id = authserv_id.is_none() ? std::string() : take_text(authserv_id, "authserv_id");
  return results_type().make(
      to_python(results.spf), helo, boolean(results.null_sender), to_python(results.dkim),
      tuple_of(results.authors, [](const Domain& author) { return text(author.text()); }), text(results.problem),
      to_python(results.dmarc),
      tuple_of(results.dmarc_checks, [](const dmarc::Outcome& outcome) { return to_python(outcome); }),
      to_python(authenticate::to_authres(results, id)));
}

authenticate::Check make_check(py::handle ip, py::handle helo, py::handle mail_from, py::handle now, py::handle spf,
                               py::handle dkim, py::handle keys, py::handle several_authors, py::handle max_authors) {
  authenticate::Envelope envelope;
  envelope.client = take_ip(ip, "ip");
  envelope.helo = take_text(helo, "helo");
  envelope.mail_from = take_text(mail_from, "mail_from");
  envelope.now = take_time(now, "now");
  authenticate::Options options;
  options.spf = take_spf_options(spf);
  options.dkim = take_verify_policy(dkim);
  options.keys = take_key_cache(keys);
  options.dmarc = take_dmarc_options(several_authors, max_authors);
  return authenticate::Check(envelope, options);
}

}  // namespace

void bind_authenticate(py::module_& module) {
  using Machine = Held<authenticate::Check>;
  py::class_<Machine> check(module, "AuthenticationCheck");
  check
      .def(py::init([](py::handle ip, py::handle helo, py::handle mail_from, py::handle now, py::handle spf,
                       py::handle dkim, py::handle keys, py::handle several_authors, py::handle max_authors) {
        return std::make_unique<Machine>(
            std::in_place, make_check(ip, helo, mail_from, now, spf, dkim, keys, several_authors, max_authors));
      }))
      .def(
          "update",
          [](Machine& self, py::handle piece) {
            const std::string_view view = take_octets(piece, "piece");
            const Machine::Use machine(self);
            const py::gil_scoped_release nogil;
            machine->update(view);
          },
          py::arg("piece"))
      .def("finish",
           [](Machine& self) {
             const Machine::Use machine(self);
             const py::gil_scoped_release nogil;
             machine->finish();
           })
      .def("give_up",
           [](Machine& self) {
             const Machine::Use machine(self);
             const py::gil_scoped_release nogil;
             machine->give_up();
           })
      .def("results", [](Machine& self, py::handle authserv_id) {
        const Machine::Use machine(self);
        if (!machine->done()) raise_not_done();
        return to_python(machine->results(), authserv_id);
      });
  add_questions<authenticate::Check>(check);

  module.def("authenticate", [](py::handle message, py::handle ip, py::handle helo, py::handle mail_from,
                                py::handle resolver, py::handle authserv_id, py::handle now, py::handle spf,
                                py::handle dkim, py::handle keys, py::handle several_authors, py::handle max_authors) {
    const WireMessage wire(message);
    authenticate::Check machine = make_check(ip, helo, mail_from, now, spf, dkim, keys, several_authors, max_authors);
    {
      const py::gil_scoped_release nogil;
      machine.update(wire.view());
      machine.finish();
    }
    run(machine, resolver);
    return to_python(machine.results(), authserv_id);
  });
}

}  // namespace sendconn::python
