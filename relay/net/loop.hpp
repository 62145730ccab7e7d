// Loop: one event loop, one thread. A connection stays on the loop that accepted or opened it, so nothing that belongs
// to a connection needs a lock; other threads hand work over with post().
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include <sendconn/resolver.hpp>
#include <sendconn/time.hpp>

#include "relay/net/asio.hpp"

namespace sendconn::relay {

class Loop {
 public:
  using Task = std::function<void()>;
  using OnTick = std::function<void(Instant)>;

  /// How often on_tick() runs: the precision of every deadline on this loop.
  static constexpr std::chrono::milliseconds tick{250};

  explicit Loop(unsigned index);
  ~Loop();

  /// Runs `task` on the loop's thread, in the order of the calls. Thread-safe; costs a wake-up only when nothing is
  /// waiting yet.
  void post(Task task);
  /// Runs `task` on the loop's thread once `delay` is over. Loop's thread only.
  void after(std::chrono::milliseconds delay, Task task);
  /// Runs until stop(); on the thread that is to be the loop's.
  void run();
  /// Ends run() after the handler at work. Thread-safe.
  void stop();

  [[nodiscard]] unsigned index() const noexcept { return index_; }
  asio::io_context& context() noexcept { return context_; }
  /// Scratch space for one read, shared by all connections of the loop: an idle connection owns no buffer.
  std::span<char> read_buffer() noexcept { return read_buffer_; }
  /// Scratch space for decrypted text, for the same reason.
  std::string& plain_buffer() noexcept { return plain_buffer_; }

  /// Adds a function that runs at every tick; returns a handle for remove_tick(). Loop's thread only.
  void on_tick(OnTick function) { ticks_.push_back(std::move(function)); }

  /// Set before run().
  void set_resolver(std::unique_ptr<io::Resolver> resolver) { resolver_ = std::move(resolver); }
  io::Resolver& resolver() noexcept { return *resolver_; }

 private:
  void drain();
  void schedule_tick();

  static constexpr std::size_t read_buffer_octets = 128 * 1024;  // one read takes a whole message of common size

  unsigned index_;
  asio::io_context context_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  asio::steady_timer tick_timer_;
  std::vector<OnTick> ticks_;
  std::vector<char> read_buffer_;
  std::string plain_buffer_;
  std::unique_ptr<io::Resolver> resolver_;

  std::mutex mutex_;
  std::vector<Task> tasks_;    // guarded by mutex_
  std::vector<Task> running_;  // the loop's thread alone; kept for its capacity
};

}  // namespace sendconn::relay
