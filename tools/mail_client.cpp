#include "tools/mail_client.hpp"

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <system_error>

#include <sendconn/crypto.hpp>
#include <sendconn/tls.hpp>

namespace sendconn::tools {
namespace {

constexpr std::size_t piece_octets = 65'536;  // of the message in the session's output at a time

Instant now() { return std::chrono::steady_clock::now(); }

Error system_error(const std::string& what) { return {Errc::io, what + ": " + std::generic_category().message(errno)}; }

class Socket {
 public:
  explicit Socket(int value = -1) : value_(value) {}
  Socket(Socket&& other) noexcept : value_(other.value_) { other.value_ = -1; }
  Socket& operator=(Socket&&) = delete;
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() {
    if (value_ >= 0) ::close(value_);
  }
  [[nodiscard]] int get() const { return value_; }

 private:
  int value_;
};

/// Whether the socket became ready for `events` before the deadline.
bool wait(int socket, short events, Instant deadline) {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - now());
    pollfd watched{socket, events, 0};
    const int ready = ::poll(&watched, 1, left.count() > 0 ? static_cast<int>(left.count()) : 0);
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

struct FreeAddresses {
  void operator()(addrinfo* list) const noexcept { ::freeaddrinfo(list); }
};

Result<Socket> connect_one(const addrinfo& address, Instant deadline) {
  Socket socket(::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (socket.get() < 0) return system_error("socket");
  if (::connect(socket.get(), address.ai_addr, address.ai_addrlen) != 0) {
    if (errno != EINPROGRESS) return system_error("connect");
    if (!wait(socket.get(), POLLOUT, deadline)) return Error{Errc::io, "connect: no answer in time"};
    int fault = 0;
    socklen_t size = sizeof(fault);
    ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &fault, &size);
    if (fault != 0) {
      errno = fault;
      return system_error("connect");
    }
  }
  return socket;
}

Result<Socket> connect(const MailServer& server) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* list = nullptr;
  const std::string port = std::to_string(server.port);
  if (const int fault = ::getaddrinfo(server.host.c_str(), port.c_str(), &hints, &list); fault != 0) {
    return Error{Errc::io, "cannot find the host " + server.host + ": " + ::gai_strerror(fault)};
  }
  const std::unique_ptr<addrinfo, FreeAddresses> addresses(list);
  Error last{Errc::io, "no address"};
  for (const addrinfo* one = list; one != nullptr; one = one->ai_next) {
    auto socket = connect_one(*one, now() + server.timeout);
    if (socket) return socket;
    last = std::move(socket).error();
  }
  return Error{Errc::io, "cannot connect to " + server.host + " port " + port + ": " + last.text};
}

/// The session on one side, the socket on the other, TLS between them once it is there.
class Conversation {
 public:
  Conversation(const MailServer& server, Socket socket, const OnProgress& on_progress)
      : server_(server), socket_(std::move(socket)), on_progress_(on_progress), session_(options(server), now()) {}

  Result<Delivery> run(const smtp::Envelope& envelope, std::string_view message) {
    delivery_.recipients.resize(envelope.recipients.size());
    if (server_.tls == smtp::TlsMode::implicit) {
      if (auto secured = start_tls(); !secured) return std::move(secured).error();
    }
    while (!over_) {
      auto event = session_.next_event();
      if (std::holds_alternative<smtp::NeedInput>(event)) {
        if (auto moved = exchange(); !moved) return std::move(moved).error();
        continue;
      }
      if (auto handled = handle(event, envelope, message); !handled) return std::move(handled).error();
    }
    static_cast<void>(flush());
    return std::move(delivery_);
  }

 private:
  static smtp::ClientOptions options(const MailServer& server) {
    smtp::ClientOptions options;
    options.hello_name = server.hello_name;
    options.tls = server.tls;
    options.credentials = server.credentials;
    options.nonce = nonce();
    options.greeting_timeout = options.command_timeout = options.data_start_timeout = options.data_timeout =
        options.message_timeout = server.timeout;
    return options;
  }

  static std::string nonce() {
    constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text = crypto::random_octets(24);
    for (char& c : text) c = alphabet[static_cast<unsigned char>(c) & 63U];
    return text;
  }

  void tell(std::string_view text) const {
    if (on_progress_) on_progress_(text);
  }

  Result<void> handle(smtp::ClientEvent& event, const smtp::Envelope& envelope, std::string_view message) {
    if (std::holds_alternative<smtp::StartTls>(event)) return start_tls();
    if (std::holds_alternative<smtp::Ready>(event)) {
      delivery_.connected = true;
      tell(server_.credentials ? "logged in as " + server_.credentials->user : "the server is ready");
      return session_.begin(envelope, now());
    }
    if (std::holds_alternative<smtp::SendContent>(event)) return send(message);
    if (const auto* recipient = std::get_if<smtp::RecipientReply>(&event)) {
      tell("<" + envelope.recipients[recipient->index].format() + ">: " + recipient->reply.summary());
      delivery_.recipients[recipient->index] = recipient->reply;
    } else if (const auto* done = std::get_if<smtp::MessageDone>(&event)) {
      tell("message: " + done->reply.summary());
      delivery_.reply = done->reply;
      session_.quit(now());
    } else if (const auto* failed = std::get_if<smtp::Failed>(&event)) {
      delivery_.reply = failed->reason;
      over_ = true;
    } else if (std::holds_alternative<smtp::Closed>(event)) {
      over_ = true;
    }
    return {};
  }

  Result<void> send(std::string_view message) {
    while (!message.empty()) {
      session_.content(message.substr(0, piece_octets), now());
      message.remove_prefix(std::min(message.size(), piece_octets));
      if (auto flushed = flush(); !flushed) return flushed;
    }
    session_.end_content(now());
    return {};
  }

  Result<void> start_tls() {
    if (auto flushed = flush(); !flushed) return flushed;
    tls::ContextOptions options;
    options.verify =
        server_.verify && server_.tls != smtp::TlsMode::opportunistic ? tls::Verify::required : tls::Verify::none;
    options.authorities_file = server_.authorities_file;
    auto context = tls::Context::create(options);
    if (!context) return std::move(context).error();
    endpoint_.emplace(*context, server_.host);
    while (endpoint_->state() == tls::State::handshaking) {
      if (auto flushed = flush_socket(now() + server_.timeout); !flushed) return flushed;
      auto records = receive(now() + server_.timeout);
      if (!records) return std::move(records).error();
      if (records->empty()) return Error{Errc::io, server_.host + " closed the connection during the TLS handshake"};
      auto fed = endpoint_->feed(*records, plain_);
      if (!fed) {
        static_cast<void>(flush_socket(now() + server_.timeout));  // the alert
        return Error{fed.error().code, "TLS with " + server_.host + " failed: " + fed.error().text};
      }
    }
    delivery_.protocol = endpoint_->protocol();
    tell(delivery_.protocol + ", " + std::string(endpoint_->cipher()) +
         (endpoint_->peer_verified() ? ", certificate verified" : ", certificate not verified"));
    if (server_.tls != smtp::TlsMode::implicit) session_.tls_started(now());
    return flush_socket(now() + server_.timeout);
  }

  /// Sends what is to be sent, then waits for something to come, or for the session's deadline.
  Result<void> exchange() {
    if (auto flushed = flush(); !flushed) return flushed;
    while (plain_.empty()) {
      const Instant deadline = session_.next_deadline().value_or(now() + server_.timeout);
      auto octets = receive(deadline);
      if (!octets) {
        session_.on_time(std::max(now(), deadline));
        return {};
      }
      if (octets->empty()) {
        session_.input_closed();
        return {};
      }
      if (!endpoint_) {
        plain_ += *octets;
      } else if (auto fed = endpoint_->feed(*octets, plain_); !fed) {
        return fed;
      } else if (endpoint_->state() == tls::State::closed) {
        session_.input_closed();
        return {};
      }
    }
    const std::size_t taken = session_.feed(plain_, now());
    plain_.erase(0, taken);
    return {};
  }

  /// The session's output, through TLS if there is any, onto the socket.
  Result<void> flush() {
    const Instant deadline = now() + server_.timeout;
    if (!endpoint_) {
      const std::string_view output = session_.output();
      auto sent = send_all(output, deadline);
      session_.consumed_output(output.size());
      return sent;
    }
    if (const std::string_view output = session_.output(); !output.empty()) {
      auto written = endpoint_->write(output);
      session_.consumed_output(output.size());
      if (!written) return written;
    }
    return flush_socket(deadline);
  }

  Result<void> flush_socket(Instant deadline) {
    const std::string_view records = endpoint_->output();
    auto sent = send_all(records, deadline);
    endpoint_->consumed_output(records.size());
    return sent;
  }

  Result<void> send_all(std::string_view octets, Instant deadline) {
    while (!octets.empty()) {
      const ssize_t count = ::send(socket_.get(), octets.data(), octets.size(), MSG_NOSIGNAL);
      if (count >= 0) {
        octets.remove_prefix(static_cast<std::size_t>(count));
      } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
        if (!wait(socket_.get(), POLLOUT, deadline)) return Error{Errc::io, server_.host + " takes no more data"};
      } else if (errno == EPIPE || errno == ECONNRESET) {
        return {};  // what the server said last is still to be read
      } else if (errno != EINTR) {
        return system_error("send to " + server_.host);
      }
    }
    return {};
  }

  /// What came; empty if the server closed. An Error: nothing came in time.
  Result<std::string> receive(Instant deadline) {
    std::string octets(piece_octets, '\0');
    while (true) {
      const ssize_t count = ::recv(socket_.get(), octets.data(), octets.size(), 0);
      if (count >= 0) {
        octets.resize(static_cast<std::size_t>(count));
        return octets;
      }
      if (errno == EAGAIN || errno == EWOULDBLOCK) {
        if (!wait(socket_.get(), POLLIN, deadline)) return Error{Errc::io, server_.host + " did not answer in time"};
      } else if (errno != EINTR) {
        return std::string();
      }
    }
  }

  const MailServer& server_;
  Socket socket_;
  const OnProgress& on_progress_;
  smtp::ClientSession session_;
  std::optional<tls::Endpoint> endpoint_;
  std::string plain_;  ///< for the session
  Delivery delivery_;
  bool over_ = false;
};

}  // namespace

Result<Delivery> deliver(const MailServer& server, const smtp::Envelope& envelope, std::string_view message,
                         const OnProgress& on_progress) {
  auto socket = connect(server);
  if (!socket) return std::move(socket).error();
  return Conversation(server, std::move(*socket), on_progress).run(envelope, message);
}

}  // namespace sendconn::tools
