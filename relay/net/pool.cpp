#include "relay/net/pool.hpp"

#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <utility>

namespace sendconn::relay {

Pool::Pool(const char* name, unsigned threads, std::size_t max_waiting, int nice) : max_waiting_(max_waiting) {
  threads_.reserve(threads);
  for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this, name, nice] { work(name, nice); });
}

Pool::~Pool() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  ready_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

bool Pool::submit(Task task) {
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    if (tasks_.size() >= max_waiting_) return false;
    tasks_.push_back(std::move(task));
    wake = idle_ > 0;
  }
  if (wake) ready_.notify_one();
  return true;
}

void Pool::discard() {
  std::deque<Task> forgotten;  // declared first: freed outside the lock
  const std::lock_guard lock(mutex_);
  tasks_.swap(forgotten);
}

void Pool::work(const char* name, int nice) {
  pthread_setname_np(pthread_self(), name);
  // On Linux niceness belongs to the thread, which its kernel id names.
  if (nice > 0) setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), nice);
  std::unique_lock lock(mutex_);
  while (true) {
    ++idle_;
    ready_.wait(lock, [this] { return stopping_ || !tasks_.empty(); });
    --idle_;
    if (tasks_.empty()) return;
    Task task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task();
    task = nullptr;  // what the task holds is freed outside the lock
    lock.lock();
  }
}

}  // namespace sendconn::relay
