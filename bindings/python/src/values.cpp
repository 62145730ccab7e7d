#include "bindings/python/src/values.hpp"

#include <structmember.h>  // PyMemberDef, before Python 3.12

#include <cstring>
#include <stdexcept>

namespace sendconn::python {

py::handle ValueType::type() {
  if (type_ == nullptr) {
    py::object found = py::module_::import(module_).attr(name_);
    for (const py::handle name : py::tuple(found.attr("__slots__"))) {
      const py::object slot = found.attr(name);
      if (Py_TYPE(slot.ptr()) != &PyMemberDescr_Type) throw std::logic_error(std::string(name_) + " has no such slot");
      offsets_.push_back(reinterpret_cast<PyMemberDescrObject*>(slot.ptr())->d_member->offset);
    }
    type_ = found.release().ptr();
  }
  return type_;
}

py::object ValueType::make_of(std::span<py::object> fields) {
  auto* const type = reinterpret_cast<PyTypeObject*>(this->type().ptr());
  if (offsets_.size() != fields.size())
    throw std::logic_error(std::string(name_) + " has other fields than are filled");
  py::object made = py::reinterpret_steal<py::object>(type->tp_alloc(type, 0));
  if (!made) throw py::error_already_set();
  // Straight into the slots, which are empty: looking each up by its name would cost more than making its value.
  auto* const begin = reinterpret_cast<char*>(made.ptr());
  for (std::size_t i = 0; i != fields.size(); ++i) {
    PyObject* const value = fields[i].release().ptr();
    std::memcpy(begin + offsets_[i], &value, sizeof value);
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
