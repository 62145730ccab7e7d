// resolve_blocking: the c-ares resolver under a loop of poll(2), for programs that have none.
#include <sendconn/resolver.hpp>

#include "lib/io/poll_set.hpp"

namespace sendconn::io {

Result<std::vector<dns::Answer>> resolve_blocking(const CaresOptions& options,
                                                  const std::vector<dns::Question>& questions) {
  PollSet watched;
  auto opened = CaresResolver::open(
      options, [&watched](const CaresResolver::Watch& watch) { watched.watch(watch.socket, watch.read, watch.write); });
  if (!opened) return opened.error();
  CaresResolver& resolver = **opened;

  std::vector<dns::Answer> answers(questions.size());
  std::size_t asked = 0;
  std::size_t open = 0;
  while (asked < questions.size() || open != 0) {
    for (; asked < questions.size() && open < CaresResolver::max_open; ++asked) {
      ++open;
      resolver.resolve(questions[asked], [&open, &slot = answers[asked]](const dns::Answer& answer) {
        slot = answer;
        --open;
      });
    }
    const auto left = resolver.next_timeout();
    if (!left) continue;
    auto ready = watched.wait(std::chrono::ceil<std::chrono::milliseconds>(*left));
    if (!ready) return std::move(ready).error();
    for (const PollSet::Ready& one : *ready) resolver.process(one.read ? one.socket : -1, one.write ? one.socket : -1);
    resolver.process(-1, -1);
  }
  return answers;
}

}  // namespace sendconn::io
