// sendconn.dmarc: the check, records, and where reports may go.
#include <sendconn/dmarc.hpp>

#include <memory>

#include "bindings/python/src/bind.hpp"
#include "bindings/python/src/machine.hpp"
#include "bindings/python/src/results.hpp"
#include "bindings/python/src/words.hpp"

namespace sendconn::python {
namespace {

using python::to_python;  // besides those of this file

ValueType& uri_type() {
  static auto& type = *new ValueType("sendconn.dmarc", "ReportUri");
  return type;
}
ValueType& record_type() {
  static auto& type = *new ValueType("sendconn.dmarc", "Record");
  return type;
}
ValueType& result_type() {
  static auto& type = *new ValueType("sendconn.dmarc", "Result");
  return type;
}
ValueType& finding_type() {
  static auto& type = *new ValueType("sendconn.dmarc", "Finding");
  return type;
}
ValueType& destination_type() {
  static auto& type = *new ValueType("sendconn.dmarc", "Destination");
  return type;
}

// ---------------------------------------------------------------- records

py::object to_python(const dmarc::ReportUri& uri) {
  py::object mailbox = py::none();
  if (uri.mailbox) mailbox = text(uri.mailbox->format());
  return uri_type().make(text(uri.text), text(uri.scheme), mailbox, maybe_domain(uri.host));
}

py::tuple to_python(const std::vector<dmarc::ReportUri>& uris) {
  return tuple_of(uris, [](const dmarc::ReportUri& uri) { return to_python(uri); });
}

py::object to_python(const dmarc::Record& record) {
  return record_type().make(maybe_word(record.p), maybe_word(record.sp), maybe_word(record.np), word(record.adkim),
                            word(record.aspf), to_python(record.rua), to_python(record.ruf),
                            text(dmarc::format(record.fo)), word(record.psd), boolean(record.testing),
                            boolean(record.policy_faulty));
}

dmarc::ReportUri take_uri(py::handle given) {
  const bool plain = PyUnicode_Check(given.ptr()) != 0;
  return need(dmarc::parse_report_uri(take_text(
      plain ? py::object(py::reinterpret_borrow<py::object>(given)) : py::object(given.attr("text")), "a report URI")));
}

dmarc::FailureOptions take_failure_options(py::handle value) {
  const std::string given = take_text(value, "fo");
  dmarc::FailureOptions options;
  for (const char c : given) {
    if (c == '1')
      options.any = true;
    else if (c == 'd')
      options.dkim = true;
    else if (c == 's')
      options.spf = true;
    else if (c != '0' && c != ':')
      throw py::value_error("fo must be of 0, 1, d and s with colons between them, not '" + given + "'");
  }
  return options;
}

dmarc::Record take_record(py::handle given) {
  if (!record_type().made(given)) wrong_type("record", "sendconn.dmarc.Record", given);
  dmarc::Record record;
  record.p = take_maybe_word<dmarc::Policy>(given.attr("p"), "p");
  record.sp = take_maybe_word<dmarc::Policy>(given.attr("sp"), "sp");
  record.np = take_maybe_word<dmarc::Policy>(given.attr("np"), "np");
  record.adkim = take_word<dmarc::Mode>(given.attr("adkim"), "adkim");
  record.aspf = take_word<dmarc::Mode>(given.attr("aspf"), "aspf");
  record.rua = take_list(given.attr("rua"), "rua", take_uri);
  record.ruf = take_list(given.attr("ruf"), "ruf", take_uri);
  record.fo = take_failure_options(given.attr("fo"));
  record.psd = take_word<dmarc::Psd>(given.attr("psd"), "psd");
  record.testing = take_flag(given.attr("testing"), "testing");
  record.policy_faulty = take_flag(given.attr("policy_faulty"), "policy_faulty");
  return record;
}

py::tuple to_python(const std::vector<dmarc::Finding>& findings) {
  return tuple_of(findings, [](const dmarc::Finding& finding) {
    return finding_type().make(word(finding.severity), text(finding.text), integer(finding.position),
                               integer(finding.length));
  });
}

// ---------------------------------------------------------------- facts

/// A pair of a word of dmarc::Evidence and a domain.
template <class Fact>
Fact take_fact(py::handle given, const char* what) {
  if (!PyTuple_Check(given.ptr()) || PyTuple_GET_SIZE(given.ptr()) != 2)
    wrong_type(what, "a pair of evidence and domain", given);
  const auto pair = py::reinterpret_borrow<py::tuple>(given);
  return {take_word<dmarc::Evidence>(pair[0], "evidence"), take_domain(pair[1], "domain")};
}

dmarc::Facts take_facts(py::handle authors, py::handle spf, py::handle dkim) {
  dmarc::Facts facts;
  facts.authors = take_list(authors, "authors", [](py::handle author) { return take_domain(author, "an author"); });
  if (!spf.is_none()) facts.spf = take_fact<dmarc::SpfFact>(spf, "spf");
  facts.dkim = take_list(dkim, "dkim", [](py::handle one) { return take_fact<dmarc::DkimFact>(one, "dkim"); });
  return facts;
}

dmarc::Check make_check(py::handle authors, py::handle spf, py::handle dkim, py::handle several_authors,
                        py::handle max_authors) {
  return dmarc::Check(take_facts(authors, spf, dkim), take_dmarc_options(several_authors, max_authors));
}

py::tuple to_python(const std::vector<dmarc::Outcome>& outcomes) {
  return tuple_of(outcomes, [](const dmarc::Outcome& outcome) { return to_python(outcome); });
}

py::tuple to_python(const std::vector<dmarc::Destination>& destinations) {
  return tuple_of(destinations, [](const dmarc::Destination& destination) {
    return destination_type().make(word(destination.standing), to_python(destination.published),
                                   to_python(destination.uris), text(destination.reason));
  });
}

void bind_checks(py::module_& module) {
  using Machine = Held<dmarc::Check>;
  py::class_<Machine> check(module, "DmarcCheck");
  check
      .def(py::init([](py::handle authors, py::handle spf, py::handle dkim, py::handle several_authors,
                       py::handle max_authors) {
        return std::make_unique<Machine>(std::in_place, make_check(authors, spf, dkim, several_authors, max_authors));
      }))
      .def_property_readonly("result",
                             [](Machine& self) {
                               const Machine::Use machine(self);
                               if (!machine->done()) raise_not_done();
                               return to_python(machine->outcome());
                             })
      .def_property_readonly("results", [](Machine& self) {
        const Machine::Use machine(self);
        if (!machine->done()) raise_not_done();
        return to_python(machine->outcomes());
      });
  add_questions<dmarc::Check>(check);

  using Destinations = Held<dmarc::DestinationCheck>;
  py::class_<Destinations> destinations(module, "DestinationCheck");
  destinations
      .def(py::init([](py::handle policy_domain, py::handle record, py::handle kind) {
             return std::make_unique<Destinations>(std::in_place, take_domain(policy_domain, "policy_domain"),
                                                   take_record(record), take_word<dmarc::ReportKind>(kind, "kind"));
           }),
           py::arg("policy_domain"), py::arg("record"), py::arg("kind") = "aggregate")
      .def_property_readonly("destinations", [](Destinations& self) {
        const Destinations::Use machine(self);
        if (!machine->done()) raise_not_done();
        return to_python(machine->destinations());
      });
  add_questions<dmarc::DestinationCheck>(destinations);
}

}  // namespace

dmarc::Options take_dmarc_options(py::handle several_authors, py::handle max_authors) {
  dmarc::Options options;
  options.several_authors = take_word<dmarc::SeveralAuthors>(several_authors, "several_authors");
  options.max_authors = take_size(max_authors, "max_authors");
  return options;
}

py::object to_python(const dmarc::Outcome& outcome) {
  py::object record = py::none();
  if (outcome.record) record = to_python(*outcome.record);
  return result_type().make(word(outcome.verdict), text(outcome.reason), maybe_domain(outcome.author),
                            word(outcome.policy), word(outcome.published), word(outcome.spf),
                            tuple_of(outcome.dkim, [](dmarc::Alignment alignment) { return word(alignment); }),
                            boolean(outcome.spf_aligned()), boolean(outcome.dkim_aligned()),
                            maybe_domain(outcome.organizational_domain), maybe_domain(outcome.policy_domain),
                            word(outcome.source), word(outcome.tag), record, texts(outcome.notes));
}

dmarc::Outcome take_dmarc_outcome(py::handle given) {
  if (!result_type().made(given)) wrong_type("result", "sendconn.dmarc.Result", given);
  const auto maybe = [&given](const char* name) -> std::optional<Domain> {
    const py::object value = given.attr(name);
    if (value.is_none()) return std::nullopt;
    return take_domain(value, name);
  };
  dmarc::Outcome outcome;
  outcome.verdict = take_word<dmarc::Verdict>(given.attr("result"), "result");
  outcome.reason = take_text(given.attr("text"), "text");
  outcome.author = maybe("author");
  outcome.organizational_domain = maybe("organizational_domain");
  outcome.policy_domain = maybe("policy_domain");
  if (const py::object record = given.attr("record"); !record.is_none()) outcome.record = take_record(record);
  outcome.source = take_word<dmarc::PolicySource>(given.attr("source"), "source");
  outcome.tag = take_word<dmarc::PolicyTag>(given.attr("tag"), "tag");
  outcome.published = take_word<dmarc::Policy>(given.attr("published"), "published");
  outcome.policy = take_word<dmarc::Policy>(given.attr("policy"), "policy");
  outcome.spf = take_word<dmarc::Alignment>(given.attr("spf"), "spf");
  outcome.dkim = take_list(given.attr("dkim"), "dkim",
                           [](py::handle one) { return take_word<dmarc::Alignment>(one, "an alignment"); });
  outcome.notes = take_texts(given.attr("notes"), "notes");
  return outcome;
}

void bind_dmarc(py::module_& module) {
  bind_checks(module);
  module.def("dmarc_check", [](py::handle authors, py::handle spf, py::handle dkim, py::handle resolver,
                               py::handle several_authors, py::handle max_authors) {
    dmarc::Check check = make_check(authors, spf, dkim, several_authors, max_authors);
    run(check, resolver);
    return to_python(check.outcome());
  });
  module.def("dmarc_is_record", [](py::handle given) { return dmarc::is_record(take_text(given, "text")); });
  module.def("dmarc_parse", [](py::handle given) { return to_python(need(dmarc::parse(take_text(given, "text")))); });
  module.def("dmarc_format", [](py::handle record) { return text(dmarc::format(take_record(record))); });
  module.def("dmarc_lint", [](py::handle given) { return to_python(dmarc::lint(take_text(given, "text"))); });
  module.def("dmarc_parse_uri",
             [](py::handle given) { return to_python(need(dmarc::parse_report_uri(take_text(given, "text")))); });
  module.def("dmarc_record_name",
             [](py::handle domain) { return maybe_text(dmarc::record_name(take_domain(domain, "domain"))); });
  module.def("dmarc_author_domains", [](py::handle header) {
    const std::string_view view = take_octets(header, "header");
    return tuple_of(need(dmarc::author_domains(need(mail::Header::parse(view)))),
                    [](const Domain& domain) { return text(domain.text()); });
  });
  module.def("dmarc_statement",
             [](py::handle result) { return to_python(dmarc::statement(take_dmarc_outcome(result))); });
}

}  // namespace sendconn::python
