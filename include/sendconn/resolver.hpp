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
#include <sendconn/time.hpp>

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

struct CaresOptions {
  /// "192.0.2.1", "192.0.2.1:5353", "[2001:db8::1]:53"; empty: the system's configuration.
  std::vector<std::string> servers;
  std::chrono::milliseconds timeout{5000};  ///< for one try; 1 ms to 60 s
  int tries = 2;                            ///< 1 to 10; each try asks each server
  bool tcp_only = false;
};

/// How the c-ares resolver meets its event loop, in both directions without naming one: the loop is told which sockets
/// to watch, and tells which are ready. Compatible with Asio, poll and asyncio alike.
class CaresResolver : public Resolver {
 public:
  struct Watch {
    int socket = -1;
    bool read = false;
    bool write = false;  ///< neither read nor write: stop watching; the socket is about to be closed
  };
  using OnWatch = std::function<void(const Watch&)>;

  static Result<std::unique_ptr<CaresResolver>> open(const CaresOptions& options, OnWatch on_watch);

  /// Sockets became readable or writable; -1 for neither. May call `done` functions and `on_watch`.
  virtual void process(int readable, int writable) = 0;
  /// When process(-1, -1) must be called at the latest; nothing while no question is open.
  [[nodiscard]] virtual std::optional<Duration> next_timeout() const = 0;
};

/// Blocking: drives any number of questions with poll(2) until all are answered. For programs without a loop.
/// The answers stand in the order of the questions.
Result<std::vector<dns::Answer>> resolve_blocking(const CaresOptions& options,
                                                  const std::vector<dns::Question>& questions);

}  // namespace sendconn::io
