// The module sendconn._core: the C++ library for the package sendconn, which puts Python's manners on top. Not for use
// by itself; its names may change with each release.
#include "bindings/python/src/bind.hpp"

namespace sendconn::python {
namespace {

/// An object whose __init__ was not called (Class.__new__(Class), or a subclass that calls a method too early) has
/// nothing in it. When such an object is used, pybind11 asks here for memory, and would take whatever lies in it.
void* refuse_uninitialized(std::size_t /*size*/) {
  throw py::type_error("the object was not initialized: its __init__() must be called first");
}

/// Pickling by the protocols 0 and 1 would make an object of pybind11's own base class, which ends the process.
void refuse_pickling(py::handle self) {
  throw py::type_error("cannot pickle " + std::string(py::str(py::type::handle_of(self).attr("__name__"))));
}

void refuse_what_pybind11_does_not(const py::module_& module) {
  for (const auto& named : py::dict(module.attr("__dict__"))) {
    PyObject* const value = named.second.ptr();
    if (PyType_Check(value) == 0) continue;
    py::detail::type_info* const type = py::detail::get_type_info(reinterpret_cast<PyTypeObject*>(value));
    if (type == nullptr) continue;
    type->operator_new = &refuse_uninitialized;
    const py::handle kind(value);
    if (!kind.attr("__dict__").contains("__reduce__"))
      kind.attr("__reduce__") = py::cpp_function(&refuse_pickling, py::name("__reduce__"), py::is_method(kind));
  }
}

}  // namespace
}  // namespace sendconn::python

PYBIND11_MODULE(_core, module) {
  namespace python = sendconn::python;
  module.doc() = "The C++ part of sendconn; use the package.";
  module.attr("__version__") = SENDCONN_VERSION;
  python::bind_address(module);
  python::bind_resolver(module);
  python::bind_spf(module);
  python::bind_spf_records(module);
  python::bind_dkim_keys(module);
  python::bind_dkim_sign(module);
  python::bind_dkim_verify(module);
  python::bind_dmarc(module);
  python::bind_dmarc_reports(module);
  python::bind_authres(module);
  python::bind_authenticate(module);
  python::bind_ownership(module);
  python::bind_limit(module);
  python::bind_mailer(module);
  python::bind_smtp(module);
  python::bind_smtp_server(module);
  python::bind_smtp_client(module);
  python::bind_tls(module);
  python::refuse_what_pybind11_does_not(module);
}
