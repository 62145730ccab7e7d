#include "relay/admin/server.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <thread>

#include "relay/admin/commands.hpp"
#include "relay/admin/line_socket.hpp"
#include "relay/admin/protocol.hpp"

namespace sendconn::relay {

// A client that does not finish its request, or does not take its answer, holds up the next one for so long at most.
constexpr std::chrono::seconds client_deadline{10};
constexpr int accept_pause_ms = 200;

struct AdminServer::Impl {
  std::string path;
  admin::Descriptor listener;
  admin::Descriptor stop;
  admin::Context context;
  std::thread thread;

  void run() {
    while (true) {
      std::array<pollfd, 2> watched{{{listener.get(), POLLIN, 0}, {stop.get(), POLLIN, 0}}};
      if (::poll(watched.data(), watched.size(), -1) < 0 && errno != EINTR) return;
      if (watched[1].revents != 0) return;
      if (watched[0].revents == 0) continue;
      const admin::Descriptor client(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (client.valid()) {
        serve(client);
      } else {
        // Out of descriptors, most likely: the client waits on, and so does this thread, for a while or the end.
        std::array<pollfd, 1> ending{{{stop.get(), POLLIN, 0}}};
        ::poll(ending.data(), ending.size(), accept_pause_ms);
      }
    }
  }

  /// Requests of one client, until it hangs up.
  void serve(const admin::Descriptor& client) const {
    while (true) {
      auto request = admin::read_line(client, admin::max_request_octets, client_deadline, stop.get());
      if (!request) return;
      std::string answer = admin::answer(context, *request);
      crypto::wipe(*request);  // it may hold a new password
      const bool written = admin::write_line(client, answer, client_deadline, stop.get()).ok();
      crypto::wipe(answer);
      if (!written) return;
    }
  }
};

AdminServer::AdminServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<AdminServer>> AdminServer::start(const Config& config, ControlStore& store, QueueAdmin& queue,
                                                        OnChange on_change) {
  auto listener = admin::listen_at(config.admin_socket);
  if (!listener) return std::move(listener).error();
  admin::Descriptor stop(::eventfd(0, EFD_CLOEXEC));
  if (!stop.valid()) return Error{Errc::io, "eventfd: " + std::generic_category().message(errno)};
  auto impl = std::make_unique<Impl>(Impl{config.admin_socket,
                                          std::move(*listener),
                                          std::move(stop),
                                          {config, store, queue, true, std::move(on_change)},
                                          {}});
  impl->thread = std::thread([running = impl.get()] { running->run(); });
  return std::unique_ptr<AdminServer>(new AdminServer(std::move(impl)));
}

AdminServer::~AdminServer() {
  const std::uint64_t one = 1;
  while (::write(impl_->stop.get(), &one, sizeof(one)) < 0 && errno == EINTR) {
  }
  impl_->thread.join();
  ::unlink(impl_->path.c_str());
}

}  // namespace sendconn::relay
