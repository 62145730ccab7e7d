// resolve_blocking: the c-ares resolver under a loop of poll(2), for programs that have none.
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>

#include <sendconn/resolver.hpp>

namespace sendconn::io {

Result<std::vector<dns::Answer>> resolve_blocking(const CaresOptions& options,
                                                  const std::vector<dns::Question>& questions) {
  std::map<int, short> watched;
  auto opened = CaresResolver::open(options, [&watched](const CaresResolver::Watch& watch) {
    if (!watch.read && !watch.write) {
      watched.erase(watch.socket);
    } else {
      watched[watch.socket] = static_cast<short>((watch.read ? POLLIN : 0) | (watch.write ? POLLOUT : 0));
    }
  });
  if (!opened) return opened.error();
  CaresResolver& resolver = **opened;

  std::vector<dns::Answer> answers(questions.size());
  std::size_t asked = 0;
  std::size_t open = 0;
  while (asked < questions.size() || open != 0) {
    for (; asked < questions.size() && open < CaresResolver::max_open; ++asked) {
      ++open;
      resolver.resolve(questions[asked], [&open, &slot = answers[asked]](const dns::Answer& answer) {
        slot = answer;
        --open;
      });
    }
    const auto left = resolver.next_timeout();
    if (!left) continue;
    std::vector<pollfd> sockets;
    sockets.reserve(watched.size());
    for (const auto& [socket, events] : watched) sockets.push_back({socket, events, 0});
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(*left).count();
    const int count = ::poll(sockets.data(), sockets.size(), static_cast<int>(std::min<long long>(wait, 60000)));
    if (count < 0 && errno != EINTR) return Error{Errc::io, std::string("poll: ") + std::strerror(errno)};
    for (const pollfd& socket : sockets) {
      const bool failed = (socket.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0;  // c-ares learns it from reading
      const bool read = failed || (socket.revents & POLLIN) != 0;
      const bool write = (socket.revents & POLLOUT) != 0;
      if (count > 0 && (read || write)) resolver.process(read ? socket.fd : -1, write ? socket.fd : -1);
    }
    resolver.process(-1, -1);
  }
  return answers;
}

}  // namespace sendconn::io
