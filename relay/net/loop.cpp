#include "relay/net/loop.hpp"

#include <pthread.h>

#include <utility>

namespace sendconn::relay {

Loop::Loop(unsigned index)
    : index_(index),
      context_(1),  // one thread runs it: Asio leaves out its own locks
      work_(asio::make_work_guard(context_)),
      tick_timer_(context_),
      read_buffer_(read_buffer_octets) {}

Loop::~Loop() = default;

void Loop::post(Task task) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    first = tasks_.empty();
    tasks_.push_back(std::move(task));
  }
  if (first) asio::post(context_, [this] { drain(); });
}

void Loop::drain() {
  {
    const std::lock_guard lock(mutex_);
    running_.swap(tasks_);
  }
  for (Task& task : running_) task();
  running_.clear();
}

void Loop::after(std::chrono::milliseconds delay, Task task) {
  auto timer = std::make_shared<asio::steady_timer>(context_, delay);
  timer->async_wait([timer, task = std::move(task)](const asio::error_code& error) {
    if (!error) task();
  });
}

void Loop::run() {
  pthread_setname_np(pthread_self(), ("loop-" + std::to_string(index_)).c_str());
  schedule_tick();
  context_.run();
}

void Loop::stop() { context_.stop(); }

void Loop::schedule_tick() {
  tick_timer_.expires_after(tick);
  tick_timer_.async_wait([this](const asio::error_code& error) {
    if (error) return;
    const Instant now = std::chrono::steady_clock::now();
    for (const OnTick& function : ticks_) function(now);
    schedule_tick();
  });
}

}  // namespace sendconn::relay
