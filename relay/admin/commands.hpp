// The commands of the admin socket: one implementation for the running relay and for the command line without one.
//
//   account add|list|show|remove      {"account"}
//   connector add|list|show|passwd|remove   {"connector": "account/name", "user", "password", "networks",
//   "message_rate" …} domain add|list|show|verify|grant|remove  {"domain", "account", "connectors", "withdraw"} dkim
//   keygen|list|record|sign|remove   {"domain", "selector", "account", "type", "bits", "pem", "message"} queue
//   list|show|retry|remove      {"id", "all", "limit", "account", "connector", "sender", "recipient"} dig {"name",
//   "type"}      relay status {}
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "relay/admin/queue_admin.hpp"
#include "relay/config/config.hpp"
#include "relay/control/store.hpp"

namespace sendconn::relay::admin {

class Arguments;

/// What commands work on.
struct Context {
  const Config& config;
  ControlStore& store;
  QueueAdmin& queue;
  bool running = true;  ///< a relay runs, rather than a command line on its own
  std::function<void(std::shared_ptr<const Directory>)> on_change;  ///< may be empty
};

/// Answers one request, without line ends on either side. Never fails: whatever is wrong becomes the answer.
std::string answer(const Context& context, std::string_view request);

/// A command: `run` gives the result, or the refusal. A change is followed by a new snapshot.
struct Command {
  std::string_view name;
  bool changes = false;
  Result<nlohmann::json> (*run)(const Context& context, Arguments& arguments);
};

const std::vector<Command>& control_commands();  ///< account, connector, domain
const std::vector<Command>& key_commands();      ///< dkim
const std::vector<Command>& queue_commands();    ///< queue, relay, dig

}  // namespace sendconn::relay::admin
