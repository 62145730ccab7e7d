// A certificate for tests and first steps.
#include <sendconn/tls.hpp>

#include "bindings/python/src/bind.hpp"

namespace sendconn::python {

void bind_tls(py::module_& module) {
  module.def("make_self_signed", [](py::handle hostname, py::handle days, py::handle now) {
    const std::string name = take_text(hostname, "hostname");
    const auto length = static_cast<unsigned>(take_integer(days, "days", 0, tls::max_self_signed_days));
    const UnixTime time = take_time(now, "now");
    const auto make = [&] {
      const py::gil_scoped_release nogil;
      return tls::make_self_signed(name, length, time);
    };
    const tls::SelfSigned made = need(make());
    return py::make_tuple(text(made.certificate_pem), text(made.key_pem));
  });
}

}  // namespace sendconn::python
