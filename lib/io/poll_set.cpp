#include "lib/io/poll_set.hpp"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace sendconn::io {

void PollSet::watch(int socket, bool read, bool write) {
  if (!read && !write) {
    watched_.erase(socket);
  } else {
    watched_[socket] = static_cast<short>((read ? POLLIN : 0) | (write ? POLLOUT : 0));
  }
}

Result<std::vector<PollSet::Ready>> PollSet::wait(std::chrono::milliseconds longest) const {
  constexpr std::chrono::milliseconds minute{60'000};
  std::vector<pollfd> sockets;
  sockets.reserve(watched_.size());
  for (const auto& [socket, events] : watched_) sockets.push_back({socket, events, 0});
  const auto patience = std::clamp(longest, std::chrono::milliseconds(0), minute).count();
  const int count = ::poll(sockets.data(), sockets.size(), static_cast<int>(patience));
  if (count < 0 && errno != EINTR) return Error{Errc::io, "poll: " + std::generic_category().message(errno)};
  std::vector<Ready> ready;
  for (const pollfd& socket : sockets) {
    const bool failed = (socket.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0;
    const bool read = failed || (socket.revents & POLLIN) != 0;
    const bool write = (socket.revents & POLLOUT) != 0;
    if (count > 0 && (read || write)) ready.push_back({socket.fd, read, write});
  }
  return ready;
}

}  // namespace sendconn::io
