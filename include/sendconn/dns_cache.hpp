// Answers kept for as long as they may be (RFC 1035 section 3.2.1, RFC 2308, RFC 9520).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include <sendconn/dns.hpp>
#include <sendconn/time.hpp>

#pragma GCC visibility push(default)

namespace sendconn::dns {

struct CacheOptions {
  std::size_t max_octets = std::size_t{32} * 1024 * 1024;  ///< of memory, as estimated; the least used go first
  std::size_t shards = 16;                                 ///< each with a lock of its own; 1 to 1024
  std::chrono::seconds max_ttl = std::chrono::hours(24);   ///< RFC 8767 section 4 allows 7 days
  /// RFC 2308 section 5 allows 3 hours; who has just published a record does not want to wait.
  std::chrono::seconds max_negative_ttl = std::chrono::minutes(5);
  /// RFC 9520 section 3.2 wants failures kept from 1 second to 5 minutes, so that a broken zone is not asked in a loop.
  std::chrono::seconds failure_ttl{1};
};

/// A cache of answers, positive and negative. Bounded in memory; time is an argument; thread-safe.
class Cache {
 public:
  explicit Cache(const CacheOptions& options = {});
  ~Cache();
  Cache(const Cache&) = delete;
  Cache& operator=(const Cache&) = delete;

  /// The answer, its TTL less the time it has been here; nothing if it is not here or has expired. Names are compared
  /// without regard to case.
  std::optional<Answer> find(const Question& question, Instant now);
  /// Keeps the answer for its TTL within the options' bounds; one with a TTL of 0 is not kept.
  void put(const Question& question, const Answer& answer, Instant now);
  /// Forgets one answer: somebody knows that it changed.
  void remove(const Question& question);

  [[nodiscard]] std::size_t size() const;    ///< answers held, expired ones that nobody asked for since included
  [[nodiscard]] std::size_t octets() const;  ///< as estimated

 private:
  class Shard;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sendconn::dns

#pragma GCC visibility pop
