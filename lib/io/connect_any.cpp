// connect_any: a race of addresses (RFC 8305), so that one that does not answer costs a quarter of a second and not the
// system's two minutes.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <system_error>
#include <utility>

#include "lib/io/socket_address.hpp"
#include "lib/io/tcp_socket.hpp"

namespace sendconn::io {
namespace {

/// RFC 8305 section 4: the families take turns, beginning with the first address's.
std::vector<IpAddress> take_turns(const std::vector<IpAddress>& addresses) {
  std::vector<IpAddress> turns;
  std::vector<IpAddress> others;
  for (const IpAddress& address : addresses) {
    (address.family() == addresses.front().family() ? turns : others).push_back(address);
  }
  for (std::size_t i = 0; i < others.size(); ++i) {
    const std::size_t at = std::min(2 * i + 1, turns.size());
    turns.insert(turns.begin() + static_cast<std::ptrdiff_t>(at), others[i]);
  }
  if (turns.size() > max_connect_addresses) turns.resize(max_connect_addresses);
  return turns;
}

class Race {
 public:
  Race(const std::vector<IpAddress>& addresses, std::uint16_t port) : addresses_(take_turns(addresses)), port_(port) {}

  Result<Connected> run(Patience& patience) {
    while (!patience.is_over()) {
      if (auto winner = start_next()) return std::move(*winner);
      if (attempts_.empty() && next_ == addresses_.size()) return failure();
      wait(patience);
      if (auto winner = find_winner()) return std::move(*winner);
    }
    for (const Connected& attempt : attempts_) note(attempt.address, "no answer in time");
    return failure();
  }

 private:
  void note(const IpAddress& address, const std::string& why) {
    faults_ += (faults_.empty() ? "" : "; ") + address.format() + ": " + why;
  }
  [[nodiscard]] Error failure() const { return {Errc::io, faults_.empty() ? "no time was left" : faults_}; }

  /// As many as are due. One may be connected at once.
  std::optional<Connected> start_next() {
    while (next_ < addresses_.size() && (attempts_.empty() || now() >= next_start_)) {
      const IpAddress& address = addresses_[next_++];
      TcpSocket socket(::socket(address.is_v4() ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      SocketAddress to = to_socket_address(address, port_);
      const int result = socket.descriptor() < 0 ? -1 : ::connect(socket.descriptor(), to.generic(), to.size);
      if (result == 0) return win({std::move(socket), address});
      if (errno != EINPROGRESS) {
        note(address, std::generic_category().message(errno));
        continue;
      }
      attempts_.push_back({std::move(socket), address});
      next_start_ = now() + connection_attempt_delay;
    }
    return std::nullopt;
  }

  void wait(const Patience& patience) {
    watched_.clear();
    for (const Connected& attempt : attempts_) watched_.push_back({attempt.socket.descriptor(), POLLOUT, 0});
    const Instant until = next_ < addresses_.size() ? next_start_ : patience.deadline();
    const auto wait = std::min<long long>(patience.next_wait(until).count(), 60'000);
    if (::poll(watched_.data(), watched_.size(), static_cast<int>(wait)) <= 0) watched_.clear();
  }

  std::optional<Connected> find_winner() {
    for (std::size_t i = watched_.size(); i-- > 0;) {
      if (watched_[i].revents == 0) continue;
      int fault = 0;
      socklen_t size = sizeof fault;
      if (::getsockopt(watched_[i].fd, SOL_SOCKET, SO_ERROR, &fault, &size) != 0) fault = errno;
      if (fault == 0) return win(std::move(attempts_[i]));
      note(attempts_[i].address, std::generic_category().message(fault));
      attempts_.erase(attempts_.begin() + static_cast<std::ptrdiff_t>(i));
      next_start_ = now();  // the next address need not wait for one that has failed
    }
    return std::nullopt;
  }

  static Connected win(Connected connected) {
    const int on = 1;  // commands are written whole, and are not to wait for more
    ::setsockopt(connected.socket.descriptor(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return connected;
  }

  std::vector<IpAddress> addresses_;
  std::uint16_t port_;
  std::size_t next_ = 0;
  Instant next_start_{};
  std::vector<Connected> attempts_;
  std::vector<pollfd> watched_;  ///< of attempts_, in the same order
  std::string faults_;
};

}  // namespace

Result<Connected> connect_any(const std::vector<IpAddress>& addresses, std::uint16_t port, Patience& patience) {
  if (addresses.empty()) return Error{Errc::io, "there is no address"};
  return Race(addresses, port).run(patience);
}

}  // namespace sendconn::io
