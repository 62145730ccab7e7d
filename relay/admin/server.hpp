// AdminServer: the Unix socket through which the command line changes and asks a running relay.
//
// One request is one line of JSON, {"command": "domain add", "arguments": {...}}, answered by one line:
// {"ok": true, "result": {...}} or {"ok": false, "error": {"code": "conflict", "text": "..."}}. The commands stand in
// commands.hpp. A thread of its own serves one client after the other; a client that stalls is dropped after a
// deadline, and so is one whose line is too long. The socket has mode 0600: whoever may open it may do all.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <sendconn/result.hpp>

#include "relay/admin/queue_admin.hpp"
#include "relay/config/config.hpp"
#include "relay/control/store.hpp"

namespace sendconn::relay {

class AdminServer {
 public:
  /// Called on the admin thread with the state after a change, before the change is answered.
  using OnChange = std::function<void(std::shared_ptr<const Directory>)>;

  /// Makes the socket and starts the thread. `config`, `store` and `queue` must outlive the server; the store belongs
  /// to its thread from now on. A socket file left by a killed relay is replaced (the store's lock shows that none
  /// lives).
  static Result<std::unique_ptr<AdminServer>> start(const Config& config, ControlStore& store, QueueAdmin& queue,
                                                    OnChange on_change);
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;
  /// Stops and joins the thread, waiting for a command that runs (a DNS check takes seconds at most), and removes the
  /// socket.
  ~AdminServer();

 private:
  struct Impl;
  explicit AdminServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sendconn::relay
