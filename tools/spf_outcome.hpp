// What a check of SPF found, for programs and for people; `spf check` and `authenticate` show the same.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <sendconn/spf.hpp>

#include "tools/output.hpp"

namespace sendconn::tools {

nlohmann::json spf_json(const spf::Outcome& outcome);
/// The verdict with its reason, what the domain says of a fail, the trace if there is one, and what it cost.
void show_spf(const Output& out, const spf::Outcome& outcome);

}  // namespace sendconn::tools
