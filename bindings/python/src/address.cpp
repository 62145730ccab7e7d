// sendconn.address: domain names and mailbox addresses; and the form that a message has on the wire.
#include <sendconn/address.hpp>

#include <memory>

#include <sendconn/crypto.hpp>
#include <sendconn/message.hpp>

#include "bindings/python/src/bind.hpp"
#include "bindings/python/src/results.hpp"

namespace sendconn::python {
namespace {

/// Every line end, CRLF or bare LF, as CRLF.
std::string with_crlf(std::string_view local) {
  std::string out;
  out.reserve(local.size() + local.size() / 32);
  std::size_t from = 0;
  for (std::size_t at = local.find('\n'); at != std::string_view::npos; at = local.find('\n', from)) {
    const std::size_t end = at != from && local[at - 1] == '\r' ? at - 1 : at;
    out.append(local.substr(from, end - from)).append("\r\n");
    from = at + 1;
  }
  return out.append(local.substr(from));
}

bool is_local_form(std::string_view message) {
  const std::size_t end = message.find('\n');
  return end != std::string_view::npos && (end == 0 || message[end - 1] != '\r');
}

}  // namespace

WireMessage::WireMessage(py::handle given) : view_(take_octets(given, "message")) {
  if (!is_local_form(view_)) return;
  converted_ = with_crlf(view_);
  view_ = converted_;
}

void bind_address(py::module_& module) {
  py::class_<Address>(module, "Address")
      .def_static(
          "parse", [](py::handle given) { return need(Address::parse(take_text(given, "text"))); }, py::arg("text"))
      .def_property_readonly("local", [](const Address& address) { return text(address.local()); })
      .def_property_readonly("domain", [](const Address& address) { return text(address.domain().text()); })
      .def_property_readonly("needs_smtputf8", &Address::needs_smtputf8)
      .def("__str__", [](const Address& address) { return text(address.format()); })
      .def("__repr__",
           [](const Address& address) {
             return py::str("Address.parse(") + py::repr(text(address.format())) + py::str(")");
           })
      .def("__eq__",
           [](const Address& address, py::handle other) {
             return py::isinstance<Address>(other) && address == other.cast<const Address&>();
           })
      .def("__hash__", [](const Address& address) { return py::hash(text(address.format())); })
      .def("__reduce__", [](const Address& address) {
        // A function of pybind11 cannot be pickled by its name.
        const py::object parse = py::module_::import("sendconn.address").attr("_parse");
        return py::make_tuple(parse, py::make_tuple(text(address.format())));
      });

  module.def("parse_domain", [](py::handle given) { return text(take_domain(given, "text").text()); });
  module.def("display_domain", [](py::handle given) { return text(take_domain(given, "text").display()); });
  module.def("is_within", [](py::handle domain, py::handle other) {
    return take_domain(domain, "domain").is_within(take_domain(other, "other"));
  });
  module.def("parse_address_list", [](py::handle value, py::handle max_addresses) {
    return tuple_of(
        need(mail::parse_address_list(take_text(value, "value"), take_size(max_addresses, "max_addresses"))),
        [](const Address& address) { return py::cast(address); });
  });
  module.def("to_wire", [](const py::object& given) -> py::object {
    const std::string_view view = take_octets(given, "message");
    if (!is_local_form(view)) return given;
    return octets(with_crlf(view));
  });
  module.def("random_octets", [](py::handle size) {
    constexpr std::int64_t most = 65'536;  // for names and tokens, not for streams
    return octets(crypto::random_octets(static_cast<std::size_t>(take_integer(size, "size", 0, most))));
  });
}

}  // namespace sendconn::python
