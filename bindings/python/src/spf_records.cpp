// sendconn.spf: records parsed, linted, changed and split, and the field Received-SPF.
#include <memory>

#include <sendconn/spf.hpp>
#include <sendconn/spf_edit.hpp>
#include <sendconn/spf_received.hpp>
#include <sendconn/spf_record.hpp>

#include "bindings/python/src/bind.hpp"
#include "bindings/python/src/results.hpp"
#include "bindings/python/src/words.hpp"

namespace sendconn::python {
namespace {

ValueType& term_type() {
  static auto& type = *new ValueType("sendconn.spf", "Term");
  return type;
}
ValueType& fault_type() {
  static auto& type = *new ValueType("sendconn.spf", "Fault");
  return type;
}
ValueType& record_type() {
  static auto& type = *new ValueType("sendconn.spf", "Record");
  return type;
}
ValueType& finding_type() {
  static auto& type = *new ValueType("sendconn.spf", "Finding");
  return type;
}
ValueType& received_type() {
  static auto& type = *new ValueType("sendconn.spf", "ReceivedSpf");
  return type;
}

py::object to_python(const spf::Record& record, const spf::Term& term) {
  const bool has_network = term.kind == spf::TermKind::ip4 || term.kind == spf::TermKind::ip6;
  py::object network = py::none();
  if (has_network) {
    const unsigned prefix = term.kind == spf::TermKind::ip4 ? term.prefix4 : term.prefix6;
    network = text(need(IpNetwork::of(term.address, prefix)).format());
  }
  return term_type().make(word(term.kind), word(term.qualifier), text(record.text(term)), text(record.domain(term)),
                          network, integer(term.prefix4), integer(term.prefix6), boolean(term.has_macros),
                          boolean(spf::needs_lookup(term.kind)), integer(term.position));
}

py::object parse(py::handle given) {
  const spf::Record record = spf::Record::parse(take_text(given, "text"));
  return record_type().make(
      text(record.text()),
      tuple_of(record.terms(), [&record](const spf::Term& term) { return to_python(record, term); }),
      tuple_of(record.faults(), [](const spf::Fault& fault) {
        return fault_type().make(text(fault.text), integer(fault.position), integer(fault.octets));
      }));
}

py::tuple lint(py::handle given) {
  return tuple_of(spf::lint(take_text(given, "text")), [](const spf::Finding& finding) {
    return finding_type().make(word(finding.severity), text(finding.code), text(finding.text),
                               integer(finding.position), integer(finding.octets));
  });
}

py::object to_python(const spf::ReceivedSpf& received) {
  py::dict others;
  for (const auto& pair : received.others) others[text(pair.first)] = text(pair.second);
  return received_type().make(word(received.verdict), text(received.comment), text(received.client_ip),
                              text(received.envelope_from), text(received.helo), text(received.problem),
                              text(received.receiver), text(received.identity), text(received.mechanism), others);
}

}  // namespace

void bind_spf_records(py::module_& module) {
  py::class_<spf::RecordCache, std::shared_ptr<spf::RecordCache>>(module, "SpfRecordCache")
      .def(py::init([](py::handle max_records) {
             return std::make_shared<spf::RecordCache>(take_size(max_records, "max_records"));
           }),
           py::arg("max_records") = spf::RecordCache::default_records)
      .def("__len__", &spf::RecordCache::size);

  module.def("spf_is_record", [](py::handle given) { return spf::Record::is_spf(take_text(given, "text")); });
  module.def("spf_parse", &parse);
  module.def("spf_lint", &lint);
  module.def("spf_add_term", [](py::handle record, py::handle term) {
    return text(need(spf::add_term(take_text(record, "record"), take_text(term, "term"))));
  });
  module.def("spf_remove_term", [](py::handle record, py::handle term) {
    return text(need(spf::remove_term(take_text(record, "record"), take_text(term, "term"))));
  });
  module.def("spf_merge", [](py::handle records) { return text(need(spf::merge(take_texts(records, "records")))); });
  module.def("split_strings", [](py::handle given) { return texts(spf::split_strings(take_text(given, "text"))); });
  module.def("format_txt", [](py::handle given) { return text(spf::format_txt(take_text(given, "text"))); });

  module.def("spf_received_field", [](py::handle result, py::handle ip, py::handle helo, py::handle receiver) {
    const std::string helo_name = take_text(helo, "helo");
    const std::string host = take_text(receiver, "receiver");
    return octets(spf::format(spf::to_received(take_spf_outcome(result), take_ip(ip, "ip"), helo_name, host)));
  });
  module.def("spf_parse_received",
             [](py::handle value) { return to_python(need(spf::parse_received(take_text(value, "value")))); });
}

}  // namespace sendconn::python
