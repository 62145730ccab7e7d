#include "relay/admin/commands.hpp"

#include <nlohmann/json.hpp>

#include "relay/admin/protocol.hpp"

namespace sendconn::relay::admin {
namespace {

using nlohmann::json;

std::string write(const json& answer) {
  return answer.dump(-1, ' ', false, json::error_handler_t::replace);  // a text of the disk may be no UTF-8
}

std::string refuse(const Error& error) {
  return write({{"ok", false}, {"error", {{"code", format(error.code)}, {"text", error.text}}}});
}

const Command* find_command(std::string_view name) {
  for (const auto* commands : {&control_commands(), &key_commands(), &queue_commands()}) {
    for (const Command& command : *commands) {
      if (command.name == name) return &command;
    }
  }
  return nullptr;
}

}  // namespace

std::string answer(const Context& context, std::string_view request) {
  const json parsed = json::parse(request, nullptr, false);
  if (!parsed.is_object() || !parsed.contains("command") || !parsed["command"].is_string()) {
    return refuse({Errc::syntax, "a request must be a JSON object with the member \"command\""});
  }
  const auto& name = parsed["command"].get_ref<const std::string&>();
  const Command* command = find_command(name);
  if (command == nullptr) return refuse({Errc::unsupported, "this relay knows no command '" + name + "'"});
  const json none;
  Arguments arguments(parsed.contains("arguments") ? parsed["arguments"] : none);
  auto result = command->run(context, arguments);
  if (!result) return refuse(result.error());
  if (command->changes && context.on_change) {
    auto snapshot = context.store.snapshot();
    if (!snapshot) return refuse(snapshot.error());
    context.on_change(std::move(*snapshot));
  }
  return write({{"ok", true}, {"result", std::move(*result)}});
}

}  // namespace sendconn::relay::admin
