// Submission: the receiving side of one loop. It accepts connections, keeps them, looks after their deadlines, and
// holds the loop's own pointers to the current rights and certificates, so that no connection ever takes a lock for
// them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include <sendconn/authenticate.hpp>
#include <sendconn/smtp.hpp>
#include <sendconn/tls.hpp>

#include "relay/net/loop.hpp"
#include "relay/submission/services.hpp"

namespace sendconn::relay {

class Connection;

/// A listener's settings in the form that sessions use. Immutable, shared by all loops.
struct ListenerOptions {
  ListenerConfig config;
  smtp::ServerOptions session;
};

class Submission {
 public:
  Submission(Loop& loop, const Services& services);
  ~Submission();

  /// Refuses a port that another program listens on: with SO_REUSEPORT a second relay would take half of the clients.
  static Result<void> check_free(const ListenerConfig& listener, std::uint16_t port);
  /// Opens a socket for the listener on this loop (SO_REUSEPORT: each loop has its own) and returns the port.
  /// Before the loop runs.
  Result<std::uint16_t> listen(const std::shared_ptr<const ListenerOptions>& listener, std::uint16_t port);

  void set_directory(std::shared_ptr<const Directory> directory) { directory_ = std::move(directory); }
  /// What the checks of messages begin with; before the loop runs.
  void set_check_options(authenticate::Options options) { check_options_ = std::move(options); }
  void set_tls(std::shared_ptr<const tls::Context> context) { tls_ = std::move(context); }

  /// Stops accepting, says 421 to idle clients and lets messages under way end. `drained` runs once nobody is left.
  void drain(std::function<void()> drained);

  // For connections.
  Loop& loop() noexcept { return loop_; }
  const Services& services() const noexcept { return services_; }
  const std::shared_ptr<const Directory>& directory() const noexcept { return directory_; }
  const std::shared_ptr<const tls::Context>& tls() const noexcept { return tls_; }
  const authenticate::Options& check_options() const noexcept { return check_options_; }
  void remove(const std::shared_ptr<Connection>& connection);

 private:
  struct Acceptor;
  void accept(Acceptor& acceptor);
  void open(asio::ip::tcp::socket socket, const std::shared_ptr<const ListenerOptions>& listener);
  void on_tick(Instant now);

  Loop& loop_;
  const Services& services_;
  std::shared_ptr<const Directory> directory_;
  std::shared_ptr<const tls::Context> tls_;
  authenticate::Options check_options_;
  std::vector<std::unique_ptr<Acceptor>> acceptors_;
  std::unordered_set<std::shared_ptr<Connection>> connections_;
  std::function<void()> drained_;
  bool draining_ = false;
};

}  // namespace sendconn::relay
