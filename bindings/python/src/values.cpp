#include "bindings/python/src/values.hpp"

#include <stdexcept>

namespace sendconn::python {

py::handle ValueType::type() {
  if (type_ == nullptr) {
    py::object found = py::module_::import(module_).attr(name_);
    py::object names = found.attr("__slots__");
    names_ = names.release().ptr();
    type_ = found.release().ptr();
  }
  return type_;
}

py::object ValueType::make_of(std::span<py::object> fields) {
  auto* const type = reinterpret_cast<PyTypeObject*>(this->type().ptr());
  if (static_cast<std::size_t>(PyTuple_GET_SIZE(names_)) != fields.size())
    throw std::logic_error(std::string(name_) + " has other fields than are filled");
  py::object made = py::reinterpret_steal<py::object>(type->tp_alloc(type, 0));
  if (!made) throw py::error_already_set();
  for (std::size_t i = 0; i != fields.size(); ++i) {
    // Past the class's own __setattr__, which refuses.
    PyObject* name = PyTuple_GET_ITEM(names_, static_cast<Py_ssize_t>(i));
    if (PyObject_GenericSetAttr(made.ptr(), name, fields[i].ptr()) != 0) throw py::error_already_set();
  }
  return made;
}

py::object WordList::member(std::size_t number) {
  if (members_.empty()) {
    const py::object type = py::module_::import(module_).attr(name_);
    std::vector<PyObject*> members;
    for (const char* word : words_) members.push_back(type(word).release().ptr());
    members_ = std::move(members);
  }
  return py::reinterpret_borrow<py::object>(members_.at(number));
}

std::size_t WordList::number(py::handle value, const char* what) const {
  const std::string word = take_text(value, what);
  std::string known;
  for (std::size_t i = 0; i != words_.size(); ++i) {
    if (word == words_[i]) return i;
    known += (i == 0 ? "'" : ", '") + std::string(words_[i]) + "'";
  }
  throw py::value_error(std::string(what) + " must be one of " + known);
}

}  // namespace sendconn::python
