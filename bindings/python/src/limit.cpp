// sendconn.limit: token buckets. The clock is Python's time.monotonic() in seconds, or the caller's own.
#include <sendconn/limit.hpp>

#include <memory>

#include "bindings/python/src/bind.hpp"
#include "bindings/python/src/machine.hpp"

namespace sendconn::python {
namespace {

limit::Rate take_rate(py::handle value) {
  if (py::isinstance<limit::Rate>(value)) return value.cast<limit::Rate>();
  return need(limit::Rate::parse(take_text(value, "rate")));
}

std::uint64_t take_tokens(py::handle value) { return take_size(value, "tokens"); }

using Bucket = Held<limit::TokenBucket>;

void bind_bucket(py::module_& module) {
  py::class_<Bucket>(module, "TokenBucket")
      .def(py::init([](py::handle rate, py::handle now) {
        return std::make_unique<Bucket>(std::in_place, take_rate(rate), take_instant(now));
      }))
      .def("take",
           [](Bucket& self, py::handle tokens, py::handle now) {
             const std::uint64_t wanted = take_tokens(tokens);
             const Instant time = take_instant(now);
             return Bucket::Use(self)->take(wanted, time);
           })
      .def("give_back",
           [](Bucket& self, py::handle tokens) {
             const std::uint64_t returned = take_tokens(tokens);
             Bucket::Use(self)->give_back(returned);
           })
      .def("available",
           [](Bucket& self, py::handle now) {
             const Instant time = take_instant(now);
             return Bucket::Use(self)->available(time);
           })
      .def("wait",
           [](Bucket& self, py::handle tokens, py::handle now) {
             const std::uint64_t wanted = take_tokens(tokens);
             const Instant time = take_instant(now);
             return maybe_seconds(Bucket::Use(self)->wait(wanted, time));
           })
      .def("set_rate",
           [](Bucket& self, py::handle rate, py::handle now) {
             const limit::Rate changed = take_rate(rate);
             const Instant time = take_instant(now);
             Bucket::Use(self)->set_rate(changed, time);
           })
      .def_property_readonly("rate", [](Bucket& self) { return Bucket::Use(self)->rate(); });
}

/// (key, rate, tokens) triples. The keys are copied: they must stand until the table has taken them.
struct Demands {
  std::vector<std::string> keys;
  std::vector<limit::Table::Demand> list;

  explicit Demands(py::handle given) {
    struct One {
      std::string key;
      limit::Rate rate;
      std::uint64_t tokens;
    };
    const auto ones = take_list(given, "demands", [](py::handle demand) {
      if (!PyTuple_Check(demand.ptr()) || PyTuple_GET_SIZE(demand.ptr()) != 3)
        wrong_type("a demand", "(key, rate, tokens)", demand);
      const auto triple = py::reinterpret_borrow<py::tuple>(demand);
      return One{take_text(triple[0], "key"), take_rate(triple[1]), take_tokens(triple[2])};
    });
    keys.reserve(ones.size());
    for (const One& one : ones) {
      keys.push_back(one.key);
      list.push_back({keys.back(), one.rate, one.tokens});
    }
  }
};

void bind_table(py::module_& module) {
  py::class_<limit::Table>(module, "RateTable")
      .def(
          py::init([](py::handle max_keys) { return std::make_unique<limit::Table>(take_size(max_keys, "max_keys")); }))
      .def("take",
           [](limit::Table& self, py::handle demands, py::handle now) {
             const Demands wanted(demands);
             const limit::Table::Verdict verdict = self.take(wanted.list, take_instant(now));
             return py::make_tuple(verdict.granted, verdict.refused_by, maybe_seconds(verdict.wait));
           })
      .def("give_back", [](limit::Table& self, py::handle demands) { self.give_back(Demands(demands).list); })
      .def("__len__", &limit::Table::size);
}

}  // namespace

void bind_limit(py::module_& module) {
  py::class_<limit::Rate>(module, "Rate")
      .def_static(
          "parse", [](py::handle given) { return need(limit::Rate::parse(take_text(given, "text"))); }, py::arg("text"))
      .def_property_readonly("count", [](const limit::Rate& rate) { return rate.count; })
      .def_property_readonly("period", [](const limit::Rate& rate) { return rate.period.count(); })
      .def_property_readonly("burst", [](const limit::Rate& rate) { return rate.burst; })
      .def("__str__", [](const limit::Rate& rate) { return text(rate.format()); })
      .def("__repr__", [](const limit::Rate& rate) { return "Rate.parse('" + rate.format() + "')"; })
      .def("__eq__",
           [](const limit::Rate& rate, py::handle other) {
             return py::isinstance<limit::Rate>(other) && rate == other.cast<const limit::Rate&>();
           })
      .def("__hash__", [](const limit::Rate& rate) { return py::hash(text(rate.format())); });
  bind_bucket(module);
  bind_table(module);
}

}  // namespace sendconn::python
