#include "relay/admin/line_socket.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace sendconn::relay::admin {
namespace {

constexpr int backlog = 16;  // clients that may wait for their turn; our own choice

Error refused(const std::string& what, const std::string& path) {
  return {Errc::io, "cannot " + what + " the admin socket " + path + ": " + std::generic_category().message(errno)};
}

Result<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    return Error{Errc::invalid_argument, "the admin socket's path " + path + " is longer than " +
                                             std::to_string(sizeof(address.sun_path) - 1) + " octets"};
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

/// Waits until `socket` is ready for `events`.
Result<void> wait(int socket, short events, std::chrono::steady_clock::time_point deadline, int stop) {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return Error{Errc::io, "the other end of the admin socket took too long"};
    std::array<pollfd, 2> watched{{{socket, events, 0}, {stop, POLLIN, 0}}};
    const int ready = ::poll(watched.data(), watched.size(), static_cast<int>(left.count()));
    if (ready < 0 && errno != EINTR) return Error{Errc::io, "poll: " + std::generic_category().message(errno)};
    if (ready > 0 && watched[1].revents != 0) return Error{Errc::io, "the admin server is being stopped"};
    if (ready > 0) return {};
  }
}

bool try_again() { return errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK; }

}  // namespace

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  std::swap(value_, other.value_);
  return *this;
}

Descriptor::~Descriptor() {
  if (value_ >= 0) ::close(value_);
}

Result<Descriptor> listen_at(const std::string& path) {
  const auto address = address_of(path);
  if (!address) return address.error();
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0) {
    if (!S_ISSOCK(status.st_mode)) {
      return Error{Errc::conflict, "cannot make the admin socket " + path + ": something else has that name"};
    }
    if (::unlink(path.c_str()) != 0) return refused("replace", path);
  }
  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.valid()) return refused("make", path);
  // On Linux a socket file takes the mode of the socket's descriptor, less the umask: it is never open to others.
  if (::fchmod(socket.get(), 0600) != 0) return refused("restrict", path);
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof(*address)) != 0)
    return refused("make", path);
  if (::chmod(path.c_str(), 0600) != 0) return refused("restrict", path);
  if (::listen(socket.get(), backlog) != 0) return refused("listen at", path);
  return socket;
}

Result<Descriptor> connect_to(const std::string& path) {
  const auto address = address_of(path);
  if (!address) return address.error();
  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return refused("make", path);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof(*address)) != 0) {
    if (errno == ENOENT || errno == ECONNREFUSED) {
      return Error{Errc::not_found, "no relay listens at the admin socket " + path};
    }
    return refused("connect to", path);
  }
  return socket;
}

Result<std::string> read_line(const Descriptor& socket, std::size_t max, std::chrono::milliseconds deadline, int stop) {
  constexpr std::size_t piece_octets = 65'536;
  const auto end = std::chrono::steady_clock::now() + deadline;
  std::string line;
  std::string piece(piece_octets, '\0');
  while (true) {
    if (auto waited = wait(socket.get(), POLLIN, end, stop); !waited) return std::move(waited).error();
    const ssize_t count = ::recv(socket.get(), piece.data(), piece.size(), MSG_DONTWAIT);
    if (count < 0 && try_again()) continue;
    if (count < 0) return Error{Errc::io, "the admin socket failed: " + std::generic_category().message(errno)};
    if (count == 0) return Error{Errc::io, "the other end of the admin socket closed it before the end of the line"};
    const std::string_view taken(piece.data(), static_cast<std::size_t>(count));
    const std::size_t newline = taken.find('\n');
    line.append(taken.substr(0, newline));
    if (line.size() > max) {
      return Error{Errc::limit_exceeded,
                   "a line on the admin socket must have at most " + std::to_string(max) + " octets"};
    }
    if (newline != std::string_view::npos) return line;
  }
}

Result<void> write_line(const Descriptor& socket, std::string_view line, std::chrono::milliseconds deadline, int stop) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  const std::string text = std::string(line) + "\n";
  for (std::string_view rest = text; !rest.empty();) {
    if (auto waited = wait(socket.get(), POLLOUT, end, stop); !waited) return waited;
    const ssize_t count = ::send(socket.get(), rest.data(), rest.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count < 0 && try_again()) continue;
    if (count < 0) return Error{Errc::io, "the admin socket failed: " + std::generic_category().message(errno)};
    rest.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

}  // namespace sendconn::relay::admin
