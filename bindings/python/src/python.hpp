// How values pass between Python and C++: text, octets, numbers, names and times, each checked with a sentence that
// says what was required. Everything here needs the GIL.
//
// Wire data is bytes, names are str. Octets of strangers that are no UTF-8 become lone surrogates in a str and octets
// again on the way back (PEP 383), so that nothing is lost and nothing fails on the way.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <sendconn/address.hpp>
#include <sendconn/ip.hpp>
#include <sendconn/result.hpp>
#include <sendconn/time.hpp>

namespace sendconn::python {

namespace py = pybind11;

// ---------------------------------------------------------------- to Python

py::str text(std::string_view octets);
py::str shown_text(std::string_view octets);  ///< for people: what is not UTF-8 becomes U+FFFD, so that print() works
py::object maybe_text(const std::optional<std::string>& octets);  ///< None where there is nothing
inline py::bytes octets(std::string_view view) { return {view.data(), view.size()}; }
inline std::int64_t seconds(UnixTime time) { return time.time_since_epoch().count(); }

/// A tuple of what `convert` makes of each element.
template <class T, class Convert>
py::tuple tuple_of(const std::vector<T>& values, Convert&& convert) {
  py::tuple out(values.size());
  for (std::size_t i = 0; i != values.size(); ++i) {
    py::object value = convert(values[i]);
    PyTuple_SET_ITEM(out.ptr(), static_cast<Py_ssize_t>(i), value.release().ptr());
  }
  return out;
}
/// Rounded up to what a float holds, so that waiting so long is enough; inf for never, None for none.
py::object maybe_seconds(const std::optional<Duration>& wait);
/// The same for a point of the caller's clock.
py::object maybe_instant(const std::optional<Instant>& instant);
py::tuple texts(const std::vector<std::string>& values);
py::object maybe_domain(const std::optional<Domain>& domain);

// ---------------------------------------------------------------- from Python

/// TypeError: "<what> must be <required>, not <type>".
[[noreturn]] void wrong_type(const char* what, const char* required, py::handle got);
/// The exception of sendconn's own that stands for `error`.
[[noreturn]] void raise(const Error& error);

template <class T>
requires(!std::is_void_v<T>) T need(Result<T>&& result) {
  if (!result) raise(result.error());
  return std::move(*result);
}
inline void need(const Result<void>& result) {
  if (!result) raise(result.error());
}

std::string take_text(py::handle value, const char* what);
/// A view of a bytes object's memory, which never changes; valid while the object lives.
std::string_view take_octets(py::handle value, const char* what);
bool take_flag(py::handle value, const char* what);
std::int64_t take_integer(py::handle value, const char* what, std::int64_t min, std::int64_t max);
std::size_t take_size(py::handle value, const char* what);
/// Seconds, whole or not; never negative.
double take_seconds(py::handle value, const char* what);
/// Unix time, or None for now.
UnixTime take_time(py::handle value, const char* what);
std::optional<UnixTime> take_maybe_time(py::handle value, const char* what);
/// Of a clock in seconds, such as time.monotonic(): to the nearest nanosecond, for a clock that was put forward by what
/// maybe_seconds() said must have come so far.
Instant take_instant(py::handle value);
Domain take_domain(py::handle value, const char* what);
Address take_address(py::handle value, const char* what);
/// A str, or an object of the module ipaddress.
IpAddress take_ip(py::handle value, const char* what);
/// What `take` makes of each element of any iterable but a str.
template <class Take>
auto take_list(py::handle value, const char* what, Take&& take) {
  std::vector<decltype(take(value))> out;
  if (PyUnicode_Check(value.ptr()) || PyBytes_Check(value.ptr())) wrong_type(what, "a list", value);
  PyObject* iterator = PyObject_GetIter(value.ptr());
  if (iterator == nullptr) {
    PyErr_Clear();
    wrong_type(what, "a list", value);
  }
  const py::object owner = py::reinterpret_steal<py::object>(iterator);
  while (PyObject* item = PyIter_Next(iterator)) {
    const py::object element = py::reinterpret_steal<py::object>(item);
    out.push_back(take(element));
  }
  if (PyErr_Occurred() != nullptr) throw py::error_already_set();
  return out;
}
std::vector<std::string> take_texts(py::handle value, const char* what);
std::optional<std::string> take_maybe_text(py::handle value, const char* what);

}  // namespace sendconn::python
