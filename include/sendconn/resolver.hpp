// Resolver: who answers DNS questions. Behind one interface stand c-ares on an event loop, a zone file, and whatever a
// caller brings.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <sendconn/dns.hpp>
#include <sendconn/dns_cache.hpp>
#include <sendconn/time.hpp>

#pragma GCC visibility push(default)

namespace sendconn::io {

/// Asks on behalf of one thread. Thread-compatible: one Resolver for each event loop.
class Resolver {
 public:
  using Done = std::function<void(const dns::Answer&)>;
  virtual ~Resolver() = default;

  /// Answers once, by calling `done` exactly once: from inside this call (a zone file) or later, on the thread that
  /// drives the resolver. Destroying the resolver drops outstanding questions without calling.
  virtual void resolve(const dns::Question& question, Done done) = 0;
};

/// Told why a zone file that had been read cannot be read any more; once for each problem.
using OnZoneProblem = std::function<void(const Error&)>;

/// A zone file in memory behind the Resolver interface; see <sendconn/zone.hpp> for the format. Thread-compatible;
/// answers inside resolve(). `path` is read again whenever its times, size or file number changed, so that a record
/// published while a program runs is seen. A file that is missing or malformed is an error here and answers
/// server_failure later, until it is mended: never no_such_name, since an absent file shows no absent record.
/// Errc::io, or what dns::Zone::parse says.
Result<std::unique_ptr<Resolver>> open_zone_resolver(const std::string& path, OnZoneProblem on_problem = {});

/// Answers from `cache` inside resolve(), and asks `inner` for the rest; questions that are the same are asked once for
/// all who wait. `inner` outlives it; the cache may be shared by the resolvers of several threads. Thread-compatible.
/// A question that must see the DNS as it is now goes to `inner` directly.
std::unique_ptr<Resolver> cached(Resolver& inner, std::shared_ptr<dns::Cache> cache);

struct CaresOptions {
  /// "192.0.2.1", "192.0.2.1:5353", "2001:db8::1", "[2001:db8::1]:53", at most 16; empty: the system's configuration.
  std::vector<std::string> servers;
  std::chrono::milliseconds timeout{5000};    ///< for the first try of a server, later ones wait longer; 1 ms to 60 s
  int tries = 2;                              ///< 1 to 10; each try asks each server
  std::chrono::milliseconds deadline{20000};  ///< for the whole question: Status::timeout then; 1 ms to 10 min
  bool tcp_only = false;
};

/// How the c-ares resolver meets its event loop, in both directions without naming one: the loop is told which sockets
/// to watch, and tells which are ready. Compatible with Asio, poll and asyncio alike.
///
/// Asks over UDP with EDNS, over TCP for an answer that was truncated; requests validation (AD) and never appends a
/// search suffix. A name that no DNS could hold (an empty label, one over 63 octets, over 253 in all) answers
/// no_such_name at once. Chains of aliases are followed up to dns::max_aliases, also where the server does not.
class CaresResolver : public Resolver {
 public:
  /// Questions open at one time; past it resolve() answers server_failure. Our own bound, well below the 65,536
  /// identifiers that a message can carry.
  static constexpr std::size_t max_open = 16384;

  struct Watch {
    int socket = -1;
    bool read = false;
    bool write = false;  ///< neither read nor write: stop watching; the socket is about to be closed
  };
  /// Called from inside resolve(), process() and the destructor; must not call the resolver.
  using OnWatch = std::function<void(const Watch&)>;

  /// Errc::invalid_argument for options out of range, Errc::io if c-ares cannot start.
  static Result<std::unique_ptr<CaresResolver>> open(const CaresOptions& options, OnWatch on_watch);

  /// Sockets became readable or writable; -1 for neither. Calls `done` functions, which may ask anew and may destroy
  /// the resolver, and `on_watch`.
  virtual void process(int readable, int writable) = 0;
  /// How long from now until process(-1, -1) must be called at the latest; nothing while nothing is under way. Changes
  /// with each resolve() and process().
  [[nodiscard]] virtual std::optional<Duration> next_timeout() const = 0;
};

/// Blocking: drives any number of questions with poll(2) until all are answered. For programs without a loop.
/// The answers stand in the order of the questions.
Result<std::vector<dns::Answer>> resolve_blocking(const CaresOptions& options,
                                                  const std::vector<dns::Question>& questions);

}  // namespace sendconn::io

#pragma GCC visibility pop
