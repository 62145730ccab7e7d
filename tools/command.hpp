// Small helpers that the files of commands share.
#pragma once

#include <CLI/App.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace sendconn::tools {

/// A group such as "domain": it does nothing without one of its commands.
inline CLI::App* add_group(CLI::App& program, const char* name, const char* description) {
  CLI::App* group = program.add_subcommand(name, description);
  group->require_subcommand(1);
  group->footer("Each command has its own --help with examples.");  // else it would have the program's
  return group;
}

inline CLI::App* add_command(CLI::App& group, const char* name, const char* description, const std::string& examples) {
  CLI::App* command = group.add_subcommand(name, description);
  command->footer("Examples:\n" + examples);
  return command;
}

/// Arguments of a request: what was not given stays out.
class Request {
 public:
  Request& put(const char* name, const std::string& value) {
    if (!value.empty()) arguments_[name] = value;
    return *this;
  }
  Request& put(const char* name, const std::vector<std::string>& values) {
    if (!values.empty()) arguments_[name] = values;
    return *this;
  }
  Request& put_flag(const char* name, bool value) {
    if (value) arguments_[name] = true;
    return *this;
  }
  Request& put_number(const char* name, std::uint64_t value) {
    arguments_[name] = value;
    return *this;
  }
  [[nodiscard]] const nlohmann::json& arguments() const { return arguments_; }

 private:
  nlohmann::json arguments_ = nlohmann::json::object();
};

}  // namespace sendconn::tools
