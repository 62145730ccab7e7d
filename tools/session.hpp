// What all commands of one run share: the global options, and the exit code that the command leaves.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include <sendconn/result.hpp>

#include "tools/exit_code.hpp"
#include "tools/output.hpp"

namespace sendconn::tools {

struct Session {
  std::string config = "/etc/sendconn/sendconn.toml";
  bool json = false;
  Output out{Colour::automatic};
  int exit_code = exit_ok;

  /// Prints why the command failed, as JSON on standard output too if that is asked for.
  void fail(const Error& error);
  void fail(int code, std::string_view code_name, std::string_view text);

  using Show = void (*)(const Output& out, const nlohmann::json& result);
  /// Prints a result: as it is, or as `show` makes it for people.
  void print(const nlohmann::json& result, Show show);
  /// Has the relay run a command and prints what it answers; what it answers, or nothing if that was a refusal.
  std::optional<nlohmann::json> ask(const std::string& command, const nlohmann::json& arguments, Show show);
  /// The same without printing what was good.
  std::optional<nlohmann::json> ask_quietly(const std::string& command, const nlohmann::json& arguments);
};

}  // namespace sendconn::tools
