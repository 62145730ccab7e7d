// The sources of answers that need no Python: a zone in memory, and c-ares over the network, blocking or on an event
// loop of Python's.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <sendconn/dns_cache.hpp>
#include <sendconn/resolver.hpp>
#include <sendconn/zone.hpp>

#include "bindings/python/src/source.hpp"

namespace sendconn::python {

class HeldZone : public Source {
 public:
  explicit HeldZone(dns::Zone zone) : zone_(std::move(zone)) {}
  std::vector<dns::Answer> ask(const std::vector<dns::Question>& questions) override;
  [[nodiscard]] bool is_at_hand() const noexcept override { return true; }
  [[nodiscard]] const dns::Zone& zone() const noexcept { return zone_; }

 private:
  dns::Zone zone_;
};

/// Waits with poll(2). Any number of threads ask at once, each over sockets of its own, which are kept for the next.
class BlockingResolver : public Source {
 public:
  BlockingResolver(io::CaresOptions options, std::shared_ptr<dns::Cache> cache);
  ~BlockingResolver() override;
  std::vector<dns::Answer> ask(const std::vector<dns::Question>& questions) override;
  [[nodiscard]] const io::CaresOptions& options() const noexcept { return options_; }
  [[nodiscard]] const std::shared_ptr<dns::Cache>& cache() const noexcept { return cache_; }

 private:
  class Channel;
  std::unique_ptr<Channel> take_channel();
  void keep(std::unique_ptr<Channel> channel);
  void ask_network(const std::vector<dns::Question>& questions, const std::vector<std::size_t>& wanted,
                   std::vector<dns::Answer>& answers);

  io::CaresOptions options_;
  std::shared_ptr<dns::Cache> cache_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Channel>> idle_;
  pid_t owner_;  ///< sockets are not shared with a child process
};

/// c-ares on an event loop of Python's: what the loop has to watch and what was answered is fetched by Python after
/// each call, so that c-ares never calls into it.
class LoopResolver {
 public:
  explicit LoopResolver(const io::CaresOptions& options);

  /// The number under which the answer comes.
  std::uint64_t ask(const dns::Question& question);
  void process(int readable, int writable);
  [[nodiscard]] std::optional<double> next_timeout() const;

  std::vector<io::CaresResolver::Watch> take_watches() { return std::exchange(watches_, {}); }
  struct Answered {
    std::uint64_t number;
    dns::RecordType type;
    dns::Answer answer;
  };
  std::vector<Answered> take_answers() { return std::exchange(answers_, {}); }

 private:
  std::vector<io::CaresResolver::Watch> watches_;
  std::vector<Answered> answers_;
  std::uint64_t asked_ = 0;
  std::unique_ptr<io::CaresResolver> cares_;  // the last: its end reports sockets
};

void bind_resolver(py::module_& module);

}  // namespace sendconn::python
