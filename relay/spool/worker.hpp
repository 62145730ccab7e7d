// Worker: a thread that does one job after the other, for work on the disk that must hold up nobody.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace sendconn::relay {

/// Thread-safe. The thread starts with the first job.
class Worker {
 public:
  Worker() = default;
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker() { close(); }

  /// Does `job` on the thread; after close() on the caller's, at once.
  void post(std::function<void()> job);
  /// Ends the thread after the jobs that wait.
  void close();

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> jobs_;
  bool closing_ = false;
  std::thread thread_;
};

}  // namespace sendconn::relay
