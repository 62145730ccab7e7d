#include "relay/net/cares.hpp"

#include <asio/posix/stream_descriptor.hpp>

#include <map>
#include <utility>

namespace sendconn::relay {
namespace {

/// One socket of c-ares under Asio's eyes. c-ares owns the socket, so it is released, never closed, here.
struct Watched : std::enable_shared_from_this<Watched> {
  Watched(asio::io_context& context, int socket) : descriptor(context, socket) {}
  asio::posix::stream_descriptor descriptor;
  bool read = false;
  bool write = false;
  bool reading = false;
  bool writing = false;
};

class LoopResolver final : public io::Resolver {
 public:
  explicit LoopResolver(Loop& loop) : loop_(loop) {}

  ~LoopResolver() override {
    cached_.reset();
    cares_.reset();  // closes its sockets, which ends the watches
  }

  Result<void> open(const io::CaresOptions& options, std::shared_ptr<dns::Cache> cache) {
    auto opened = io::CaresResolver::open(options, [this](const io::CaresResolver::Watch& watch) { on_watch(watch); });
    if (!opened) return opened.error();
    cares_ = std::move(*opened);
    cached_ = io::cached(*cares_, std::move(cache));
    loop_.on_tick([this](Instant) {
      if (cares_ && cares_->next_timeout()) cares_->process(-1, -1);
    });
    return {};
  }

  void resolve(const dns::Question& question, Done done) override { cached_->resolve(question, std::move(done)); }

 private:
  void on_watch(const io::CaresResolver::Watch& watch) {
    auto found = sockets_.find(watch.socket);
    if (!watch.read && !watch.write) {
      if (found == sockets_.end()) return;
      found->second->read = found->second->write = false;
      found->second->descriptor.release();
      sockets_.erase(found);
      return;
    }
    if (found == sockets_.end())
      found = sockets_.emplace(watch.socket, std::make_shared<Watched>(loop_.context(), watch.socket)).first;
    Watched& watched = *found->second;
    watched.read = watch.read;
    watched.write = watch.write;
    wait(watched.shared_from_this());
  }

  void wait(const std::shared_ptr<Watched>& watched) {
    using Descriptor = asio::posix::stream_descriptor;
    if (watched->read && !watched->reading) {
      watched->reading = true;
      watched->descriptor.async_wait(Descriptor::wait_read, [this, watched](const asio::error_code& error) {
        watched->reading = false;
        if (error || !watched->read) return;
        cares_->process(watched->descriptor.native_handle(), -1);
        if (watched->read) wait(watched);
      });
    }
    if (watched->write && !watched->writing) {
      watched->writing = true;
      watched->descriptor.async_wait(Descriptor::wait_write, [this, watched](const asio::error_code& error) {
        watched->writing = false;
        if (error || !watched->write) return;
        cares_->process(-1, watched->descriptor.native_handle());
        if (watched->write) wait(watched);
      });
    }
  }

  Loop& loop_;
  std::unique_ptr<io::CaresResolver> cares_;
  std::unique_ptr<io::Resolver> cached_;  ///< over cares_
  std::map<int, std::shared_ptr<Watched>> sockets_;
};

}  // namespace

Result<std::unique_ptr<io::Resolver>> open_cares_resolver(Loop& loop, const io::CaresOptions& options,
                                                          std::shared_ptr<dns::Cache> cache) {
  auto resolver = std::make_unique<LoopResolver>(loop);
  if (auto opened = resolver->open(options, std::move(cache)); !opened) return opened.error();
  return std::unique_ptr<io::Resolver>(std::move(resolver));
}

}  // namespace sendconn::relay
