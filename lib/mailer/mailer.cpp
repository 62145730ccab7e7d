// Mailer: one message at a time over a connection of its own, or over one that was kept open.
#include <sendconn/mailer.hpp>

#include <algorithm>
#include <utility>

#include <sendconn/crypto.hpp>

#include "lib/base/ascii.hpp"
#include "lib/base/hidden.hpp"
#include "lib/base/utf8.hpp"
#include "lib/mailer/connection.hpp"

namespace sendconn {
namespace {

/// A server that has the message already is not waited for longer than this when leaving; our own choice.
constexpr std::chrono::seconds quit_patience{5};

UnixTime unix_now() { return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()); }

/// Nothing that could end the message early, or be taken for its end by a server that is less strict.
Result<void> check_octets(std::string_view message) {
  const auto refuse = [](std::string_view what, std::size_t at) {
    return Error{Errc::syntax,
                 "the message holds " + std::string(what) + " at octet " + std::to_string(at) +
                     "; lines must end in CRLF (RFC 5321 section 2.3.8)",
                 at};
  };
  if (const std::size_t at = message.find('\0'); at != std::string_view::npos) return refuse("NUL", at);
  for (std::size_t start = 0; start < message.size();) {
    const std::size_t end = message.find('\n', start);
    const std::string_view line = message.substr(start, end == std::string_view::npos ? end : end - start);
    const std::size_t cr = line.find('\r');
    if (end == std::string_view::npos) {
      if (cr != std::string_view::npos) return refuse("a CR by itself", start + cr);
      break;
    }
    if (cr == std::string_view::npos) return refuse("an LF by itself", end);
    if (cr + 1 != line.size()) return refuse("a CR by itself", start + cr);
    start = end + 1;
  }
  return {};
}

/// What the octets need of the server; what the caller asked for stays.
void note_needs(std::string_view message, std::size_t prefix_octets, smtp::Envelope& envelope) {
  const std::string_view header = message.substr(0, message.find("\r\n\r\n"));
  if (ascii::has_8bit(message)) envelope.body = smtp::BodyType::eight_bit_mime;
  if (ascii::has_8bit(header) && !utf8::find_fault(header)) envelope.smtputf8 = true;
  envelope.octets = prefix_octets + message.size();
}

}  // namespace

struct SENDCONN_HIDDEN Mailer::Impl {
  MailerSettings settings;
  std::unique_ptr<Connection> connection;  ///< kept open; null: none
  Instant idle_since{};

  ~Impl() {
    if (connection) connection->leave();
  }

  [[nodiscard]] const MailerOptions& options() const { return settings.options; }

  Result<std::string> sign(std::string_view message) const {
    if (options().signatures.empty()) return std::string();
    dkim::SignerOptions signer_options;
    signer_options.now = unix_now();
    signer_options.fields = options().signed_fields;
    auto signer = dkim::Signer::create(options().signatures, signer_options);
    if (!signer) return std::move(signer).error();
    if (auto updated = signer->update(message); !updated) return std::move(updated).error();
    return signer->finish();
  }

  /// The kept connection if it can be used; it is not kept any more then.
  std::unique_ptr<Connection> take_kept(const io::Patience& patience) {
    if (!connection) return nullptr;
    std::unique_ptr<Connection> kept = std::move(connection);
    if (io::now() - idle_since > options().keep_open || kept->messages() >= options().max_messages) {
      end(*kept, patience.deadline());
      return nullptr;
    }
    return kept->is_alive() ? std::move(kept) : nullptr;
  }

  static void end(Connection& one, Instant deadline) {
    io::Patience patience(std::min(deadline, io::now() + quit_patience), {}, Duration::zero());
    one.quit(patience);
  }

  /// One try. A connection that is good for more stays.
  std::optional<SessionFailure> attempt(std::unique_ptr<Connection> one, std::string_view prefix,
                                        std::string_view message, const smtp::Envelope& envelope,
                                        io::Patience& patience, const MailerCallbacks& callbacks,
                                        ReportBuilder& builder) {
    if (!one) {
      one = std::make_unique<Connection>(settings);
      if (auto failure = one->open(patience, callbacks)) return failure;
    }
    auto failure = one->send(prefix, message, envelope, patience, callbacks, builder);
    builder.report.tls = one->protocol();
    if (failure) return failure;
    if (options().keep_open > std::chrono::seconds(0) && one->messages() < options().max_messages) {
      connection = std::move(one);
      idle_since = io::now();
    } else {
      end(*one, patience.deadline());
    }
    return std::nullopt;
  }

  Result<MailReport> send(std::string_view message, smtp::Envelope envelope, const MailerCallbacks& callbacks) {
    if (envelope.recipients.empty()) {
      return Error{Errc::invalid_argument, "the message has no recipient; one is required"};
    }
    if (envelope.recipients.size() > options().max_recipients) {
      return Error{Errc::limit_exceeded, std::to_string(envelope.recipients.size()) + " recipients; at most " +
                                             std::to_string(options().max_recipients) +
                                             " are allowed (max_recipients)"};
    }
    if (options().max_message_octets != 0 && message.size() > options().max_message_octets) {
      return Error{Errc::limit_exceeded, "the message has " + std::to_string(message.size()) + " octets; at most " +
                                             std::to_string(options().max_message_octets) +
                                             " are allowed (max_message_octets)"};
    }
    if (auto sound = check_octets(message); !sound) return std::move(sound).error();
    auto prefix = sign(message);
    if (!prefix) return std::move(prefix).error();
    note_needs(message, prefix->size(), envelope);

    io::Patience patience(io::now() + options().send_timeout, callbacks.is_cancelled, cancel_interval);
    ReportBuilder builder(envelope.recipients);
    std::unique_ptr<Connection> kept = take_kept(patience);
    const bool reused = kept != nullptr;
    auto failure = attempt(std::move(kept), *prefix, message, envelope, patience, callbacks, builder);
    // A server may close an idle connection at the moment when it is used again. Nothing was said of this message then.
    if (failure && reused && builder.is_untouched() && failure->stage == MailStage::message &&
        !failure->may_have_arrived && (failure->reply.code == 0 || failure->reply.code == 421) && !patience.is_over()) {
      failure = attempt(nullptr, *prefix, message, envelope, patience, callbacks, builder);
    }
    if (failure) builder.take_failure(*failure);
    return std::move(builder.report);
  }
};

Mailer::Mailer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Mailer::Mailer(Mailer&&) noexcept = default;
Mailer& Mailer::operator=(Mailer&&) noexcept = default;
Mailer::~Mailer() = default;

Result<Mailer> Mailer::create(MailerOptions options) {
  auto impl = std::make_unique<Impl>();
  if (auto settled = settle_options(std::move(options), impl->settings); !settled) return std::move(settled).error();
  return Mailer(std::move(impl));
}

Result<MailReport> Mailer::send(const mime::Message& message, const MailerCallbacks& callbacks) {
  mime::ComposeOptions options;
  options.now = unix_now();
  options.random = crypto::random_octets(mime::min_random_octets);
  options.max_octets = impl_->options().max_message_octets;
  auto composed = mime::compose(message, options);
  if (!composed) return std::move(composed).error();
  smtp::Envelope envelope;
  envelope.reverse_path = (message.sender ? *message.sender : message.from.front()).address;
  envelope.recipients = mime::recipients(message);
  auto report = impl_->send(composed->octets, std::move(envelope), callbacks);
  if (report) report->message_id = std::move(composed->message_id);
  return report;
}

Result<MailReport> Mailer::send_octets(std::string_view message, const smtp::Envelope& envelope,
                                       const MailerCallbacks& callbacks) {
  return impl_->send(message, envelope, callbacks);
}

void Mailer::close() {
  if (!impl_->connection) return;
  const std::unique_ptr<Connection> last = std::move(impl_->connection);
  if (last->is_alive()) Impl::end(*last, Instant::max());
}

bool Mailer::is_open() const noexcept { return impl_->connection != nullptr; }

}  // namespace sendconn
