// One connection of a Mailer: a ClientSession on one side, a socket on the other, TLS between them once it is there.
//
// Everything that moves octets is exchange(): it sends what there is, waits until the socket is ready, the session's
// deadline or the caller's patience is over, and feeds what came. All else is turning events into a report. Reading
// goes on while writing, so that a server that refuses early is heard, and none can block both sides.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <sendconn/mailer.hpp>
#include <sendconn/smtp.hpp>
#include <sendconn/tls.hpp>

#include "lib/io/patience.hpp"
#include "lib/io/tcp_socket.hpp"
#include "lib/mailer/options.hpp"
#include "lib/mailer/report.hpp"

namespace sendconn {

class Connection {
 public:
  /// `settings` outlives it.
  explicit Connection(const MailerSettings& settings) : settings_(settings) {}

  /// Finds the host, connects, starts TLS and logs in. Nothing if all of it went well.
  std::optional<SessionFailure> open(io::Patience& patience, const MailerCallbacks& callbacks);
  /// Hands over one message, which is `prefix` and `message`.
  std::optional<SessionFailure> send(std::string_view prefix, std::string_view message, const smtp::Envelope& envelope,
                                     io::Patience& patience, const MailerCallbacks& callbacks, ReportBuilder& builder);
  /// QUIT, and the wait for its reply.
  void quit(io::Patience& patience);
  /// QUIT without waiting: as much of it as the socket takes at once.
  void leave() noexcept;

  /// Looks at what came while nobody did: the server may have said goodbye.
  [[nodiscard]] bool is_alive();
  [[nodiscard]] std::size_t messages() const noexcept { return messages_; }
  [[nodiscard]] std::string_view protocol() const { return endpoint_ ? endpoint_->protocol() : std::string_view(); }

 private:
  std::optional<SessionFailure> connect(io::Patience& patience);
  [[nodiscard]] smtp::ClientOptions session_options() const;
  void start_tls();
  std::optional<smtp::ClientEvent> next_event(io::Patience& patience);
  void exchange(io::Patience& patience);
  void on_silence(io::Patience& patience, Instant until);
  void fill_output();
  void send_output();
  void receive();
  void on_records(std::string_view records);
  void send_content(std::string_view prefix, std::string_view message, io::Patience& patience);

  void fail(MailStage stage, MailFate fate, std::string text);
  void fail(const smtp::Failed& failed);
  void tell(std::string_view line) const;
  [[nodiscard]] MailStage present_stage() const noexcept;
  [[nodiscard]] bool in_handshake() const { return endpoint_ && endpoint_->state() == tls::State::handshaking; }
  [[nodiscard]] std::size_t unsent_octets() const;

  const MailerSettings& settings_;
  const MailerCallbacks* callbacks_ = nullptr;  ///< of the call under way
  io::Connected peer_;
  std::optional<smtp::ClientSession> session_;
  std::optional<tls::Endpoint> endpoint_;
  std::string plain_;           ///< for the session
  std::size_t in_records_ = 0;  ///< octets of the session's output that the endpoint has, and the socket not yet
  Instant tls_deadline_{};
  bool ready_ = false;
  bool deaf_ = false;  ///< the peer takes nothing any more; what it said last is still to be read
  bool sent_dot_ = false;
  std::size_t messages_ = 0;
  std::optional<SessionFailure> failure_;
};

}  // namespace sendconn
