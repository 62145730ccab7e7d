// sendconn.dkim: keys, the records that publish them, and what is wrong with such a record.
#include <memory>

#include <sendconn/crypto.hpp>
#include <sendconn/dkim_key.hpp>

#include "bindings/python/src/bind.hpp"
#include "bindings/python/src/dkim.hpp"
#include "bindings/python/src/words.hpp"

namespace sendconn::python {
namespace {

ValueType& key_record_type() {
  static auto& type = *new ValueType("sendconn.dkim", "KeyRecord");
  return type;
}
ValueType& finding_type() {
  static auto& type = *new ValueType("sendconn.dkim", "Finding");
  return type;
}
ValueType& comparison_type() {
  static auto& type = *new ValueType("sendconn.dkim", "KeyComparison");
  return type;
}

/// A passphrase or a key in PEM: wiped from here once used. What Python holds of it is Python's.
class Secret {
 public:
  Secret(py::handle value, const char* what) {
    if (PyBytes_Check(value.ptr()))
      text_ = take_octets(value, what);
    else if (PyUnicode_Check(value.ptr()))
      text_ = take_text(value, what);
    else
      wrong_type(what, "str or bytes", value);
  }
  ~Secret() { crypto::wipe(text_); }
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  [[nodiscard]] std::string_view view() const noexcept { return text_; }

 private:
  std::string text_;
};

Result<crypto::PrivateKey> decode(std::string_view pem, std::string_view passphrase) {
  const py::gil_scoped_release nogil;
  return crypto::PrivateKey::from_pem(pem, passphrase);
}

KeyPointer from_pem(py::handle pem, py::handle passphrase) {
  const Secret given(pem, "pem");
  if (passphrase.is_none()) return std::make_shared<crypto::PrivateKey>(need(decode(given.view(), {})));
  const Secret words(passphrase, "passphrase");
  return std::make_shared<crypto::PrivateKey>(need(decode(given.view(), words.view())));
}

KeyPointer generate(py::handle type, py::handle bits) {
  const auto kind = take_word<crypto::KeyType>(type, "type");
  const auto size = static_cast<unsigned>(take_integer(bits, "bits", 0, 1'000'000));  // generate() knows the range
  const auto make = [kind, size] {
    const py::gil_scoped_release nogil;
    return crypto::PrivateKey::generate(kind, size);
  };
  return std::make_shared<crypto::PrivateKey>(need(make()));
}

py::object to_pem(const crypto::PrivateKey& key, py::handle passphrase) {
  std::string pem;
  if (passphrase.is_none()) {
    pem = need(key.to_pem());
  } else {
    const Secret words(passphrase, "passphrase");
    pem = need(key.to_pem(words.view()));
  }
  const py::str out = text(pem);
  crypto::wipe(pem);
  return out;
}

py::object to_python(const dkim::KeyRecord& record) {
  py::object hashes = py::none();
  if (record.hashes) hashes = texts(*record.hashes);
  return key_record_type().make(text(record.type), hashes, texts(record.services), texts(record.flags),
                                octets(record.notes), octets(record.key));
}

}  // namespace

KeyPointer take_key(py::handle key) {
  if (py::isinstance<crypto::PrivateKey>(key)) return key.cast<KeyPointer>();
  if (PyUnicode_Check(key.ptr()) || PyBytes_Check(key.ptr())) return from_pem(key, py::none());
  wrong_type("key", "a PrivateKey, or its PEM text", key);
}

void bind_dkim_keys(py::module_& module) {
  py::class_<crypto::PrivateKey, KeyPointer>(module, "PrivateKey")
      .def_static("generate", &generate, py::arg("type") = "rsa", py::kw_only(),
                  py::arg("bits") = crypto::PrivateKey::default_rsa_bits)
      .def_static("from_pem", &from_pem, py::arg("pem"), py::kw_only(), py::arg("passphrase") = py::none())
      .def("to_pem", &to_pem, py::kw_only(), py::arg("passphrase") = py::none())
      .def_property_readonly("type", [](const crypto::PrivateKey& key) { return word(key.type()); })
      .def_property_readonly("bits", &crypto::PrivateKey::bits)
      .def_property_readonly("public_octets", [](const crypto::PrivateKey& key) { return octets(key.public_octets()); })
      .def("record", [](const crypto::PrivateKey& key) { return text(dkim::format_key_record(key)); })
      .def(
          "zone_line",
          [](const crypto::PrivateKey& key, py::handle domain, py::handle selector) {
            return text(dkim::format_key_zone_line(take_domain(domain, "domain"), take_selector(selector), key));
          },
          py::kw_only(), py::arg("domain"), py::arg("selector"))
      .def(
          "compare",
          [](const crypto::PrivateKey& key, py::handle record) {
            const dkim::KeyComparison comparison = dkim::compare_key(key, take_text(record, "record"));
            return comparison_type().make(word(comparison.match), text(comparison.explanation));
          },
          py::arg("record"))
      .def("__repr__", [](const crypto::PrivateKey& key) {
        return key.type() == crypto::KeyType::rsa ? "<PrivateKey: RSA, " + std::to_string(key.bits()) + " bits>"
                                                  : std::string("<PrivateKey: Ed25519>");
      });

  py::class_<dkim::KeyCache, std::shared_ptr<dkim::KeyCache>>(module, "KeyCache")
      .def(py::init(
               [](py::handle max_keys) { return std::make_shared<dkim::KeyCache>(take_size(max_keys, "max_keys")); }),
           py::arg("max_keys") = dkim::KeyCache::default_keys)
      .def("__len__", &dkim::KeyCache::size);

  module.def("dkim_parse_key_record",
             [](py::handle given) { return to_python(need(dkim::KeyRecord::parse(take_text(given, "text")))); });
  module.def("dkim_lint_key_record", [](py::handle given) {
    return tuple_of(dkim::lint_key_record(take_text(given, "text")), [](const dkim::Finding& finding) {
      return finding_type().make(word(finding.severity), word(finding.mistake), text(finding.text),
                                 integer(finding.position), integer(finding.length));
    });
  });
}

}  // namespace sendconn::python
