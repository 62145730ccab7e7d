// Mailer: for an application that only sends. It connects to one server (a smarthost: the provider's, the company's, or
// sendconn-relay), logs in, signs, hands the message over, and says what became of each recipient.
//
//   MailerOptions options;
//   options.host = "mail.example.org";
//   options.login = MailerLogin{"shop@example.org", password};
//   auto mailer = Mailer::create(options);
//   auto report = mailer->send(message);            // a mime::Message
//   if (!report->all_accepted()) ...
//
// It blocks, with a deadline on every wait. Who has an event loop uses smtp::ClientSession and tls::Endpoint instead.
// It does not look up MX records, keeps no queue and never tries again by itself: what to do about a recipient whose
// fate is temporary is for the application to say, or for a relay on the way.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sendconn/address.hpp>
#include <sendconn/dkim.hpp>
#include <sendconn/mime.hpp>
#include <sendconn/reply.hpp>
#include <sendconn/result.hpp>
#include <sendconn/smtp.hpp>

#pragma GCC visibility push(default)

namespace sendconn {

/// Name and password. SCRAM-SHA-256, PLAIN and LOGIN are known; the strongest that the server offers is used.
struct MailerLogin {
  std::string user;
  std::string password;
  std::uint8_t mechanisms = 7;  ///< bits of sasl::Mechanism that may be used
  /// The password may go over a connection without TLS. Even then only SCRAM, which does not show it, goes further than
  /// to this machine (a loopback address).
  bool without_tls = false;
};

struct MailerOptions {
  std::string host;        ///< a name or an IP address
  std::uint16_t port = 0;  ///< 0: 465 with TlsMode::implicit (RFC 8314), else 587 (RFC 6409)
  /// required: STARTTLS, and nothing else is said without it. off: for a server on this machine.
  smtp::TlsMode tls = smtp::TlsMode::required;
  /// With TlsMode::off: also to other machines, where anybody on the way can read and change the message.
  bool cleartext_beyond_loopback = false;
  /// The server's certificate must be good for `host`. TlsMode::opportunistic takes any, unless there is a login.
  /// False: for tests alone; the password then goes to whoever answers.
  bool verify = true;
  std::string authorities_file;      ///< PEM, read once by create(); empty: the system's store
  std::optional<MailerLogin> login;  ///< none: the server knows this machine by its address
  /// What this machine calls itself in EHLO: empty: its host name if that is a domain name with a dot, else the address
  /// it connects from, in brackets (RFC 5321 section 4.1.3).
  std::string hello_name;

  /// What every message is signed with; empty: nothing. The signatures' t= is the time of sending.
  std::vector<dkim::Signature> signatures;
  dkim::SignedFields signed_fields;

  /// How long an unused connection may stay open for the next message. 0: each message has a connection of its own.
  /// No thread watches over it: it is closed by the next call, by close() or by the destructor.
  std::chrono::seconds keep_open{0};
  std::size_t max_messages = 100;  ///< over one connection; precedent: smtp_connection_reuse_count_limit of others

  // Each 1 s to max_timeout.
  std::chrono::seconds connect_timeout{30};   ///< to find the host, connect to one of its addresses, and for TLS
  std::chrono::seconds command_timeout{300};  ///< for the greeting and each reply (RFC 5321 section 4.5.3.2)
  std::chrono::seconds data_timeout{180};     ///< while the message is sent, without progress
  std::chrono::seconds message_timeout{600};  ///< for the reply to the message
  std::chrono::seconds send_timeout{3600};    ///< for all of one send(); our own bound against a server that trickles
  static constexpr std::chrono::seconds max_timeout{86'400};

  /// Name servers to ask as io::CaresOptions has them; empty: the system's. /etc/hosts comes first either way.
  std::vector<std::string> dns_servers;
  std::size_t max_message_octets = 52'428'800;  ///< 0: no bound
  std::size_t max_recipients = 1'000;           ///< of one message; servers often allow 100
};

/// What to tell an application's user about a recipient.
enum class MailFate : std::uint8_t {
  accepted = 0,   ///< the server has taken the message for this recipient
  temporary = 1,  ///< not now: the same may succeed later
  permanent = 2,  ///< not like this: the message, the address or the options must change first
};

struct RecipientReport {
  Address recipient;
  MailFate fate = MailFate::temporary;
  /// What the server said of this recipient, or of the message, or why the session failed. Code 0: no server said it.
  Reply reply;
};

/// Where a session failed.
enum class MailStage : std::uint8_t {
  none = 0,      ///< it did not
  lookup = 1,    ///< the host's name has no address, or the DNS did not answer
  connect = 2,   ///< no address answered
  tls = 3,       ///< the certificate was refused, or the handshake failed, or TLS is not offered
  greeting = 4,  ///< the server did not want us, or did not speak SMTP
  login = 5,     ///< name or password, or no mechanism in common
  message = 6,   ///< while the message was handed over
  cancelled = 7,
};

/// What became of one message.
struct MailReport {
  std::vector<RecipientReport> recipients;  ///< one for each of the envelope's, in its order, whatever happened
  /// To the message as a whole, with the server's queue id as a rule; or why the session failed.
  Reply reply;
  MailStage failed_at = MailStage::none;
  /// The connection was lost before the reply to the whole message: sending again may deliver it twice (RFC 5321
  /// section 4.5.3.2.6). All recipients are temporary then.
  bool may_have_arrived = false;
  std::string message_id;  ///< of send(mime::Message), without angle brackets
  std::string tls;         ///< "TLSv1.3"; empty: without TLS

  [[nodiscard]] bool all_accepted() const noexcept;
};

/// Called while send() runs, on its thread. They may throw: the connection is dropped, and the exception comes out of
/// send(). They must not call the Mailer.
struct MailerCallbacks {
  /// Octets of the message that left, and all of them: with each piece of at most 64 KB, and at the end.
  std::function<void(std::uint64_t sent, std::uint64_t total)> on_progress;
  /// True ends send() with MailStage::cancelled. Asked at least every cancel_interval.
  std::function<bool()> is_cancelled;
  /// For a log: what happened and what the server said, one line each; never a password nor the message.
  std::function<void(std::string_view line)> on_trace;
};

/// Thread-compatible: one send() at a time; several Mailers work side by side. No signal is ever raised (SIGPIPE).
class Mailer {
 public:
  /// How long a cancellation may wait to be noticed.
  static constexpr std::chrono::milliseconds cancel_interval{50};

  /// Connects to nothing yet. Errc::invalid_argument for an option outside its range, and what tls::Context::create
  /// says of the authorities' file. No error text ever holds the password.
  static Result<Mailer> create(MailerOptions options);
  Mailer(Mailer&&) noexcept;
  Mailer& operator=(Mailer&&) noexcept;
  /// Says QUIT without waiting for an answer, and closes.
  ~Mailer();

  /// Composes the message with the system's time and random octets, signs it, and sends it to recipients(message); the
  /// reverse-path is the sender's address, or else the first From's. Everything that a server or the network says is in
  /// the report. Errors: what mime::compose and dkim::Signer say; Errc::invalid_argument without recipients;
  /// Errc::limit_exceeded.
  Result<MailReport> send(const mime::Message& message, const MailerCallbacks& callbacks = {});

  /// Sends a message that is octets already: header, empty line, body, CRLF line ends. `envelope`: reverse_path and
  /// recipients count; what the message needs (8BITMIME, SMTPUTF8) and its size are found out here. A Bcc field would
  /// be sent as it is. Errors as above; Errc::syntax with the position for a CR or LF by itself and for NUL.
  Result<MailReport> send_octets(std::string_view message, const smtp::Envelope& envelope,
                                 const MailerCallbacks& callbacks = {});

  /// Ends a connection that was kept open: QUIT, and at most 5 seconds for the answer.
  void close();
  [[nodiscard]] bool is_open() const noexcept;  ///< a connection is kept for the next message; it may be lost already

 private:
  struct Impl;
  explicit Mailer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sendconn

#pragma GCC visibility pop
