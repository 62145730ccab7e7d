#include "lib/io/tcp_socket.hpp"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "lib/io/socket_address.hpp"

namespace sendconn::io {

int TcpSocket::release() noexcept { return std::exchange(descriptor_, -1); }

TcpSocket& TcpSocket::operator=(TcpSocket&& other) noexcept {
  if (this != &other) {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = other.release();
  }
  return *this;
}

TcpSocket::~TcpSocket() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

TcpSocket::Readiness TcpSocket::wait(bool write, Instant until, Patience& patience) const {
  while (!patience.is_over()) {
    const auto wait = std::min<long long>(patience.next_wait(until).count(), 60'000);
    pollfd watched{descriptor_, static_cast<short>(POLLIN | (write ? POLLOUT : 0)), 0};
    const int count = ::poll(&watched, 1, static_cast<int>(wait));
    if (count > 0) {
      const bool failed = (watched.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0;
      return {failed || (watched.revents & POLLIN) != 0, (watched.revents & POLLOUT) != 0};
    }
    if (now() >= until) break;
  }
  return {};
}

Result<std::size_t> TcpSocket::send_some(std::string_view octets) const {
  while (true) {
    const ssize_t count = ::send(descriptor_, octets.data(), octets.size(), MSG_NOSIGNAL);
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno == EAGAIN || errno == EWOULDBLOCK) return std::size_t{0};
    if (errno != EINTR) return Error{Errc::io, "send: " + std::generic_category().message(errno)};
  }
}

TcpSocket::Received TcpSocket::receive_some(std::string& into) const {
  std::array<char, receive_octets> room;
  while (true) {
    const ssize_t count = ::recv(descriptor_, room.data(), room.size(), 0);
    if (count > 0) {
      into.append(room.data(), static_cast<std::size_t>(count));
      return Received::octets;
    }
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return Received::nothing;
    if (count == 0 || errno != EINTR) return Received::end;
  }
}

IpAddress TcpSocket::local_address() const {
  SocketAddress own;
  own.size = sizeof own.storage;
  if (::getsockname(descriptor_, own.generic(), &own.size) != 0) return {};
  return to_ip_address(own.generic()).value_or(IpAddress());
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

}  // namespace sendconn::io
