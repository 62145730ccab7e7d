// Commands on the queue, the relay's figures and its view of the DNS.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "relay/admin/commands.hpp"
#include "relay/admin/lookup.hpp"
#include "relay/admin/protocol.hpp"

namespace sendconn::relay {

bool matches(const QueueFilter& filter, const QueuedMessage& message) {
  const std::string sender = message.reverse_path.empty() ? "<>" : message.reverse_path;
  if (!filter.account.empty() && filter.account != message.account) return false;
  if (!filter.connector.empty() && filter.connector != message.connector) return false;
  if (!filter.sender.empty() && filter.sender != sender) return false;
  if (filter.recipient.empty()) return true;
  return std::any_of(message.recipients.begin(), message.recipients.end(), [&](const QueuedRecipient& one) {
    if (filter.recipient.front() != '@') return one.address == filter.recipient;
    const std::size_t at = one.address.rfind('@');
    return at != std::string::npos && one.address.compare(at, std::string::npos, filter.recipient) == 0;
  });
}

namespace admin {
namespace {

using nlohmann::json;

constexpr std::size_t default_listed = 100;
constexpr std::size_t max_listed = 100'000;  // our own bound: the list is made in memory

Result<json> queue_list(const Context& context, Arguments& arguments) {
  QueueFilter filter;
  filter.account = arguments.text_or("account", "");
  filter.connector = arguments.text_or("connector", "");
  filter.sender = arguments.text_or("sender", "");
  filter.recipient = arguments.text_or("recipient", "");
  const std::uint64_t limit = arguments.number_or("limit", default_listed);
  if (auto read = arguments.finish(); !read) return std::move(read).error();
  auto list = context.queue.list(filter, std::min<std::size_t>(limit, max_listed));
  if (!list) return std::move(list).error();
  json messages = json::array();
  for (const QueuedMessage& one : list->messages) messages.push_back(show(one));
  return json{{"messages", messages}, {"matched", list->matched}};
}

Result<QueueId> id_of(const std::string& text) {
  auto id = parse_queue_id(text);
  if (id) return id;
  return Error{Errc::invalid_argument, "'" + text + "' is no queue id: " + id.error().text};
}

Result<json> queue_show(const Context& context, Arguments& arguments) {
  const std::string text = arguments.text("id");
  if (auto read = arguments.finish(); !read) return std::move(read).error();
  const auto id = id_of(text);
  if (!id) return id.error();
  auto message = context.queue.show(*id);
  if (!message) return std::move(message).error();
  return show(*message);
}

Result<json> queue_retry(const Context& context, Arguments& arguments) {
  const std::string text = arguments.text_or("id", "");
  const bool all = arguments.flag("all");
  if (auto read = arguments.finish(); !read) return std::move(read).error();
  if (all != text.empty()) return Error{Errc::invalid_argument, "queue retry needs either an id or --all"};
  std::optional<QueueId> id;
  if (!all) {
    auto parsed = id_of(text);
    if (!parsed) return std::move(parsed).error();
    id = *parsed;
  }
  auto recipients = context.queue.retry(id);
  if (!recipients) return std::move(recipients).error();
  return json{{"recipients", *recipients}};
}

Result<json> queue_remove(const Context& context, Arguments& arguments) {
  const std::string text = arguments.text("id");
  if (auto read = arguments.finish(); !read) return std::move(read).error();
  const auto id = id_of(text);
  if (!id) return id.error();
  if (auto removed = context.queue.remove(*id); !removed) return std::move(removed).error();
  return json{{"removed", format_queue_id(*id)}};
}

Result<json> relay_status(const Context& context, Arguments& arguments) {
  if (auto read = arguments.finish(); !read) return std::move(read).error();
  json shown = show(context.queue.status());
  shown["running"] = context.running;
  return shown;
}

Result<json> dig(const Context& context, Arguments& arguments) {
  const std::string name = arguments.text("name");
  const std::string type = arguments.text_or("type", "TXT");
  if (auto read = arguments.finish(); !read) return std::move(read).error();
  const auto record_type = dns::parse_record_type(type);
  if (!record_type) return Error{Errc::invalid_argument, record_type.error().text};
  auto answers = look_up(context.config, {dns::Question{name, *record_type}});
  if (!answers) return std::move(answers).error();
  json shown = show(answers->front(), *record_type);
  shown["name"] = name;
  shown["type"] = dns::format(*record_type);
  return shown;
}

}  // namespace

const std::vector<Command>& queue_commands() {
  static const std::vector<Command> all = {
      {"queue list", false, queue_list},     {"queue show", false, queue_show},     {"queue retry", false, queue_retry},
      {"queue remove", false, queue_remove}, {"relay status", false, relay_status}, {"dig", false, dig},
  };
  return all;
}

}  // namespace admin
}  // namespace sendconn::relay
