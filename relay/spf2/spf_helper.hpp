// SpfHelper: libspf2 for one loop, in a process of its own, since the library ends its process when it meets a state
// that it does not expect. It makes spf::Checks like any other engine's; whatever becomes of the process, they end.
//
// A step of a check is one frame to the process and one back. The loop waits for it, no longer than step_time; a
// healthy helper needs some hundredths of a millisecond. A helper that aborts, says nothing in time or something that
// is no answer is killed: the checks that it had end in a temperror, Reason::engine_failure, and another one is
// started, at once if it is the first failure for a while, else after a pause that grows.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include <sendconn/result.hpp>
#include <sendconn/spf.hpp>
#include <sendconn/time.hpp>

#include "relay/log/log.hpp"
#include "relay/spf2/frames.hpp"

namespace sendconn::relay {

/// Thread-compatible: of one loop. The checks that it makes hold it.
class SpfHelper : public std::enable_shared_from_this<SpfHelper> {
 public:
  static constexpr std::chrono::milliseconds step_time{250};    ///< our own: a client does not feel it
  static constexpr std::chrono::milliseconds start_time{5000};  ///< of the first one, while nobody waits
  static constexpr std::chrono::seconds calm{10};               ///< a helper that ran for so long was a good one
  static constexpr std::chrono::seconds min_pause{1};
  static constexpr std::chrono::seconds max_pause{60};

  /// Starts the process. The error says why there can be none.
  static Result<std::shared_ptr<SpfHelper>> start(std::string module, spf::Options options, Log& log);
  ~SpfHelper();
  SpfHelper(const SpfHelper&) = delete;
  SpfHelper& operator=(const SpfHelper&) = delete;

  std::unique_ptr<spf::Check> make_check();

 private:
  class RemoteCheck;
  SpfHelper(std::string module, spf::Options options, Log& log)
      : module_(std::move(module)), options_(std::move(options)), log_(log) {}

  Result<void> open(std::chrono::milliseconds patience);
  void close();
  bool ready();
  void fail(const std::string& why);
  std::optional<spf2::Response> ask(const spf2::Request& request);
  Result<spf2::Response> exchange(const spf2::Request& request, std::chrono::milliseconds patience);
  Result<void> send(std::string_view octets, Instant deadline);
  Result<std::string> receive(std::size_t octets, Instant deadline);
  void drop(std::uint64_t id);

  std::string module_;
  spf::Options options_;
  Log& log_;
  int socket_ = -1;  ///< -1: there is no helper
  pid_t process_ = 0;
  std::uint64_t generation_ = 0;  ///< of the process: a check knows by it that its own is gone
  std::uint64_t last_id_ = 0;
  Instant opened_{};
  Instant open_again_{};
  std::chrono::seconds pause_{0};
};

}  // namespace sendconn::relay
