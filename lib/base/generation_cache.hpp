// GenerationCache: what was made of a text, by that text, two generations deep. When the young one is full it becomes
// the old one, and the old one goes; what is asked for there moves back. So each half-full cache costs one lookup, and
// no list has to be kept in order.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace sendconn {

/// Value::text() is the text that it was made of, in the value's own memory. Thread-safe.
template <class Value>
class GenerationCache {
 public:
  explicit GenerationCache(std::size_t max_values) : generation_(max_values / 2 + 1) {}

  /// The value for this text: the one that is here, or what `make` makes of it, outside the lock.
  template <class Make>
  std::shared_ptr<const Value> get(std::string_view text, Make make) {
    {
      const std::lock_guard lock(mutex_);
      if (const auto found = young_.find(text); found != young_.end()) return found->second;
      if (const auto found = old_.find(text); found != old_.end()) {
        auto value = found->second;
        old_.erase(found);
        keep(value);
        return value;
      }
    }
    std::shared_ptr<const Value> value = make(text);
    const std::lock_guard lock(mutex_);
    keep(value);
    return value;
  }
  [[nodiscard]] std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return young_.size() + old_.size();
  }

 private:
  void keep(const std::shared_ptr<const Value>& value) {
    if (young_.size() >= generation_) {
      old_ = std::move(young_);
      young_ = Map();
    }
    young_.emplace(value->text(), value);
  }

  // The key is a view of the value's own text, which lives as long as the entry.
  using Map = std::unordered_map<std::string_view, std::shared_ptr<const Value>>;

  std::size_t generation_;
  mutable std::mutex mutex_;
  Map young_;
  Map old_;
};

}  // namespace sendconn
