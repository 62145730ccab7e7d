// What a check of DMARC found, for programs and for people; `dmarc check` and `authenticate` show the same.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <sendconn/dmarc.hpp>

#include "tools/exit_code.hpp"
#include "tools/output.hpp"

namespace sendconn::tools {

nlohmann::json dmarc_json(const dmarc::Outcome& outcome);
/// Shows dmarc_json() and what a command added to it: "dkim", a list of domains with their alignment, "reports",
/// "questions".
void show_dmarc(const Output& out, const nlohmann::json& result);
ExitCode exit_code_of(dmarc::Verdict verdict);

}  // namespace sendconn::tools
