// sendconn.dkim: verifying, of a message at once or in pieces.
#include <sendconn/dkim_verify.hpp>

#include <chrono>
#include <memory>

#include "bindings/python/src/bind.hpp"
#include "bindings/python/src/machine.hpp"
#include "bindings/python/src/results.hpp"
#include "bindings/python/src/words.hpp"

namespace sendconn::python {
namespace {

ValueType& result_type() {
  static auto& type = *new ValueType("sendconn.dkim", "SignatureResult");
  return type;
}

py::object maybe_time(const std::optional<UnixTime>& time) {
  if (time) return py::int_(seconds(*time));
  return py::none();
}

unsigned take_bits(py::handle value, const char* what) {
  return static_cast<unsigned>(take_integer(value, what, 0, 65'536));
}

dkim::VerifyOptions take_options(py::handle policy, py::handle keys, py::handle now, py::handle max_key_records) {
  dkim::VerifyOptions options;
  options.now = take_time(now, "now");
  options.policy = take_verify_policy(policy);
  options.keys = take_key_cache(keys);
  options.max_key_records = take_size(max_key_records, "max_key_records");
  return options;
}

Result<void> feed(dkim::Verifier& verifier, std::string_view message) {
  const py::gil_scoped_release nogil;
  if (Result<void> taken = verifier.update(message); !taken) return taken;
  return verifier.finish();
}

void bind_verifier(py::module_& module) {
  using Machine = Held<dkim::Verifier>;
  py::class_<Machine> verifier(module, "Verifier");
  verifier
      .def(py::init([](py::handle policy, py::handle keys, py::handle now, py::handle max_key_records) {
             return std::make_unique<Machine>(std::in_place, take_options(policy, keys, now, max_key_records));
           }),
           py::kw_only(), py::arg("policy") = py::none(), py::arg("keys") = py::none(), py::arg("now") = py::none(),
           py::arg("max_key_records") = 4)
      .def(
          "update",
          [](Machine& self, py::handle piece) {
            const std::string_view view = take_octets(piece, "piece");
            const Machine::Use machine(self);
            const auto work = [&machine, view] {
              const py::gil_scoped_release nogil;
              return machine->update(view);
            };
            need(work());
          },
          py::arg("piece"))
      .def("finish",
           [](Machine& self) {
             const Machine::Use machine(self);
             const auto work = [&machine] {
               const py::gil_scoped_release nogil;
               return machine->finish();
             };
             need(work());
           })
      .def_property_readonly("results", [](Machine& self) {
        const Machine::Use machine(self);
        if (!machine->done()) raise_not_done();
        return to_python(machine->results());
      });
  add_questions<dkim::Verifier>(verifier);
}

}  // namespace

dkim::VerifyPolicy take_verify_policy(py::handle policy) {
  dkim::VerifyPolicy out;
  if (policy.is_none()) return out;
  out.allow_sha1 = take_flag(policy.attr("allow_sha1"), "allow_sha1");
  out.min_rsa_bits = take_bits(policy.attr("min_rsa_bits"), "min_rsa_bits");
  out.max_rsa_bits = take_bits(policy.attr("max_rsa_bits"), "max_rsa_bits");
  out.max_signatures = take_size(policy.attr("max_signatures"), "max_signatures");
  out.body_length = take_word<dkim::BodyLength>(policy.attr("body_length"), "body_length");
  out.refuse_expired = take_flag(policy.attr("refuse_expired"), "refuse_expired");
  out.refuse_future = take_flag(policy.attr("refuse_future"), "refuse_future");
  constexpr std::int64_t longest_skew = 1'000'000'000;  // thirty years
  out.clock_skew = std::chrono::seconds(take_integer(policy.attr("clock_skew"), "clock_skew", 0, longest_skew));
  out.require_from = take_flag(policy.attr("require_from"), "require_from");
  out.refuse_unsigned_from = take_flag(policy.attr("refuse_unsigned_from"), "refuse_unsigned_from");
  out.allow_drafts = take_flag(policy.attr("allow_drafts"), "allow_drafts");
  return out;
}

std::shared_ptr<dkim::KeyCache> take_key_cache(py::handle keys) {
  if (keys.is_none()) return nullptr;
  if (!py::isinstance<dkim::KeyCache>(keys)) wrong_type("keys", "KeyCache", keys);
  return keys.cast<std::shared_ptr<dkim::KeyCache>>();
}

py::object to_python(const dkim::SignatureResult& result) {
  py::object length = py::none();
  if (result.body_length) length = py::int_(*result.body_length);
  return result_type().make(word(result.verdict), word(result.reason), text(result.explanation), text(result.domain),
                            text(result.selector), text(result.identity), text(result.algorithm),
                            text(result.signature), word(result.header), word(result.body),
                            maybe_time(result.signed_at), maybe_time(result.expires_at), length,
                            integer(result.unsigned_octets), boolean(result.unsigned_from), integer(result.key_bits),
                            boolean(result.testing), boolean(result.strict), boolean(result.key_authenticated));
}

py::tuple to_python(const std::vector<dkim::SignatureResult>& results) {
  return tuple_of(results, [](const dkim::SignatureResult& result) { return to_python(result); });
}

void bind_dkim_verify(py::module_& module) {
  bind_verifier(module);
  module.def("dkim_verify", [](py::handle message, py::handle resolver, py::handle policy, py::handle keys,
                               py::handle now, py::handle max_key_records) {
    const WireMessage wire(message);
    dkim::Verifier verifier(take_options(policy, keys, now, max_key_records));
    need(feed(verifier, wire.view()));
    run(verifier, resolver);
    return to_python(verifier.results());
  });
  module.def("dkim_option_of",
             [](py::handle reason) { return text(dkim::option_of(take_word<dkim::Reason>(reason, "reason"))); });
}

}  // namespace sendconn::python
