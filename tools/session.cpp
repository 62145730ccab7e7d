#include "tools/session.hpp"

#include <nlohmann/json.hpp>

#include "tools/relay_client.hpp"

namespace sendconn::tools {
namespace {

using nlohmann::json;

/// The relay's and the library's error codes by their names, with the exit code each means.
struct Meaning {
  Errc code;
  std::string_view name;
  ExitCode exit;
};
constexpr Meaning meanings[] = {
    {Errc::invalid_argument, "invalid_argument", exit_usage},
    {Errc::syntax, "syntax", exit_usage},
    {Errc::limit_exceeded, "limit_exceeded", exit_failed},
    {Errc::wrong_state, "wrong_state", exit_failed},
    {Errc::not_found, "not_found", exit_not_found},
    {Errc::conflict, "conflict", exit_failed},
    {Errc::crypto, "crypto", exit_failed},
    {Errc::io, "io", exit_failed},
    {Errc::unsupported, "unsupported", exit_failed},
};

std::string dump(const json& value) { return value.dump(2, ' ', false, json::error_handler_t::replace); }

}  // namespace

void Session::fail(int code, std::string_view code_name, std::string_view text) {
  exit_code = code;
  if (json) out.line(dump({{"error", {{"code", code_name}, {"text", text}}}}));
  if (!text.empty()) out.error(text);
}

void Session::fail(const Error& error) {
  for (const Meaning& one : meanings) {
    if (one.code == error.code) return fail(one.exit, one.name, error.text);
  }
  fail(exit_failed, "unknown", error.text);
}

void Session::print(const nlohmann::json& result, Show show) {
  if (json) {
    out.line(dump(result));
  } else if (show != nullptr) {
    show(out, result);
  }
}

std::optional<nlohmann::json> Session::ask_quietly(const std::string& command, const nlohmann::json& arguments) {
  auto answer = ask_relay(config, {{"command", command}, {"arguments", arguments}});
  if (!answer) {
    // A program that is not there is a failure of this machine, not an answer to the question.
    fail(exit_failed, "io", answer.error().text);
    return std::nullopt;
  }
  if (answer->value("ok", false)) return answer->value("result", nlohmann::json::object());
  const nlohmann::json error = answer->value("error", nlohmann::json::object());
  const std::string name = error.value("code", "unknown");
  const std::string text = error.value("text", "the relay refused without a reason");
  int exit = name == "temporary" ? exit_temporary : exit_failed;
  for (const Meaning& one : meanings) {
    if (one.name == name) exit = one.exit;
  }
  fail(exit, name, text);
  return std::nullopt;
}

std::optional<nlohmann::json> Session::ask(const std::string& command, const nlohmann::json& arguments, Show show) {
  auto result = ask_quietly(command, arguments);
  if (result) print(*result, show);
  return result;
}

}  // namespace sendconn::tools
