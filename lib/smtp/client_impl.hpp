// The state of a ClientSession, and what its parts do: the way to Ready is in client_opening.cpp, transactions are in
// client_transaction.cpp, everything both need, and the public face, in client_session.cpp.
//
// Replies come in the order of the commands, so the session keeps one queue of what is still to be answered, and
// everything that happens is an entry of it coming to its front. Pipelining changes only when commands leave: together
// if the server announced it (RFC 2920), one by one otherwise. `waiting` holds those that have not left.
//
// At most two transactions are alive: the older awaits the reply to its final dot while the envelope of the younger
// travels behind that dot. Every entry of the queue belongs to the older, for its replies come first.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sendconn/smtp.hpp>

#include "lib/base/hidden.hpp"
#include "lib/smtp/dot_stuffer.hpp"
#include "lib/smtp/login_attempt.hpp"
#include "lib/smtp/output_buffer.hpp"
#include "lib/smtp/reply_reader.hpp"

namespace sendconn::smtp {

struct SENDCONN_HIDDEN ClientSession::Impl {
  /// What a reply answers.
  enum class Asked : std::uint8_t {
    greeting,
    ehlo,
    helo,
    starttls,
    auth,
    rset,
    mail,
    rcpt,
    data,
    message,  ///< the final dot
    nothing,  ///< no reply comes: the transaction failed here, and its turn to say so has come
    quit,
  };
  static std::string_view name(Asked asked) noexcept;

  struct Entry {
    Asked asked;
    std::uint32_t index = 0;  ///< of the recipient
  };

  struct Transaction {
    enum class Stage : std::uint8_t { envelope, content, sent };
    Stage stage = Stage::envelope;
    bool sender_taken = false;
    bool hollow = false;                  ///< DATA was taken though no recipient was: a lone dot ends it
    std::vector<std::uint32_t> accepted;  ///< recipients
    Reply refusal;                        ///< of MAIL, or the last of RCPT
    Reply settled;                        ///< LMTP: the best reply so far
    Reply missing;                        ///< what the server lacks; enhanced code empty: nothing
  };

  Impl(ClientOptions o, Instant now);
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl();

  ClientOptions options;
  bool tls;
  bool ready = false;  ///< Ready was given
  bool logging_in = false;
  bool handshake = false;  ///< between StartTls and tls_started()
  bool quitting = false;
  bool quit_asked = false;
  bool closed = false;
  bool orderly = false;
  bool reset_due = false;  ///< the server holds a transaction that failed
  unsigned refused_mechanisms = 0;
  ReplyReader replies;
  OutputBuffer output;
  Capabilities announced;
  std::deque<Entry> asked;
  std::string waiting;
  std::vector<Transaction> transactions;  ///< the older first; at most two
  DotStuffer stuffer;
  std::optional<LoginAttempt> login;
  std::deque<ClientEvent> events;
  Reply last;
  Instant deadline;

  // ── Ends ──

  [[nodiscard]] bool sent_final_dot() const noexcept;
  void close(Reply reason, bool is_orderly = false);
  void fail(Reply reason, bool taken_possible, bool local);
  void fail_here(EnhancedCode code, std::string text);

  // ── Asking ──

  void ask(Asked what, std::string_view command, std::string_view argument = {});
  /// Lets commands leave: all of them if the server pipelines, else one when nothing is unanswered.
  void send(Instant now);
  /// QUIT travels behind a final dot, but never behind a DATA: it would be read as content.
  void quit_when_possible();
  void restart(Instant now);

  // ── The way to Ready ──

  void say_hello();
  void on_hello(const Reply& reply);
  void after_hello();
  void go_on_without_starttls(const Reply& why_not, bool local);
  void become_ready();
  void log_in();
  void on_auth(const Reply& reply);
  void answer_challenge(std::string_view text);

  // ── Transactions ──

  /// What the message needs and the server does not have; an empty code: nothing.
  [[nodiscard]] Reply find_missing(const Envelope& envelope, bool smtputf8) const;
  void begin(const Envelope& envelope, Instant now);
  void finish_transaction(Reply reply);
  /// A transaction that failed without being sent tells so when its turn has come.
  void settle_here();
  /// The commands of this transaction that have not left never will.
  void forget_unsent();
  void on_mail(Reply reply);
  void on_rcpt(std::uint32_t index, Reply reply);
  void on_data(Reply reply);
  void on_message(std::uint32_t index, Reply reply);
  void end_content(Instant now);

  // ── Replies ──

  void on_reply(Reply reply, Instant now);
  void take_reply(const Entry& entry, Reply reply, Instant now);
  /// A reply to nothing: the server is going away, or does not want the rest of the message.
  void on_unasked(Reply reply);
};

}  // namespace sendconn::smtp
