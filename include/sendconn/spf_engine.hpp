// Other engines than our own behind spf::Check: libspf2, as a module that is loaded when somebody asks for it.
//
// For sites that depend on its verdicts, and as a second opinion in tests. It is no equal: of the 203 cases of RFC
// 7208's suite it answers at best 142 as required, and some of the others with a false pass; it has no limit on void
// lookups, and begins its limits anew in each include. And it ends the process when it finds itself in a state that it
// does not expect. So a program that must not end runs it in a process of its own.
#pragma once

#include <memory>
#include <string>

#include <sendconn/result.hpp>
#include <sendconn/spf.hpp>

#pragma GCC visibility push(default)

namespace sendconn::spf {

/// What libspf2 has no notion of is not there: Limits::void_lookups and void_counting, Options::trace and records, and
/// in an Outcome path, lookups and void_lookups. The questions and answers are the same as for our own engine: its DNS
/// layer answers from what is known and notes what is missing; the check is run again with the answer.
///
/// `module` is the path of libsendconn-spf2.so, or its bare name for the system's library folders. Once loaded it
/// stays. Errc::not_found if there is no such module, Errc::unsupported if it belongs to another version of the
/// library. The checks that it makes are used by one thread at a time.
Result<std::unique_ptr<Check>> load_libspf2(const std::string& module, const Options& options = {});

}  // namespace sendconn::spf

#pragma GCC visibility pop
