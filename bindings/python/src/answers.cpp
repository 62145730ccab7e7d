#include "bindings/python/src/answers.hpp"

#include <chrono>

#include "bindings/python/src/words.hpp"

namespace sendconn::python {
namespace {

/// RFC 2181 section 8: a TTL has 31 bits.
constexpr std::int64_t max_ttl = 0x7fffffff;
constexpr std::int64_t max_preference = 0xffff;

ValueType& answer_type() {
  static auto& type = *new ValueType("sendconn.dns", "Answer");
  return type;
}

PyObject* question_type() {
  static PyObject* type = nullptr;
  if (type == nullptr) type = py::object(py::module_::import("sendconn.dns").attr("Question")).release().ptr();
  return type;
}

/// The exceptions for a name without records. Only this package's own count: another TimeoutError is a fault of the
/// caller's program, not an answer.
PyObject* dns_error() {
  static PyObject* type = nullptr;
  if (type == nullptr) type = py::object(py::module_::import("sendconn._errors").attr("DnsError")).release().ptr();
  return type;
}

dns::Answer failure_of(py::handle exception) {
  dns::Answer answer;
  answer.status = take_word<dns::Status>(exception.attr("status"), "status");
  if (answer.status == dns::Status::no_error) answer.status = dns::Status::server_failure;
  answer.ttl = std::chrono::seconds(take_integer(exception.attr("ttl"), "ttl", 0, max_ttl));
  answer.authenticated = take_flag(exception.attr("authenticated"), "authenticated");
  return answer;
}

py::object value_of(const dns::Record& record, dns::RecordType type) {
  switch (type) {
    case dns::RecordType::a:
    case dns::RecordType::aaaa:
      return text(record.address.format());
    case dns::RecordType::mx:
      return py::make_tuple(record.preference, text(record.text));
    case dns::RecordType::cname:
    case dns::RecordType::ns:
    case dns::RecordType::ptr:
      return text(record.text);
    case dns::RecordType::txt:
    case dns::RecordType::tlsa:
      break;
  }
  return octets(record.text);
}

/// A name as the machines compare it: lower case, no trailing dot.
std::string name_of(std::string name) {
  if (name.size() > 1 && name.back() == '.') name.pop_back();
  for (char& c : name)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return name;
}

dns::Record take_mx(py::handle value) {
  dns::Record record;
  if (PyUnicode_Check(value.ptr())) {
    const std::string both = take_text(value, "an MX record");
    const std::size_t space = both.find(' ');
    const std::string number = both.substr(0, space);
    if (space == std::string::npos || number.empty() || number.size() > 5 ||
        number.find_first_not_of("0123456789") != std::string::npos || std::stol(number) > max_preference)
      throw py::value_error("an MX record must be \"10 mx.example\" or a pair, not '" + both + "'");
    record.preference = static_cast<std::uint16_t>(std::stol(number));
    record.text = name_of(both.substr(both.find_first_not_of(' ', space)));
    return record;
  }
  if (!PyTuple_Check(value.ptr()) && !PyList_Check(value.ptr())) wrong_type("an MX record", "str or a pair", value);
  const auto pair = py::reinterpret_borrow<py::sequence>(value);
  if (pair.size() != 2) throw py::value_error("an MX record must be a pair of a number and a name");
  record.preference = static_cast<std::uint16_t>(take_integer(pair[0], "an MX preference", 0, max_preference));
  record.text = name_of(take_text(pair[1], "the name of an MX record"));
  return record;
}

dns::Record take_address_record(py::handle value, dns::RecordType type) {
  dns::Record record;
  const bool v4 = type == dns::RecordType::a;
  record.address = take_ip(value, v4 ? "an A record" : "an AAAA record");
  if (record.address.is_v4() != v4)
    throw py::value_error(std::string(v4 ? "an A" : "an AAAA") + " record must be an IPv" + (v4 ? "4" : "6") +
                          " address, not " + record.address.format());
  return record;
}

/// bytes, a str, or the strings of which the record consists.
dns::Record take_octets_record(py::handle value, const char* what) {
  dns::Record record;
  if (PyBytes_Check(value.ptr())) {
    record.text = take_octets(value, what);
  } else if (PyUnicode_Check(value.ptr())) {
    record.text = take_text(value, what);
  } else if (PyTuple_Check(value.ptr()) || PyList_Check(value.ptr())) {
    for (const py::handle part : value) record.text += take_octets(part, what);
  } else {
    wrong_type(what, "bytes", value);
  }
  return record;
}

dns::Record take_record(py::handle value, dns::RecordType type) {
  switch (type) {
    case dns::RecordType::a:
    case dns::RecordType::aaaa:
      return take_address_record(value, type);
    case dns::RecordType::mx:
      return take_mx(value);
    case dns::RecordType::cname:
    case dns::RecordType::ns:
    case dns::RecordType::ptr: {
      dns::Record record;
      record.text = name_of(take_text(value, "a name in an answer"));
      return record;
    }
    case dns::RecordType::tlsa:
      return take_octets_record(value, "a TLSA record");
    case dns::RecordType::txt:
      break;
  }
  return take_octets_record(value, "a TXT record");
}

std::vector<dns::Record> take_records(py::handle values, dns::RecordType type) {
  return take_list(values, "an answer", [type](py::handle value) { return take_record(value, type); });
}

}  // namespace

py::object to_python(const dns::Question& question) {
  return py::reinterpret_borrow<py::object>(question_type())(text(question.name), word(question.type));
}

py::tuple to_python(const std::vector<dns::Question>& questions) {
  return tuple_of(questions, [](const dns::Question& question) { return to_python(question); });
}

dns::Question take_question(py::handle value) {
  if (!PyTuple_Check(value.ptr()) && !PyList_Check(value.ptr()))
    wrong_type("question", "a pair of name and type", value);
  const auto pair = py::reinterpret_borrow<py::sequence>(value);
  if (pair.size() != 2) throw py::value_error("question must be a pair of name and type");
  return {take_text(pair[0], "name"), take_record_type(pair[1])};
}

py::object to_python(const dns::Answer& answer, dns::RecordType type) {
  py::tuple values = tuple_of(answer.records, [type](const dns::Record& record) { return value_of(record, type); });
  return answer_type().make(std::move(values), py::int_(answer.ttl.count()), boolean(answer.authenticated),
                            word(answer.status), texts(answer.aliases));
}

dns::Answer take_answer(py::handle value, dns::RecordType type) {
  dns::Answer answer;
  if (answer_type().made(value)) {
    answer.status = take_word<dns::Status>(value.attr("status"), "status");
    if (answer.ok()) answer.records = take_records(value.attr("values"), type);
    answer.ttl = std::chrono::seconds(take_integer(value.attr("ttl"), "ttl", 0, max_ttl));
    answer.authenticated = take_flag(value.attr("authenticated"), "authenticated");
    for (std::string& name : take_texts(value.attr("aliases"), "aliases"))
      answer.aliases.push_back(name_of(std::move(name)));
  } else if (PyObject_IsInstance(value.ptr(), dns_error()) == 1) {
    return failure_of(value);
  } else {
    answer.records = take_records(value, type);
  }
  if (answer.ok() && answer.records.empty()) answer.status = dns::Status::no_data;
  return answer;
}

dns::Answer call_resolver(py::handle resolver, const dns::Question& question) {
  py::object given;
  try {
    given = resolver(text(question.name), word(question.type));
  } catch (const py::error_already_set& raised) {
    if (!raised.matches(dns_error())) throw;
    return failure_of(raised.value());
  }
  return take_answer(given, question.type);
}

py::object values_or_raise(const dns::Answer& answer, const dns::Question& question) {
  if (answer.ok()) return to_python(answer, question.type);
  const py::object made = py::module_::import("sendconn._errors")
                              .attr("make_dns")(word(answer.status), text(question.name), word(question.type),
                                                answer.ttl.count(), answer.authenticated);
  PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(made.ptr())), made.ptr());
  throw py::error_already_set();
}

}  // namespace sendconn::python
