#include "bindings/python/src/python.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <limits>

namespace sendconn::python {

// ---------------------------------------------------------------- to Python

namespace {

py::str decoded(std::string_view octets, const char* errors) {
  PyObject* made = PyUnicode_DecodeUTF8(octets.data(), static_cast<Py_ssize_t>(octets.size()), errors);
  if (made == nullptr) throw py::error_already_set();
  return py::reinterpret_steal<py::str>(made);
}

}  // namespace

py::str text(std::string_view octets) { return decoded(octets, "surrogateescape"); }

py::str shown_text(std::string_view octets) { return decoded(octets, "replace"); }

py::object maybe_text(const std::optional<std::string>& octets) {
  if (octets) return text(*octets);
  return py::none();
}

py::object maybe_seconds(const std::optional<Duration>& wait) {
  if (!wait) return py::none();
  if (*wait == Duration::max()) return py::float_(std::numeric_limits<double>::infinity());
  double length = std::chrono::duration<double>(*wait).count();
  if (std::chrono::duration<double>(length) < *wait) length = std::nextafter(length, 1e300);
  return py::float_(length);
}

py::object maybe_instant(const std::optional<Instant>& instant) {
  if (!instant) return py::none();
  return maybe_seconds(instant->time_since_epoch());
}

py::tuple texts(const std::vector<std::string>& values) {
  return tuple_of(values, [](const std::string& value) { return text(value); });
}

py::object maybe_domain(const std::optional<Domain>& domain) {
  if (domain) return text(domain->text());
  return py::none();
}

// ---------------------------------------------------------------- from Python

void wrong_type(const char* what, const char* required, py::handle got) {
  throw py::type_error(std::string(what) + " must be " + required + ", not " + Py_TYPE(got.ptr())->tp_name);
}

void raise(const Error& error) {
  const py::object make = py::module_::import("sendconn._errors").attr("make");
  const py::object position =
      error.position == Error::no_position ? py::object(py::none()) : py::object(py::int_(error.position));
  const py::object made = make(static_cast<int>(error.code), text(error.text), position);
  PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(made.ptr())), made.ptr());
  throw py::error_already_set();
}

std::string take_text(py::handle value, const char* what) {
  if (!PyUnicode_Check(value.ptr())) wrong_type(what, "str", value);
  Py_ssize_t size = 0;
  if (const char* plain = PyUnicode_AsUTF8AndSize(value.ptr(), &size); plain != nullptr)
    return {plain, static_cast<std::size_t>(size)};
  PyErr_Clear();  // surrogates
  PyObject* encoded = PyUnicode_AsEncodedString(value.ptr(), "utf-8", "surrogateescape");
  if (encoded == nullptr) throw py::error_already_set();
  const py::object owner = py::reinterpret_steal<py::object>(encoded);
  return std::string(take_octets(owner, what));
}

std::string_view take_octets(py::handle value, const char* what) {
  if (!PyBytes_Check(value.ptr())) wrong_type(what, "bytes", value);
  return {PyBytes_AS_STRING(value.ptr()), static_cast<std::size_t>(PyBytes_GET_SIZE(value.ptr()))};
}

bool take_flag(py::handle value, const char* what) {
  if (!PyBool_Check(value.ptr())) wrong_type(what, "bool", value);
  return value.ptr() == Py_True;
}

std::int64_t take_integer(py::handle value, const char* what, std::int64_t min, std::int64_t max) {
  if (!PyLong_Check(value.ptr()) || PyBool_Check(value.ptr())) wrong_type(what, "int", value);
  int overflow = 0;
  const std::int64_t number = PyLong_AsLongLongAndOverflow(value.ptr(), &overflow);
  if (overflow != 0 || number < min || number > max)
    throw py::value_error(std::string(what) + " must be " + std::to_string(min) + " to " + std::to_string(max));
  return number;
}

std::size_t take_size(py::handle value, const char* what) {
  return static_cast<std::size_t>(take_integer(value, what, 0, std::numeric_limits<std::int64_t>::max()));
}

double take_seconds(py::handle value, const char* what) {
  if (!PyFloat_Check(value.ptr()) && !PyLong_Check(value.ptr())) wrong_type(what, "a number", value);
  const double number = PyFloat_AsDouble(value.ptr());
  if (number == -1.0 && PyErr_Occurred() != nullptr) throw py::error_already_set();
  // A clock of 292 years in nanoseconds is the longest that the machines hold.
  constexpr double longest = 9.2e9;
  if (!(number >= 0) || number > longest) throw py::value_error(std::string(what) + " must be 0 to 9.2e9 seconds");
  return number;
}

UnixTime take_time(py::handle value, const char* what) {
  if (value.is_none()) return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  return UnixTime(std::chrono::seconds(static_cast<std::int64_t>(std::floor(take_seconds(value, what)))));
}

Instant take_instant(py::handle value) {
  return Instant(std::chrono::round<Duration>(std::chrono::duration<double>(take_seconds(value, "now"))));
}

std::optional<UnixTime> take_maybe_time(py::handle value, const char* what) {
  if (value.is_none()) return std::nullopt;
  return take_time(value, what);
}

Domain take_domain(py::handle value, const char* what) { return need(Domain::parse(take_text(value, what))); }

Address take_address(py::handle value, const char* what) {
  if (py::isinstance<Address>(value)) return value.cast<Address>();
  return need(Address::parse(take_text(value, what)));
}

IpAddress take_ip(py::handle value, const char* what) {
  if (PyUnicode_Check(value.ptr())) return need(IpAddress::parse(take_text(value, what)));
  // ipaddress.IPv4Address and IPv6Address, without importing their module for who does without.
  if (!PyBytes_Check(value.ptr()) && py::hasattr(value, "packed")) {
    const py::object packed = value.attr("packed");
    if (PyBytes_Check(packed.ptr())) {
      const std::string_view raw = take_octets(packed, what);
      if (raw.size() == 4) {
        std::array<std::uint8_t, 4> four{};
        std::copy(raw.begin(), raw.end(), four.begin());
        return IpAddress::v4(four);
      }
      if (raw.size() == 16) {
        std::array<std::uint8_t, 16> sixteen{};
        std::copy(raw.begin(), raw.end(), sixteen.begin());
        return IpAddress::v6(sixteen);
      }
    }
  }
  wrong_type(what, "str or an address of the module ipaddress", value);
}

std::vector<std::string> take_texts(py::handle value, const char* what) {
  return take_list(value, what, [what](py::handle element) { return take_text(element, what); });
}

std::optional<std::string> take_maybe_text(py::handle value, const char* what) {
  if (value.is_none()) return std::nullopt;
  return take_text(value, what);
}

}  // namespace sendconn::python
