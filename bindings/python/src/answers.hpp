// DNS questions and answers between Python and C++.
//
// A question is sendconn.dns.Question, or any pair of a name and a type. An answer is a list of values, or
// sendconn.dns.Answer where the TTL and the rest matter; what a resolver raises for a name that has none becomes the
// answer that says so. Everything here needs the GIL.
#pragma once

#include <sendconn/dns.hpp>

#include "bindings/python/src/values.hpp"

namespace sendconn::python {

py::object to_python(const dns::Question& question);
py::tuple to_python(const std::vector<dns::Question>& questions);
dns::Question take_question(py::handle value);

/// sendconn.dns.Answer; its values have the form of records of `type`.
py::object to_python(const dns::Answer& answer, dns::RecordType type);
/// A list, an Answer, or an instance of the exceptions for a name without records. TypeError or ValueError for what is
/// none of it, with the type of record in the text.
dns::Answer take_answer(py::handle value, dns::RecordType type);

/// Calls a resolver of the caller's. What it raises besides the exceptions for a name without records comes out.
dns::Answer call_resolver(py::handle resolver, const dns::Question& question);

/// The values of an answer, or the exception that says why there are none.
py::object values_or_raise(const dns::Answer& answer, const dns::Question& question);

}  // namespace sendconn::python
