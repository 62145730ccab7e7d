// sendconn.authres: the field Authentication-Results.
#include <sendconn/authres.hpp>

#include <limits>
#include <memory>

#include "bindings/python/src/bind.hpp"
#include "bindings/python/src/machine.hpp"
#include "bindings/python/src/results.hpp"
#include "bindings/python/src/values.hpp"

namespace sendconn::python {
namespace {

ValueType& property_type() {
  static auto& type = *new ValueType("sendconn.authres", "Property");
  return type;
}
ValueType& statement_type() {
  static auto& type = *new ValueType("sendconn.authres", "Statement");
  return type;
}
ValueType& results_type() {
  static auto& type = *new ValueType("sendconn.authres", "Results");
  return type;
}

unsigned take_version(py::handle value) {
  return static_cast<unsigned>(take_integer(value, "version", 0, std::numeric_limits<unsigned>::max()));
}

authres::Property take_property(py::handle property) {
  return {take_text(property.attr("type"), "type"), take_text(property.attr("name"), "name"),
          take_text(property.attr("value"), "value")};
}

authres::Statement take_statement(py::handle given) {
  if (!statement_type().made(given)) wrong_type("a statement", "sendconn.authres.Statement", given);
  authres::Statement statement;
  statement.method = take_text(given.attr("method"), "method");
  statement.version = take_version(given.attr("version"));
  statement.result = take_text(given.attr("result"), "result");
  statement.comment = take_text(given.attr("comment"), "comment");
  statement.reason = take_text(given.attr("reason"), "reason");
  statement.properties = take_list(given.attr("properties"), "properties", take_property);
  return statement;
}

py::object format(py::handle results, py::handle utf8, py::handle columns) {
  authres::FormatOptions options;
  options.utf8 = take_flag(utf8, "utf8");
  options.columns = take_size(columns, "columns");
  return octets(need(authres::format(take_authres(results), options)));
}

void bind_filter(py::module_& module) {
  using Machine = Held<authres::ForgeryFilter>;
  py::class_<Machine>(module, "ForgeryFilter")
      .def(py::init([](py::handle own_ids) {
             return std::make_unique<Machine>(std::in_place,
                                              need(authres::ForgeryFilter::create(take_texts(own_ids, "own_ids"))));
           }),
           py::arg("own_ids"))
      .def(
          "feed",
          [](Machine& self, py::handle piece) {
            const std::string_view view = take_octets(piece, "piece");
            const Machine::Use machine(self);
            std::string out;
            machine->feed(view, out);
            return octets(out);
          },
          py::arg("piece"))
      .def("finish",
           [](Machine& self) {
             const Machine::Use machine(self);
             std::string out;
             machine->finish(out);
             return octets(out);
           })
      .def_property_readonly("removed", [](Machine& self) {
        const Machine::Use machine(self);
        return machine->removed();
      });
}

}  // namespace

py::object to_python(const authres::Statement& statement) {
  return statement_type().make(text(statement.method), text(statement.result),
                               tuple_of(statement.properties,
                                        [](const authres::Property& property) {
                                          return property_type().make(text(property.type), text(property.name),
                                                                      text(property.value));
                                        }),
                               text(statement.comment), text(statement.reason), integer(statement.version));
}

py::object to_python(const authres::Results& results) {
  return results_type().make(
      text(results.id),
      tuple_of(results.statements, [](const authres::Statement& statement) { return to_python(statement); }),
      integer(results.version));
}

authres::Results take_authres(py::handle given) {
  if (!results_type().made(given)) wrong_type("results", "sendconn.authres.Results", given);
  authres::Results results;
  results.id = take_text(given.attr("id"), "id");
  results.version = take_version(given.attr("version"));
  results.statements = take_list(given.attr("statements"), "statements", take_statement);
  return results;
}

void bind_authres(py::module_& module) {
  bind_filter(module);
  module.def("authres_parse",
             [](py::handle value) { return to_python(need(authres::parse(take_text(value, "value")))); });
  module.def("authres_format", &format);
  module.def("authres_remove_forged", [](py::handle header, py::handle own_ids) {
    return octets(need(authres::remove_forged(take_octets(header, "header"), take_texts(own_ids, "own_ids"))));
  });
}

}  // namespace sendconn::python
