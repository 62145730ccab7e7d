// SMTP sessions without I/O (RFC 5321): bytes in, events out; decisions in, bytes out. Both sides share the shape:
//
//   while (true) {
//     auto event = session.next_event();            // what happened, or NeedInput
//     if (std::holds_alternative<NeedInput>(event)) { if input is empty: break; input.remove_prefix(session.feed(input,
//     now)); continue; }
//     ... act; a decision is answered with reply() — now, or later from a callback ...
//   }
//   write(session.output()); session.consumed_output(written);
//
// A session pauses at every decision: until it is answered, next_event() gives Paused and feed() takes nothing, so
// pipelined input is safe. Views in an event are valid until the next call of feed() or next_event(); those of a
// decision until it is answered. They view memory of the session, with one exception: Content views the octets that
// were fed, so that a message is never copied here. Where the input is cut into pieces changes nothing but where
// Content is cut. Thread-compatible. No clock, no randomness, no sockets: they are arguments.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <sendconn/address.hpp>
#include <sendconn/reply.hpp>
#include <sendconn/result.hpp>
#include <sendconn/sasl.hpp>
#include <sendconn/time.hpp>

#pragma GCC visibility push(default)

namespace sendconn::smtp {

// ── Events both sides know ─────────────────────────────────────────────────────────────────────────────────────────

struct NeedInput {};  ///< everything fed was used; feed more
/// A decision is open; call reply() (or what the decision's event names). Also between StartTls and tls_started().
struct Paused {};
/// Change to TLS now: flush output(), run the handshake on the socket, then call tls_started() or drop the connection.
/// The input buffer was purged by the transition itself; drop anything of your own that came before the handshake too.
struct StartTls {};
/// The session is over: flush output(), then close the socket.
struct Closed {
  bool orderly = false;  ///< QUIT was exchanged
  Reply reason;          ///< what was said or seen last; code 0 if nothing
};

// ── Server ─────────────────────────────────────────────────────────────────────────────────────────────────────────

enum class BodyType : std::uint8_t { seven_bit, eight_bit_mime };
enum class BareNewlines : std::uint8_t { refuse, normalize };

/// Everything that many sessions share; kept by reference, so it must outlive them.
struct ServerOptions {
  std::string hostname;                           ///< in the greeting and the EHLO reply
  std::uint64_t max_message_octets = 52'428'800;  ///< SIZE (RFC 1870); 0: no bound
  std::size_t max_recipients = 100;               ///< RFC 5321 section 4.5.3.1.8: at least 100; then 452 4.5.3
  std::size_t max_command_octets = 2'048;  ///< with CRLF; RFC 5321 section 4.5.3.1.4 asks 512 plus what extensions add
  std::size_t max_auth_octets = 12'288;    ///< of a response of SASL, with CRLF (RFC 4954 section 4)
  std::size_t max_line_octets =
      0;  ///< of the message, without CRLF; 0: no bound. RFC 5321 section 4.5.3.1.6 asks 998; longer lines are common
  bool offer_starttls = false;
  bool require_tls = true;      ///< before AUTH (538) and MAIL (530)
  bool require_auth = true;     ///< before MAIL (530)
  std::uint8_t mechanisms = 7;  ///< bits of sasl::Mechanism; 0: no AUTH
  BareNewlines bare_newlines = BareNewlines::refuse;
  /// Whose postmaster RCPT TO:<postmaster> means, which a server that receives must take (RFC 5321 section 4.5.1).
  /// Nobody's: it is refused.
  std::optional<Domain> postmaster_domain;
  std::size_t max_auth_failures = 3;  ///< then 421 4.7.0; precedent: Dovecot and Postfix allow 3 to 20
  /// Commands the session itself refused with 5xx, without a message between; then 421. Recipients and senders refused
  /// by a decision do not count. Precedent: Postfix smtpd_hard_error_limit 20.
  std::size_t max_errors = 20;
  std::size_t max_idle_commands = 100;  ///< NOOP, RSET, VRFY, HELP, EHLO without a message between, then 421;
                                        ///< precedent: Postfix smtpd_junk_command_limit 100
  /// From a reply to the end of the next command, however slowly its octets come (RFC 5321 section 4.5.3.2.7).
  std::chrono::seconds command_timeout{300};
  /// Between two pieces of the message (RFC 5321 section 4.5.3.2.5); a piece is at least min_data_progress.
  std::chrono::seconds data_timeout{180};
  /// A sender that sends an octet now and then holds a session no longer than one that sends nothing: our own bound.
  static constexpr std::size_t min_data_progress = 512;
};

/// Decision: reply(220…) greets (an empty text becomes "<hostname> ESMTP"), anything else ends the session.
struct Greeting {};
struct Hello {
  std::string_view name;
  bool extended = false;
};  ///< no decision
/// Decision: check the password; reply(235 2.7.0 …) lets in, 535 5.7.8, 454 4.7.0 and so on do not.
/// The views are wiped after the decision.
struct Login {
  std::string_view user;
  std::string_view password;
  sasl::Mechanism mechanism{};
};
/// Decision: reply_verifier() with the user's verifier, or with one made up for an unknown user (the exchange then
/// fails at its end, so that nobody learns who exists), or reply() to refuse at once; a positive reply without a proof
/// counts as 535. After reply_verifier() comes LoginDone, unless the session ends before.
struct ScramLogin {
  std::string_view user;
};
/// No decision: SCRAM ended with a good proof, a wrong one, or without one (cancelled, malformed); the reply was given.
struct LoginDone {
  std::string_view user;
  bool ok = false;
};
/// Decision. No reverse-path: MAIL FROM:<>.
struct Mail {
  std::optional<Address> reverse_path;
  BodyType body = BodyType::seven_bit;
  bool smtputf8 = false;
  std::optional<std::uint64_t> size;  ///< declared; already checked against max_message_octets
  std::string_view auth;              ///< AUTH= parameter, decoded; a statement, never trusted (RFC 4954 section 5)
};
struct Rcpt {
  Address forward_path;
};                    ///< decision
struct DataStart {};  ///< decision: reply(354…) begins the message
struct Content {
  std::string_view octets;
};  ///< no decision: the message, dots unstuffed, CRLF line ends
/// Decision: the message is complete and sound; the reply is the answer to it. octets counts all Content.
/// eight_bit: some of them are above 0x7f, whatever BODY= said. As nearly every server does, the session takes 8-bit
/// content without BODY=8BITMIME; a next hop without 8BITMIME must not get it (RFC 6152 section 3).
struct MessageEnd {
  std::uint64_t octets = 0;
  bool eight_bit = false;
};
/// No decision: the transaction that an accepted MAIL began is over without a message: RSET, EHLO, a message that will
/// be refused (too large, a bare newline, NUL; the session answers at the true end), or the end of the session. Drop
/// what belongs to it. `reason`: the reply that the client got or will get; code 0: none, the connection was lost.
struct Reset {
  Reply reason;
};

using ServerEvent = std::variant<NeedInput, Paused, StartTls, Closed, Greeting, Hello, Login, ScramLogin, LoginDone,
                                 Mail, Rcpt, DataStart, Content, MessageEnd, Reset>;

class ServerSession {
 public:
  /// `options` must outlive the session. The first event is Greeting.
  ServerSession(const ServerOptions& options, Instant now);
  ServerSession(ServerSession&&) noexcept;
  ServerSession& operator=(ServerSession&&) noexcept;
  ~ServerSession();

  /// The connection is encrypted from its first byte (port 465).
  void set_tls() noexcept;
  /// The client's network stands for a login, and if `also_without_tls` (loopback alone) for TLS: they are not asked
  /// for any more.
  void trust_client(bool also_without_tls = true) noexcept;

  /// Takes input up to the next event; returns how much was taken: 0 while an event or a decision is open, and
  /// rarely when the event comes out of what was fed before (so ask next_event(), not the count). At STARTTLS and at
  /// the end of the session all of it is taken, and what stands behind the command is dropped.
  std::size_t feed(std::string_view octets, Instant now);
  ServerEvent next_event();
  /// Answers the open decision; ignored if none is open. 421 ends the session, whatever the decision. `now` restarts
  /// the deadline.
  void reply(const Reply& reply, Instant now);
  /// Answers ScramLogin. `nonce`: at least 18 octets of printable ASCII without ',' from a random source.
  void reply_verifier(const sasl::ScramVerifier& verifier, std::string_view nonce, Instant now);
  /// The handshake after StartTls is done; the client has to say EHLO again (RFC 3207 section 4.2).
  void tls_started(Instant now);
  /// Ends the session from the driver's side: this reply, a 421, goes out. An open decision is dropped. Inside a
  /// message (from 354 to its reply) it is put off until the message has been answered; who cannot wait cuts the
  /// connection.
  void shut_down(const Reply& reply);
  /// The peer closed its side; call it when everything before was fed. An open decision is still to be answered, for
  /// its message may be stored already; then, or at once, comes Closed.
  void input_closed();

  [[nodiscard]] std::string_view output() const noexcept;
  void consumed_output(std::size_t count);
  /// When on_time() must be called at the latest; nothing while a decision is open (the driver's time, not the
  /// client's). It also bounds the TLS handshake.
  [[nodiscard]] std::optional<Instant> next_deadline() const noexcept;
  /// Ends the session with 421 4.4.2 if its deadline has passed, and does nothing before.
  void on_time(Instant now);

  [[nodiscard]] bool tls() const noexcept;
  [[nodiscard]] bool authenticated() const noexcept;
  [[nodiscard]] bool extended() const noexcept;  ///< EHLO rather than HELO
  [[nodiscard]] std::string_view hello_name()
      const noexcept;  ///< what the client calls itself; checked for form, never trusted

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// ── Client ─────────────────────────────────────────────────────────────────────────────────────────────────────────

enum class TlsMode : std::uint8_t {
  off,
  opportunistic,  ///< if offered
  required,       ///< the session ends if the server does not offer it
  implicit,       ///< the connection is encrypted from its first byte
};

struct Credentials {
  std::string user;
  std::string password;
  std::uint8_t mechanisms = 7;   ///< bits of sasl::Mechanism that may be used; the strongest offered is
  bool allow_plaintext = false;  ///< PLAIN and LOGIN without TLS; for loopback only
};

struct ClientOptions {
  std::string hello_name;  ///< a domain or address literal; octets that may not stand in one are left out
  TlsMode tls = TlsMode::opportunistic;
  std::optional<Credentials> credentials;
  std::string nonce;  ///< for SCRAM: at least 18 octets of printable ASCII without ','
  bool lmtp = false;  ///< LHLO, one reply for each recipient at the end (RFC 2033)
  // RFC 5321 section 4.5.3.2
  std::chrono::seconds greeting_timeout{300};
  std::chrono::seconds command_timeout{300};  ///< EHLO, MAIL, RCPT, AUTH, RSET
  std::chrono::seconds data_start_timeout{120};
  std::chrono::seconds data_timeout{180};     ///< while the message is being sent, without progress
  std::chrono::seconds message_timeout{600};  ///< for the reply to the final dot
  std::size_t max_reply_octets = 65'536;      ///< of one reply, all lines; our own bound against endless replies
};

/// What the server announced.
struct Capabilities {
  bool extended = false;  ///< it speaks ESMTP
  bool pipelining = false;
  bool eight_bit_mime = false;
  bool smtputf8 = false;
  bool starttls = false;
  bool enhanced_codes = false;
  bool size = false;
  std::uint64_t max_octets = 0;  ///< of SIZE; 0: none stated
  std::uint8_t mechanisms = 0;
};

struct Envelope {
  std::optional<Address> reverse_path;
  std::vector<Address> recipients;      ///< at least one
  BodyType body = BodyType::seven_bit;  ///< what the message needs
  bool smtputf8 = false;                ///< what the message or an address needs
  std::uint64_t octets = 0;             ///< 0: unknown
};

struct Ready {};  ///< greeted, encrypted and authenticated as asked: begin() may be called
/// The server took MAIL, at least one RCPT and DATA: send the message with content() and end_content().
struct SendContent {};
/// What became of one recipient at RCPT. Positive ones are settled by MessageDone. LMTP: once more at the end, for each
/// recipient that was accepted; that one settles it.
struct RecipientReply {
  std::size_t index = 0;
  Reply reply;
};
/// The transaction is over. positive(): the server has the message for every recipient that was accepted. Not positive:
/// nobody has it; recipients without a refusal of their own share this reply. LMTP: positive if at least one recipient
/// was taken at the end.
/// Code 0: nothing was said; `reply.text` says what is missing (8BITMIME 5.6.3, SMTPUTF8 5.6.7, SIZE 5.3.4 as enhanced
/// code).
struct MessageDone {
  Reply reply;
};
/// The connection failed: refused greeting, TLS not offered, credentials refused, malformed reply, timeout, loss. Comes
/// once; the session is over (Closed follows). A connection that ends while nothing is asked of it is Closed alone.
struct Failed {
  Reply reason;                 ///< never code 0
  bool sent_final_dot = false;  ///< the message may have been taken (RFC 5321 section 4.5.3.2.6)
  bool local = false;           ///< the reason was made here: 451 with an enhanced code that says what failed
  bool login = false;           ///< it failed at the login: between the choice of a mechanism and the server's verdict
};

using ClientEvent = std::variant<NeedInput, StartTls, Closed, Ready, SendContent, RecipientReply, MessageDone, Failed>;

class ClientSession {
 public:
  ClientSession(ClientOptions options, Instant now);
  ClientSession(ClientSession&&) noexcept;
  ClientSession& operator=(ClientSession&&) noexcept;
  ~ClientSession();

  /// Takes input up to the next event; returns how much was taken, 0 while an event is open. What comes behind the
  /// server's 220 to STARTTLS was not encrypted: it fails the session (a reply injected by somebody on the way).
  std::size_t feed(std::string_view octets, Instant now);
  ClientEvent next_event();
  /// The handshake is done. Everything the server said before is forgotten, and EHLO is said again.
  void tls_started(Instant now);

  /// Starts a transaction; after Ready or MessageDone. With PIPELINING, MAIL, RCPT and DATA go out together.
  /// May also be called after end_content() while MessageDone is still due, if capabilities().pipelining: the commands
  /// then travel behind the final dot (RFC 2920 section 3.1), and events keep the order of the transactions.
  /// Errors: Errc::wrong_state; Errc::invalid_argument without recipients. A message the server cannot take for what it
  /// announced gives MessageDone with code 0, and nothing is sent.
  Result<void> begin(const Envelope& envelope, Instant now);
  /// The next piece of the message, any size, CRLF line ends; dots are stuffed here. Appends to output(): flush before
  /// adding much. Ignored except between SendContent and end_content().
  void content(std::string_view octets, Instant now);
  /// CRLF (if the message does not end with one), dot, CRLF.
  void end_content(Instant now);
  /// Says QUIT, behind whatever is under way; Closed comes with its reply.
  void quit(Instant now);
  /// The peer closed its side.
  void input_closed();

  [[nodiscard]] std::string_view output() const noexcept;
  void consumed_output(std::size_t count);
  /// The same, and that the peer takes what is sent: the deadline of a message under way begins anew.
  void consumed_output(std::size_t count, Instant now);
  /// When on_time() must be called at the latest; nothing while nothing is asked of the server.
  [[nodiscard]] std::optional<Instant> next_deadline() const noexcept;
  /// Fails the session if its deadline has passed, and does nothing before.
  void on_time(Instant now);
  [[nodiscard]] const Capabilities& capabilities() const noexcept;
  [[nodiscard]] bool tls() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sendconn::smtp

#pragma GCC visibility pop
