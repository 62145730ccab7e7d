// Pool: a few threads for work that would hold up an event loop (password checks, reading a message back).
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace sendconn::relay {

/// Thread-safe. Tasks start in the order in which they came. The destructor finishes what is queued.
class Pool {
 public:
  using Task = std::function<void()>;

  /// `name`: of the threads, for ps and profilers, at most 15 octets. `nice`: added to the threads' niceness (0 to 19),
  /// so that a flood of this work does not starve the loops.
  Pool(const char* name, unsigned threads, std::size_t max_waiting, int nice = 0);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  /// False if `max_waiting` tasks wait already; the task was not taken.
  bool submit(Task task);
  /// Forgets what is queued; what has started ends.
  void discard();

 private:
  void work(const char* name, int nice);

  const std::size_t max_waiting_;
  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<Task> tasks_;  // guarded by mutex_
  std::size_t idle_ = 0;    // guarded by mutex_
  bool stopping_ = false;   // guarded by mutex_
  std::vector<std::thread> threads_;
};

}  // namespace sendconn::relay
