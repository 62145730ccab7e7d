// Buckets by key. A call locks the shards of all its keys in their order, so that two calls never wait for each other.
#include <algorithm>
#include <array>
#include <bitset>
#include <functional>
#include <mutex>
#include <set>
#include <unordered_map>

#include <sendconn/limit.hpp>

#include "lib/base/hidden.hpp"

namespace sendconn::limit {
namespace {

/// More than twice the threads of any machine that the relay was measured on.
constexpr std::size_t most_shards = 16;
/// Below this, a shard's share of the keys would be dropped while others have room.
constexpr std::size_t fewest_keys_in_a_shard = 64;

struct Hash {
  using is_transparent = void;
  std::size_t operator()(std::string_view key) const noexcept { return std::hash<std::string_view>{}(key); }
};

struct Shard {
  struct Entry;
  using Buckets = std::unordered_map<std::string, Entry, Hash, std::equal_to<>>;
  /// By the time when a bucket is full again: the front is the one to forget.
  using Order = std::set<std::pair<Instant, const std::string*>>;
  struct Entry {
    TokenBucket bucket;
    Order::iterator place;
  };

  std::mutex mutex;
  Buckets buckets;
  Order order;

  TokenBucket* find(std::string_view key) {
    const auto found = buckets.find(key);
    return found != buckets.end() ? &found->second.bucket : nullptr;
  }

  /// Changes the bucket of `key`, which is there, and keeps the order.
  template <class Change>
  void update(std::string_view key, Change change) {
    const auto found = buckets.find(key);
    if (found == buckets.end()) return;
    Entry& entry = found->second;
    change(entry.bucket);
    auto node = order.extract(entry.place);
    node.value().first = entry.bucket.full_at();
    entry.place = order.insert(std::move(node)).position;
  }

  void add(std::string_view key, const Rate& rate, Instant now) {
    const auto [at, added] = buckets.try_emplace(std::string(key), Entry{TokenBucket(rate, now), {}});
    if (added) at->second.place = order.emplace(now, &at->first).first;
  }

  /// Forgets one bucket that `is_needed` does not name, if there is such a one.
  template <class IsNeeded>
  bool drop(IsNeeded is_needed) {
    const auto oldest =
        std::find_if(order.begin(), order.end(), [&](const auto& place) { return !is_needed(*place.second); });
    if (oldest == order.end()) return false;
    const auto entry = buckets.find(*oldest->second);
    order.erase(oldest);
    buckets.erase(entry);
    return true;
  }
};

}  // namespace

struct SENDCONN_HIDDEN Table::Impl {
  std::size_t shard_count;
  std::size_t most_in_shard;
  std::array<Shard, most_shards> shards;

  explicit Impl(std::size_t max_keys)
      : shard_count(std::clamp<std::size_t>(max_keys / fewest_keys_in_a_shard, 1, most_shards)),
        most_in_shard(std::max<std::size_t>(max_keys / shard_count, 1)) {}

  [[nodiscard]] std::size_t index_of(std::string_view key) const { return Hash{}(key) % shard_count; }
  Shard& shard_of(std::string_view key) { return shards[index_of(key)]; }

  /// Holds the shards of some keys while it lives.
  class Lock {
   public:
    Lock(Impl& table, std::span<const Demand> demands) : table_(table) {
      for (const Demand& demand : demands) held_.set(table.index_of(demand.key));
      for (std::size_t i = 0; i < most_shards; ++i)
        if (held_.test(i)) table_.shards[i].mutex.lock();
    }
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;
    ~Lock() {
      for (std::size_t i = most_shards; i-- > 0;)
        if (held_.test(i)) table_.shards[i].mutex.unlock();
    }

   private:
    Impl& table_;
    std::bitset<most_shards> held_;
  };

  /// How long demand `index` must wait; demands of the same key up to it count together. Nothing: for ever.
  std::optional<Duration> wait(std::span<const Demand> demands, std::size_t index, Instant now) {
    const Demand& demand = demands[index];
    std::uint64_t tokens = 0;
    for (const Demand& earlier : demands.first(index + 1)) {
      if (earlier.key != demand.key) continue;
      if (earlier.tokens > Rate::max_count || (tokens += earlier.tokens) > Rate::max_count) return std::nullopt;
    }
    const TokenBucket* const held = shard_of(demand.key).find(demand.key);
    TokenBucket bucket = held != nullptr ? *held : TokenBucket(demand.rate, now);
    if (bucket.rate() != demand.rate) bucket.set_rate(demand.rate, now);
    return bucket.wait(tokens, now);
  }

  void commit(std::span<const Demand> demands, const Demand& demand, Instant now) {
    Shard& shard = shard_of(demand.key);
    if (shard.find(demand.key) == nullptr) {
      const auto is_needed = [demands](std::string_view key) {
        return std::any_of(demands.begin(), demands.end(), [key](const Demand& other) { return other.key == key; });
      };
      while (shard.buckets.size() >= most_in_shard && shard.drop(is_needed)) {
      }
      shard.add(demand.key, demand.rate, now);
    }
    shard.update(demand.key, [&](TokenBucket& bucket) {
      if (bucket.rate() != demand.rate) bucket.set_rate(demand.rate, now);
      bucket.take(demand.tokens, now);
    });
  }
};

Table::Table(std::size_t max_keys) : impl_(std::make_unique<Impl>(max_keys)) {}
Table::~Table() = default;

Table::Verdict Table::take(std::span<const Demand> demands, Instant now) {
  const Impl::Lock lock(*impl_, demands);
  Verdict verdict{true, 0, Duration::zero()};
  for (std::size_t i = 0; i < demands.size(); ++i) {
    const auto wait = impl_->wait(demands, i, now);
    if (!wait) return {false, i, std::nullopt};
    if (*wait > *verdict.wait) verdict = {false, i, wait};
  }
  if (verdict.granted)
    for (const Demand& demand : demands) impl_->commit(demands, demand, now);
  return verdict;
}

void Table::give_back(std::span<const Demand> demands) {
  const Impl::Lock lock(*impl_, demands);
  for (const Demand& demand : demands)
    impl_->shard_of(demand.key).update(demand.key, [&](TokenBucket& bucket) { bucket.give_back(demand.tokens); });
}

std::size_t Table::size() const {
  std::size_t count = 0;
  for (Shard& shard : impl_->shards) {
    const std::lock_guard lock(shard.mutex);
    count += shard.buckets.size();
  }
  return count;
}

}  // namespace sendconn::limit
