#include "relay/submission/submission.hpp"

#include <sys/socket.h>

#include <asio/ip/v6_only.hpp>

#include <utility>

#include "relay/submission/connection.hpp"

namespace sendconn::relay {

struct Submission::Acceptor {
  Acceptor(asio::io_context& context, std::shared_ptr<const ListenerOptions> options)
      : socket(context), listener(std::move(options)) {}
  asio::ip::tcp::acceptor socket;
  std::shared_ptr<const ListenerOptions> listener;
};

namespace {

constexpr int backlog = 4'096;                          // the kernel caps it at net.core.somaxconn
constexpr std::chrono::milliseconds accept_pause{100};  // after running out of file descriptors

IpAddress to_address(const asio::ip::address& address) {
  if (address.is_v4()) return IpAddress::v4(address.to_v4().to_bytes());
  return IpAddress::v6(address.to_v6().to_bytes()).unmapped();
}

Result<asio::ip::tcp::endpoint> parse_endpoint(const std::string& text, std::uint16_t port) {
  const std::size_t colon = text.rfind(':');
  std::string host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  asio::error_code error;
  const auto address = asio::ip::make_address(host, error);
  if (error) return Error{Errc::invalid_argument, "listener address \"" + text + "\" is not an IP address with a port"};
  return asio::ip::tcp::endpoint(address, port);
}

}  // namespace

Submission::Submission(Loop& loop, const Services& services) : loop_(loop), services_(services) {
  loop_.on_tick([this](Instant now) { on_tick(now); });
}

Submission::~Submission() = default;

Result<void> Submission::check_free(const ListenerConfig& listener, std::uint16_t port) {
  asio::io_context context;
  asio::ip::tcp::acceptor probe(context);
  const auto endpoint = parse_endpoint(listener.address, port);
  if (!endpoint) return endpoint.error();
  asio::error_code error;
  probe.open(endpoint->protocol(), error);
  if (!error) probe.set_option(asio::socket_base::reuse_address(true), error);
  if (!error && endpoint->address().is_v6()) probe.set_option(asio::ip::v6_only(true), error);
  if (!error) probe.bind(*endpoint, error);
  if (error) return Error{Errc::io, "cannot listen on " + listener.address + ": " + error.message()};
  return {};
}

Result<std::uint16_t> Submission::listen(const std::shared_ptr<const ListenerOptions>& listener, std::uint16_t port) {
  const auto endpoint = parse_endpoint(listener->config.address, port);
  if (!endpoint) return endpoint.error();
  auto acceptor = std::make_unique<Acceptor>(loop_.context(), listener);
  using ReusePort = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;
  asio::error_code error;
  auto& socket = acceptor->socket;
  socket.open(endpoint->protocol(), error);
  if (!error) socket.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) socket.set_option(ReusePort(true), error);
  if (!error && endpoint->address().is_v6()) socket.set_option(asio::ip::v6_only(true), error);
  if (!error) socket.bind(*endpoint, error);
  if (!error) socket.listen(backlog, error);
  if (!error) socket.non_blocking(true, error);
  if (error) return Error{Errc::io, "cannot listen on " + listener->config.address + ": " + error.message()};
  const std::uint16_t bound = socket.local_endpoint(error).port();
  acceptors_.push_back(std::move(acceptor));
  accept(*acceptors_.back());
  return bound;
}

void Submission::accept(Acceptor& acceptor) {
  acceptor.socket.async_accept([this, &acceptor](const asio::error_code& error, asio::ip::tcp::socket socket) {
    if (draining_ || error == asio::error::operation_aborted) return;
    // ENFILE: the whole system is out of files. Asio has no name for it.
    if (error == asio::error::no_descriptors || error == asio::error::no_memory ||
        error == asio::error::no_buffer_space || error == std::errc::too_many_files_open_in_system) {
      services_.log.error("accept-failed", {{"listener", acceptor.listener->config.name}, {"reason", error.message()}});
      return loop_.after(accept_pause, [this, &acceptor] {
        if (!draining_) accept(acceptor);
      });
    }
    if (!error) open(std::move(socket), acceptor.listener);
    accept(acceptor);
  });
}

void Submission::open(asio::ip::tcp::socket socket, const std::shared_ptr<const ListenerOptions>& listener) {
  asio::error_code error;
  const auto remote = socket.remote_endpoint(error);
  if (error) return;  // gone already
  const IpAddress client = to_address(remote.address());
  const std::string text = client.format();
  const Census::Verdict verdict = services_.census.enter(site_of(client));
  if (verdict != Census::Verdict::admitted) {
    const Reply reply{421,
                      {4, 7, 0},
                      verdict == Census::Verdict::relay_full
                          ? "too many connections to this relay; try again later"
                          : "too many connections from " + text + "; try again later"};
    services_.log.warn("connection-refused", {{"client", text}, {"reply", reply.summary()}});
    const std::string line = reply.format();
    socket.non_blocking(true, error);
    socket.write_some(asio::buffer(line), error);
    return;
  }
  auto connection = std::make_shared<Connection>(*this, listener, std::move(socket), client);
  connections_.insert(connection);
  connection->start();
}

void Submission::remove(const std::shared_ptr<Connection>& connection) {
  services_.census.leave(site_of(connection->client()));
  connections_.erase(connection);
  if (draining_ && connections_.empty() && drained_) loop_.post(std::exchange(drained_, {}));
}

void Submission::on_tick(Instant now) {
  // A copy, since a connection that ends removes itself.
  thread_local std::vector<std::shared_ptr<Connection>> all;
  all.assign(connections_.begin(), connections_.end());
  for (const auto& connection : all) {
    connection->on_tick(now);
    if (draining_) connection->drain();
  }
  all.clear();
}

void Submission::drain(std::function<void()> drained) {
  draining_ = true;
  drained_ = std::move(drained);
  for (const auto& acceptor : acceptors_) {
    asio::error_code ignored;
    acceptor->socket.close(ignored);
  }
  on_tick(std::chrono::steady_clock::now());
  if (connections_.empty() && drained_) loop_.post(std::exchange(drained_, {}));
}

}  // namespace sendconn::relay
