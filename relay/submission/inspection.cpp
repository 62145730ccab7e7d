#include "relay/submission/inspection.hpp"

#include <utility>

namespace sendconn::relay {

void Inspection::content(std::string_view octets) {
  check_.update(octets);
  ask();
}

void Inspection::end(std::chrono::milliseconds deadline, Done done) {
  const auto self = shared_from_this();  // `done` may drop it
  check_.finish();
  ask();
  done_ = std::move(done);
  report();
  if (!done_) return;
  deadline_.emplace(loop_.context(), deadline);
  deadline_->async_wait([weak = weak_from_this()](const asio::error_code& cancelled) {
    const auto late = weak.lock();
    if (cancelled || !late || !late->done_) return;
    late->check_.give_up();
    late->report();
  });
}

// A zone file and the cache answer inside resolve(); the loop below takes up what such an answer led to, so that a long
// chain of them is no deep stack.
void Inspection::ask() {
  again_ = true;
  if (std::exchange(asking_, true)) return;
  while (std::exchange(again_, false)) {
    for (const dns::Question& question : check_.questions()) {
      loop_.resolver().resolve(question, [weak = weak_from_this(), question](const dns::Answer& answer) {
        const auto self = weak.lock();
        if (!self) return;
        self->check_.answer(question, answer);
        if (self->asking_) {
          self->again_ = true;
          return;
        }
        self->ask();
        self->report();
      });
    }
  }
  asking_ = false;
}

void Inspection::report() {
  if (!done_ || !check_.done()) return;
  const Done done = std::exchange(done_, nullptr);
  done(check_.results());
}

}  // namespace sendconn::relay
