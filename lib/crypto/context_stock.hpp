// ContextStock: OpenSSL's prepared contexts for one key. Preparing one costs more than a verification's own overhead;
// using one changes it, so that a thread borrows it for the duration of one operation. The lock is held for a push or a
// pop.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace sendconn::crypto {

/// Thread-safe. The contexts go with the stock: no secret outlives its key.
template <class Context>
class ContextStock {
 public:
  /// At most `max_idle` are kept.
  explicit ContextStock(std::size_t max_idle) noexcept : max_idle_(max_idle) {}

  /// One that is there, or what `make` makes: null if it cannot.
  template <class Make>
  std::unique_ptr<Context> borrow(Make make) {
    {
      const std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        std::unique_ptr<Context> context = std::move(idle_.back());  // the one whose memory is still in a cache
        idle_.pop_back();
        return context;
      }
    }
    return make();
  }
  /// Only after an operation that left it usable.
  void give_back(std::unique_ptr<Context> context) {
    const std::lock_guard lock(mutex_);
    if (idle_.size() < max_idle_) idle_.push_back(std::move(context));
  }

 private:
  std::size_t max_idle_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Context>> idle_;
};

}  // namespace sendconn::crypto
