// Cache: shards of a hash table and a list from the most to the least recently used.
#include <sendconn/dns_cache.hpp>

#include <algorithm>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "lib/base/hidden.hpp"
#include "lib/dns/name.hpp"

namespace sendconn::dns {
namespace {

using std::chrono::seconds;

constexpr std::size_t max_shards = 1024;
constexpr std::size_t node_octets = 128;  // what list, table and allocator add to an entry; estimated

/// The canonical name and the type: NUL may stand in a name, but only the last two octets are the type.
std::string key_of(const Question& question) {
  std::string key = canonical(question.name);
  const auto type = static_cast<std::uint16_t>(question.type);
  key.push_back(static_cast<char>(type >> 8U));
  key.push_back(static_cast<char>(type & 0xffU));
  return key;
}

std::size_t size_of(const std::string& key, const Answer& answer) {
  std::size_t octets = sizeof(Answer) + node_octets + 2 * key.size();
  for (const Record& record : answer.records) octets += sizeof record + record.text.size();
  for (const std::string& alias : answer.aliases) octets += sizeof(std::string) + alias.size();
  return octets;
}

}  // namespace

class SENDCONN_HIDDEN Cache::Shard {
 public:
  void set_room(std::size_t octets) { room_ = octets; }
  std::optional<Answer> find(const std::string& key, Instant now);
  void put(std::string key, Answer answer, Instant now);
  void remove(const std::string& key);
  void count(std::size_t& entries, std::size_t& octets) const;

 private:
  struct Entry {
    std::string key;
    Answer answer;
    Instant stored;
    std::size_t octets;
  };
  using Entries = std::list<Entry>;

  void erase(Entries::iterator entry);

  mutable std::mutex mutex_;
  Entries entries_;  ///< the most recently used first
  std::unordered_map<std::string_view, Entries::iterator> by_key_;
  std::size_t octets_ = 0;
  std::size_t room_ = 0;
};

void Cache::Shard::erase(Entries::iterator entry) {
  octets_ -= entry->octets;
  by_key_.erase(entry->key);
  entries_.erase(entry);
}

std::optional<Answer> Cache::Shard::find(const std::string& key, Instant now) {
  const std::lock_guard lock(mutex_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return std::nullopt;
  const auto entry = found->second;
  const auto age = std::max(std::chrono::floor<seconds>(now - entry->stored), seconds(0));
  if (age >= entry->answer.ttl) {
    erase(entry);
    return std::nullopt;
  }
  entries_.splice(entries_.begin(), entries_, entry);
  Answer answer = entry->answer;
  answer.ttl -= age;
  return answer;
}

void Cache::Shard::put(std::string key, Answer answer, Instant now) {
  const std::size_t octets = size_of(key, answer);
  const std::lock_guard lock(mutex_);
  if (const auto found = by_key_.find(key); found != by_key_.end()) erase(found->second);
  if (octets > room_) return;
  while (octets_ + octets > room_) erase(std::prev(entries_.end()));
  entries_.push_front({std::move(key), std::move(answer), now, octets});
  by_key_.emplace(entries_.front().key, entries_.begin());
  octets_ += octets;
}

void Cache::Shard::remove(const std::string& key) {
  const std::lock_guard lock(mutex_);
  if (const auto found = by_key_.find(key); found != by_key_.end()) erase(found->second);
}

void Cache::Shard::count(std::size_t& entries, std::size_t& octets) const {
  const std::lock_guard lock(mutex_);
  entries += entries_.size();
  octets += octets_;
}

struct SENDCONN_HIDDEN Cache::Impl {
  explicit Impl(const CacheOptions& from) : options(from), shards(std::clamp<std::size_t>(from.shards, 1, max_shards)) {
    for (Shard& shard : shards) shard.set_room(options.max_octets / shards.size());
  }
  Shard& shard(const std::string& key) { return shards[std::hash<std::string>()(key) % shards.size()]; }

  CacheOptions options;
  std::vector<Shard> shards;
};

Cache::Cache(const CacheOptions& options) : impl_(std::make_unique<Impl>(options)) {}
Cache::~Cache() = default;

std::optional<Answer> Cache::find(const Question& question, Instant now) {
  const std::string key = key_of(question);
  return impl_->shard(key).find(key, now);
}

void Cache::put(const Question& question, const Answer& answer, Instant now) {
  const CacheOptions& options = impl_->options;
  Answer kept = answer;
  if (is_temporary(answer.status)) {
    kept.ttl = options.failure_ttl;
  } else {
    kept.ttl = std::min(answer.ttl, answer.ok() ? options.max_ttl : options.max_negative_ttl);
  }
  std::string key = key_of(question);
  Shard& shard = impl_->shard(key);
  if (kept.ttl <= seconds(0)) return shard.remove(key);
  shard.put(std::move(key), std::move(kept), now);
}

void Cache::remove(const Question& question) {
  const std::string key = key_of(question);
  impl_->shard(key).remove(key);
}

std::size_t Cache::size() const {
  std::size_t entries = 0;
  std::size_t octets = 0;
  for (const Shard& shard : impl_->shards) shard.count(entries, octets);
  return entries;
}

std::size_t Cache::octets() const {
  std::size_t entries = 0;
  std::size_t octets = 0;
  for (const Shard& shard : impl_->shards) shard.count(entries, octets);
  return octets;
}

}  // namespace sendconn::dns
