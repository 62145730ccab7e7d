#include "relay/admin/once.hpp"

#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "relay/admin/commands.hpp"
#include "relay/admin/line_socket.hpp"
#include "relay/admin/protocol.hpp"
#include "relay/admin/spool_queue.hpp"
#include "relay/admin/stores.hpp"

namespace sendconn::relay {
namespace {

constexpr std::chrono::seconds send_deadline{10};
constexpr std::chrono::minutes answer_deadline{5};    // a DNS check, or an RSA key of 4096 bits on a busy machine
constexpr std::size_t max_answer_octets = 1U << 30U;  // a long queue
constexpr std::chrono::seconds start_patience{5};     // a relay that starts has the lock before it has the socket
constexpr std::chrono::milliseconds start_poll{50};

std::string refuse(const Error& error, bool temporary = false) {
  const nlohmann::json answer{
      {"ok", false}, {"error", {{"code", temporary ? "temporary" : admin::format(error.code)}, {"text", error.text}}}};
  return answer.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// Nothing: no relay listens.
std::optional<std::string> ask_relay(const Config& config, const std::string& request) {
  auto socket = admin::connect_to(config.admin_socket);
  if (!socket) {
    if (socket.error().code == Errc::not_found) return std::nullopt;
    return refuse(socket.error());
  }
  if (auto sent = admin::write_line(*socket, request, send_deadline); !sent) return refuse(sent.error(), true);
  auto answer = admin::read_line(*socket, max_answer_octets, answer_deadline);
  if (!answer) return refuse(answer.error(), true);
  return *answer;
}

std::string ask(const Config& config, const std::string& request) {
  const auto patience = std::chrono::steady_clock::now() + start_patience;
  while (true) {
    if (auto answer = ask_relay(config, request)) return *answer;
    auto store = open_control_store(config, std::chrono::milliseconds(0));
    if (store) {
      admin::SpoolQueue queue(config);
      return admin::answer({config, *store, queue, false, {}}, request);
    }
    const bool locked = store.error().code == Errc::conflict;
    if (!locked) return refuse(store.error());
    if (std::chrono::steady_clock::now() > patience) {
      return refuse(
          {Errc::conflict, store.error().text + ", but nobody answers at its admin socket " + config.admin_socket},
          true);
    }
    std::this_thread::sleep_for(start_poll);
  }
}

}  // namespace

int run_admin_once(const Config& config) {
  std::string request;
  if (!std::getline(std::cin, request)) {
    std::cerr << "sendconn-relay: --admin-once needs a request on standard input\n";
    return 1;
  }
  std::string answer = request.size() > admin::max_request_octets
                           ? refuse({Errc::limit_exceeded, "a request must have at most " +
                                                               std::to_string(admin::max_request_octets) + " octets"})
                           : ask(config, request);
  crypto::wipe(request);
  std::cout << answer << std::endl;
  crypto::wipe(answer);
  return std::cout ? 0 : 1;
}

}  // namespace sendconn::relay
