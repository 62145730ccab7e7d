// Courier: one connection to a mail server. It finds a server that answers, drives a smtp::ClientSession over a Stream,
// and carries job after job until the outlet has no more or the connection has served long enough.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sendconn/smtp.hpp>

#include "relay/delivery/message.hpp"
#include "relay/delivery/target.hpp"
#include "relay/net/stream.hpp"

namespace sendconn::relay {

class Dispatcher;
class Outlet;

/// Belongs to one loop; its Outlet keeps it alive until it has ended.
class Courier : public std::enable_shared_from_this<Courier> {
 public:
  explicit Courier(Outlet& outlet);
  ~Courier();

  void start();
  /// Takes the next job; for an idle courier.
  void work();
  void drain();
  void on_tick(Instant now);
  /// Not ready for a job yet.
  [[nodiscard]] bool is_connecting() const noexcept { return phase_ == Phase::finding || phase_ == Phase::connecting; }

 private:
  enum class Phase : std::uint8_t { finding, connecting, loading, sending, idle, ended };

  /// A job whose commands have been, or are about to be, sent.
  struct Carried {
    Job job;
    std::shared_ptr<const Spool::Octets> octets;
    std::vector<std::optional<Reply>> refusals;  ///< by recipient
    std::uint64_t sent = 0;                      ///< octets of the content given to the session
    bool content_ended = false;
  };

  // Finding a server.
  void connect_next();
  void connected(asio::ip::tcp::socket socket);
  void endpoint_failed(const Reply& reply);
  void tls_failed(const std::string& why);

  // The flow of bytes.
  void on_readable();
  void drive(std::string_view input);
  bool send_output();
  void continue_later();
  void end();

  // The session's events.
  void on(const smtp::Ready& event);
  void on(const smtp::StartTls& event);
  void on(const smtp::SendContent& event);
  void on(const smtp::RecipientReply& event);
  void on(const smtp::MessageDone& event);
  void on(const smtp::Failed& event);
  void on(const smtp::Closed& event);

  void take_next();
  void take_next_later();
  void begin(Job job, std::shared_ptr<const Spool::Octets> octets);
  void send_content();
  void prefetch();
  void settle_front(const Reply& rest);
  void quit();

  [[nodiscard]] smtp::ClientOptions session_options() const;
  [[nodiscard]] std::string remote() const;
  static Instant now() { return std::chrono::steady_clock::now(); }

  Outlet& outlet_;
  Dispatcher& dispatcher_;
  Phase phase_ = Phase::finding;
  std::vector<Endpoint> endpoints_;
  std::size_t endpoint_ = 0;  ///< index of the one in use
  Reply last_failure_;
  bool reached_ = false;      ///< the server greeted us well once
  bool without_tls_ = false;  ///< opportunistic TLS failed on this endpoint (RFC 7435)
  std::optional<asio::ip::tcp::socket> connecting_;
  Instant deadline_{};  ///< of the connection attempt, or of idleness
  std::optional<Stream> stream_;
  std::optional<smtp::ClientSession> session_;
  std::deque<Carried> carried_;  ///< the front's replies are due; at most one more is under way behind it
  std::size_t delivered_ = 0;    ///< transactions on this connection
  std::string buffer_;           ///< for content read from a file
  bool starting_tls_ = false;
  unsigned connection_ = 0;  ///< counts them: a wait of one that was given up may still be answered
  bool waiting_read_ = false;
  bool waiting_write_ = false;
  bool sending_content_ = false;
  bool draining_ = false;
};

}  // namespace sendconn::relay
