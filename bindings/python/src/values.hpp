// The classes of the Python package that hold results: enums whose members are words, and frozen values. They are
// written in Python, where people read them; this finds them when they are first needed and makes their instances.
// Everything here needs the GIL.
#pragma once

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "bindings/python/src/python.hpp"

namespace sendconn::python {

/// A frozen class of the package (sendconn/_value.py). Its instances are made without calling into Python.
class ValueType {
 public:
  ValueType(const char* module, const char* name) : module_(module), name_(name) {}

  /// Of each of its fields, in their order.
  template <class... Values>
  py::object make(Values&&... values) {
    if constexpr (sizeof...(Values) == 0) {
      return make_of({});
    } else {
      py::object fields[] = {py::object(std::forward<Values>(values))...};
      return make_of(fields);
    }
  }
  [[nodiscard]] py::handle type();
  [[nodiscard]] bool made(py::handle value) { return PyObject_IsInstance(value.ptr(), type().ptr()) == 1; }

 private:
  py::object make_of(std::span<py::object> fields);

  const char* module_;
  const char* name_;
  PyObject* type_ = nullptr;
  std::vector<Py_ssize_t> offsets_;  ///< of its fields' slots in an instance
};

/// A member of an enum of C++ whose numbers begin with 0, as the enum of the package that has the same words.
class WordList {
 public:
  WordList(const char* module, const char* name, std::initializer_list<const char*> words)
      : module_(module), name_(name), words_(words) {}

  [[nodiscard]] py::object member(std::size_t number);
  /// ValueError for a str that is none of the words.
  [[nodiscard]] std::size_t number(py::handle value, const char* what) const;

 private:
  const char* module_;
  const char* name_;
  std::vector<const char*> words_;
  std::vector<PyObject*> members_;
};

inline py::object boolean(bool value) { return py::bool_(value); }
inline py::object integer(std::uint64_t value) { return py::int_(value); }

}  // namespace sendconn::python
