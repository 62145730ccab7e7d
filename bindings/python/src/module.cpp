// The module sendconn._core: the C++ library for the package sendconn, which puts Python's manners on top. Not for use
// by itself; its names may change with each release.
#include "bindings/python/src/bind.hpp"

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
}
