// Connection: one client of the relay. It drives a smtp::ServerSession over a Stream and answers its decisions:
// greeting and networks, logins (connection.cpp), rights and limits at MAIL and RCPT, and the message, whose 250 waits
// for the checks of its origin and for the spool (transaction.cpp).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sendconn/smtp.hpp>

#include "relay/net/stream.hpp"
#include "relay/submission/inspection.hpp"
#include "relay/submission/intake.hpp"
#include "relay/submission/submission.hpp"

namespace sendconn::relay {

/// Belongs to one loop; the Submission keeps it alive, and so does work that is under way for it elsewhere.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Submission& submission, std::shared_ptr<const ListenerOptions> listener, asio::ip::tcp::socket socket,
             const IpAddress& client);
  ~Connection();

  void start();
  void on_tick(Instant now);
  /// Ends the session at the next chance; a message under way is let finish.
  void drain();
  [[nodiscard]] const IpAddress& client() const noexcept { return client_; }

 private:
  // The flow of bytes.
  void on_readable();
  void drive(std::string_view input);
  void continue_later();
  void send_output();
  void finish();
  bool start_tls();

  // The session's events, in the order of a session.
  void on(smtp::Greeting event);
  void on(const smtp::Login& event);
  void on(const smtp::ScramLogin& event);
  void on(const smtp::LoginDone& event);
  void on(const smtp::Mail& event);
  void on(const smtp::Rcpt& event);
  void on(smtp::DataStart event);
  void on(const smtp::Content& event);
  void on(const smtp::MessageEnd& event);
  void on(const smtp::Reset& event);
  void on(smtp::StartTls event);
  void on(const smtp::Closed& event);

  /// Answers the open decision and goes on; `answer_now` is for inside an event, and what `answer` does there.
  void answer(const Reply& reply);
  void answer_now(const Reply& reply) { session_.reply(reply, now()); }
  void refuse(std::string_view stage, const Reply& reply);
  void refuse_message(const Reply& reply);
  [[nodiscard]] Duration wait_for(std::string_view key, const limit::Rate& rate);
  bool login_allowed();
  void login_failed();
  void hold_reply();
  std::optional<Reply> decide_mail();
  std::optional<Reply> take_token(std::string key, const limit::Rate& rate, const char* refusal);
  std::optional<Reply> decide_recipient(const Address& recipient);
  std::optional<Reply> decide_again();
  void start_inspection();
  void inspected(const authenticate::Results& results);
  void end_message(const std::string& fields);
  void store_message(const std::string& fields);
  void login_decided(const std::string& user, const std::string& proved, bool good, const Reply& refusal);
  void message_stored(const QueuedMessage& message, const std::string& message_id, const Result<void>& stored);
  [[nodiscard]] std::shared_ptr<const Connector> connector() const;
  [[nodiscard]] std::string_view protocol() const;
  static Instant now() { return std::chrono::steady_clock::now(); }

  /// A transaction: from MAIL to the end of the message.
  struct Transaction {
    std::shared_ptr<const Connector> connector;  ///< null: the listener receives from the Internet
    std::optional<Address> reverse_path;
    std::vector<Address> recipients;
    bool smtputf8 = false;
    bool utf8_address = false;
    std::uint64_t declared_octets = 0;
    std::string rate_key;  ///< of the bucket that gave a token; empty: none did
    limit::Rate rate;
    std::optional<Intake> intake;
    std::shared_ptr<Inspection> inspection;  ///< null: the listener does not check
    QueueId id = 0;
    UnixTime accepted{};
    bool eight_bit = false;
    bool sender_proven = false;
  };
  void log_refusal(std::string_view stage, const Reply& reply, const Transaction* of) const;

  Submission& submission_;
  const Services& services_;
  std::shared_ptr<const ListenerOptions> listener_;
  Stream stream_;
  smtp::ServerSession session_;
  std::shared_ptr<const Directory> directory_;
  IpAddress client_;
  std::string client_text_;
  std::string user_;     ///< logged in as; empty: by network, or not at all
  std::string proved_;   ///< the stored key that the login proved: another one under the same name is another login
  std::string pending_;  ///< input that came while a decision was open
  std::unique_ptr<Transaction> transaction_;
  Instant tls_deadline_{};  ///< of a handshake that is under way
  bool starting_tls_ = false;
  bool paused_ = false;   ///< a decision is open
  bool held_ = false;     ///< the reply to a failed login waits, and all input with it
  bool waiting_ = false;  ///< a readiness handler is out
  bool driving_ = false;
  bool finished_ = false;
};

}  // namespace sendconn::relay
