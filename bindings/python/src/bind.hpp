// Each part adds what it offers to the module _core.
#pragma once

#include "bindings/python/src/python.hpp"

namespace sendconn::python {

void bind_address(py::module_& module);
void bind_resolver(py::module_& module);
void bind_spf(py::module_& module);
void bind_spf_records(py::module_& module);
void bind_dkim_keys(py::module_& module);
void bind_dkim_sign(py::module_& module);
void bind_dkim_verify(py::module_& module);
void bind_dmarc(py::module_& module);
void bind_dmarc_reports(py::module_& module);
void bind_authres(py::module_& module);
void bind_authenticate(py::module_& module);
void bind_ownership(py::module_& module);
void bind_limit(py::module_& module);
void bind_mailer(py::module_& module);
void bind_smtp(py::module_& module);
void bind_smtp_server(py::module_& module);
void bind_smtp_client(py::module_& module);
void bind_tls(py::module_& module);

}  // namespace sendconn::python
