// How the command line reaches the relay: it runs `sendconn-relay --admin-once`, gives it one request and takes one
// answer. That program asks the running relay through its admin socket, or opens the files if none runs, so there is
// one implementation of every command, and none here.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include <sendconn/result.hpp>

namespace sendconn::tools {

/// The answer: {"ok": true, "result": …} or {"ok": false, "error": {"code", "text"}}.
/// Errc::not_found: there is no program sendconn-relay. Errc::io: it failed; what it said went to standard error, and
/// the text is empty then.
Result<nlohmann::json> ask_relay(const std::string& config_path, const nlohmann::json& request);

}  // namespace sendconn::tools
