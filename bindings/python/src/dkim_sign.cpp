// sendconn.dkim: signing, of a message at once or in pieces.
#include <chrono>
#include <limits>
#include <memory>

#include <sendconn/dkim.hpp>

#include "bindings/python/src/bind.hpp"
#include "bindings/python/src/dkim.hpp"
#include "bindings/python/src/machine.hpp"
#include "bindings/python/src/results.hpp"
#include "bindings/python/src/words.hpp"

namespace sendconn::python {
namespace {

constexpr std::int64_t longest_seconds = 9'999'999'999;  // as wide as the times that the signer takes

/// Everything that says how one signature is made, as sendconn/dkim.py hands it over.
dkim::Signature make_signature(py::handle domain, py::handle selector, py::handle key, py::handle identity,
                               py::handle header, py::handle body, py::handle timestamp, py::handle expires_in,
                               py::handle copy_fields, py::handle body_length) {
  dkim::Signature signature{take_domain(domain, "domain"), take_selector(selector), take_key(key), {}};
  dkim::SignatureOptions& options = signature.options;
  options.identity = take_text(identity, "identity");
  options.header = take_word<dkim::Canonicalization>(header, "header");
  options.body = take_word<dkim::Canonicalization>(body, "body");
  options.timestamp = take_flag(timestamp, "timestamp");
  if (!expires_in.is_none())
    options.expires_in = std::chrono::seconds(
        take_integer(expires_in, "expires_in", std::numeric_limits<std::int32_t>::min(), longest_seconds));
  options.copy_fields = take_flag(copy_fields, "copy_fields");
  if (!body_length.is_none()) options.force_body_length = take_size(body_length, "body_length");
  return signature;
}

dkim::SignerOptions take_options(py::handle fields, py::handle now) {
  dkim::SignerOptions options;
  options.now = take_time(now, "now");
  options.fields = take_signed_fields(fields);
  return options;
}

Result<std::string> sign_without_gil(dkim::Signer& signer, std::string_view message) {
  const py::gil_scoped_release nogil;
  if (Result<void> taken = signer.update(message); !taken) return taken.error();
  return signer.finish();
}

py::object sign(py::handle message, std::vector<dkim::Signature> signatures, py::handle fields, py::handle now) {
  const WireMessage wire(message);
  dkim::Signer signer = need(dkim::Signer::create(std::move(signatures), take_options(fields, now)));
  return octets(need(sign_without_gil(signer, wire.view())));
}

/// Below this, letting go of the GIL costs more than the work.
constexpr std::size_t worth_releasing = 16'384;

void bind_signer(py::module_& module) {
  using Machine = Held<dkim::Signer>;
  py::class_<Machine>(module, "Signer")
      .def(py::init([](py::handle signatures, py::handle fields, py::handle now) {
             return std::make_unique<Machine>(
                 std::in_place, need(dkim::Signer::create(take_signatures(signatures), take_options(fields, now))));
           }),
           py::arg("signatures"), py::kw_only(), py::arg("fields") = py::none(), py::arg("now") = py::none())
      .def(
          "update",
          [](Machine& self, py::handle piece) {
            const std::string_view view = take_octets(piece, "piece");
            const Machine::Use machine(self);
            if (view.size() < worth_releasing) {
              need(machine->update(view));
              return;
            }
            const auto work = [&machine, view] {
              const py::gil_scoped_release nogil;
              return machine->update(view);
            };
            need(work());
          },
          py::arg("piece"))
      .def("finish", [](Machine& self) {
        const Machine::Use machine(self);
        const auto work = [&machine] {
          const py::gil_scoped_release nogil;
          return machine->finish();
        };
        return octets(need(work()));
      });
}

}  // namespace

dkim::Selector take_selector(py::handle selector) {
  return need(dkim::Selector::parse(take_text(selector, "selector")));
}

std::vector<dkim::Signature> take_signatures(py::handle signatures) {
  return take_list(signatures, "signatures", [](py::handle one) {
    if (!py::isinstance<dkim::Signature>(one)) wrong_type("a signature", "Signature", one);
    return one.cast<dkim::Signature>();
  });
}

dkim::SignedFields take_signed_fields(py::handle fields) {
  if (fields.is_none()) return {};
  if (!py::isinstance<dkim::SignedFields>(fields)) wrong_type("fields", "SignedFields", fields);
  return fields.cast<const dkim::SignedFields&>();
}

void bind_dkim_sign(py::module_& module) {
  py::class_<dkim::SignedFields>(module, "SignedFields")
      .def(py::init([](py::handle oversigned, py::handle where_present) {
             const dkim::SignedFields defaults;
             return need(dkim::SignedFields::create(
                 oversigned.is_none() ? defaults.oversigned() : take_texts(oversigned, "oversigned"),
                 where_present.is_none() ? defaults.where_present() : take_texts(where_present, "where_present")));
           }),
           py::kw_only(), py::arg("oversigned") = py::none(), py::arg("where_present") = py::none())
      .def_property_readonly("oversigned", [](const dkim::SignedFields& fields) { return texts(fields.oversigned()); })
      .def_property_readonly("where_present",
                             [](const dkim::SignedFields& fields) { return texts(fields.where_present()); });

  py::class_<dkim::Signature>(module, "Signature")
      .def(py::init(&make_signature), py::kw_only(), py::arg("domain"), py::arg("selector"), py::arg("key"),
           py::arg("identity") = "", py::arg("header") = "relaxed", py::arg("body") = "relaxed",
           py::arg("timestamp") = true, py::arg("expires_in") = py::none(), py::arg("copy_fields") = false,
           py::arg("body_length") = py::none())
      .def_property_readonly("domain", [](const dkim::Signature& signature) { return text(signature.domain.text()); })
      .def_property_readonly("selector",
                             [](const dkim::Signature& signature) { return text(signature.selector.text()); })
      .def("__repr__", [](const dkim::Signature& signature) {
        return "<Signature by " + signature.selector.text() + "._domainkey." + signature.domain.text() + ">";
      });

  bind_signer(module);
  module.def("dkim_sign",
             [](py::handle message, py::handle domain, py::handle selector, py::handle key, py::handle identity,
                py::handle header, py::handle body, py::handle timestamp, py::handle expires_in, py::handle copy_fields,
                py::handle body_length, py::handle fields, py::handle now) {
               std::vector<dkim::Signature> signatures;
               signatures.push_back(make_signature(domain, selector, key, identity, header, body, timestamp, expires_in,
                                                   copy_fields, body_length));
               return sign(message, std::move(signatures), fields, now);
             });
  module.def("dkim_sign_all", [](py::handle message, py::handle signatures, py::handle fields, py::handle now) {
    return sign(message, take_signatures(signatures), fields, now);
  });
}

}  // namespace sendconn::python
