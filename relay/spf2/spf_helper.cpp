#include "relay/spf2/spf_helper.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>
#include <vector>

namespace sendconn::relay {
namespace {

Instant now() { return std::chrono::steady_clock::now(); }

Error failed(const std::string& what) {
  return {Errc::io, what + ": " + std::strerror(errno)};  // NOLINT(concurrency-mt-unsafe)
}

/// This program again, with `socket` for its standard input and none of our other descriptors. Signals are as a program
/// expects them, and those of a terminal do not reach it: it ends with the socket.
Result<pid_t> spawn(int socket, const std::string& module) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawnattr_init(&attributes);
  ::posix_spawn_file_actions_adddup2(&actions, socket, STDIN_FILENO);
  ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  ::posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  ::posix_spawnattr_setpgroup(&attributes, 0);
  ::posix_spawnattr_setflags(
      &attributes, static_cast<short>(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP));
  std::string name = "sendconn-relay";
  std::string option = "--spf-helper";
  std::string argument = module;
  std::array<char*, 4> words{name.data(), option.data(), argument.data(), nullptr};
  pid_t process = 0;
  const int error = ::posix_spawn(&process, "/proc/self/exe", &actions, &attributes, words.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  if (error != 0) {
    errno = error;
    return failed("cannot start the process for libspf2");
  }
  return process;
}

/// Waits until `socket` can be read or written. Errc::io if it cannot within the time.
Result<void> wait_for(int socket, short events, Instant deadline) {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - now());
    pollfd watched{socket, events, 0};
    const int ready = ::poll(&watched, 1, static_cast<int>(std::max<std::int64_t>(0, left.count())));
    if (ready > 0) return {};
    if (ready == 0) return Error{Errc::io, "it says nothing"};
    if (errno != EINTR) return failed("waiting for it");
  }
}

}  // namespace

/// One check: what it was asked, and where the helper says it stands.
class SpfHelper::RemoteCheck final : public spf::Check {
 public:
  explicit RemoteCheck(std::shared_ptr<SpfHelper> helper) : helper_(std::move(helper)) {}
  ~RemoteCheck() override { forget(); }

  void start(const spf::Request& request) override {
    forget();
    broken_ = done_ = false;
    open_.clear();
    next_ = 0;
    id_ = ++helper_->last_id_;
    spf2::Request first;
    first.kind = spf2::Kind::start;
    first.id = id_;
    first.client = request.client;
    first.helo = request.helo;
    first.mail_from = request.mail_from;
    first.identity = request.identity;
    first.now = request.now;
    // What can be said if there will be no verdict.
    outcome_ = {};
    outcome_.verdict = spf::Verdict::temperror;
    outcome_.reason = spf::Reason::engine_failure;
    outcome_.identity = request.identity;
    const bool by_helo = request.identity == spf::Identity::helo || request.mail_from.empty();
    outcome_.sender = by_helo ? "postmaster@" + first.helo : first.mail_from;
    outcome_.domain = outcome_.sender.substr(outcome_.sender.rfind('@') + 1);
    outcome_.text = "the process that checks with libspf2 broke off";
    step(first);
  }

  const dns::Question* next_question() override { return done() || next_ == open_.size() ? nullptr : &open_[next_++]; }

  void answer(const dns::Question& question, const dns::Answer& answer) override {
    if (done() || std::find(open_.begin(), open_.end(), question) == open_.end()) return;
    spf2::Request next;
    next.kind = spf2::Kind::answer;
    next.id = id_;
    next.question = question;
    next.answer = answer;
    step(next);
  }

  [[nodiscard]] bool done() const noexcept override { return done_ || lost(); }
  [[nodiscard]] spf::Verdict verdict() const noexcept override { return outcome_.verdict; }
  [[nodiscard]] spf::Outcome outcome() const override { return outcome_; }

 private:
  /// The process that had it is gone.
  [[nodiscard]] bool lost() const noexcept { return broken_ || generation_ != helper_->generation_; }

  void step(const spf2::Request& request) {
    const auto response = helper_->ask(request);
    if (request.kind == spf2::Kind::start) generation_ = helper_->generation_;
    if (!response || !response->problem.empty()) {
      broken_ = true;
      return;
    }
    open_.insert(open_.end(), response->questions.begin(), response->questions.end());
    done_ = response->done;
    if (done_) outcome_ = response->outcome;
  }

  void forget() {
    if (id_ != 0 && !done()) helper_->drop(id_);
    id_ = 0;
  }

  std::shared_ptr<SpfHelper> helper_;
  std::uint64_t id_ = 0;
  std::uint64_t generation_ = 0;
  bool broken_ = false;
  bool done_ = false;
  spf::Outcome outcome_;
  std::vector<dns::Question> open_;  // all that were asked: few, by the limits of SPF
  std::size_t next_ = 0;             // of those, not yet handed out
};

Result<std::shared_ptr<SpfHelper>> SpfHelper::start(std::string module, spf::Options options, Log& log) {
  std::shared_ptr<SpfHelper> helper(new SpfHelper(std::move(module), std::move(options), log));
  if (auto opened = helper->open(start_time); !opened) return opened.error();
  return helper;
}

SpfHelper::~SpfHelper() { close(); }

std::unique_ptr<spf::Check> SpfHelper::make_check() { return std::make_unique<RemoteCheck>(shared_from_this()); }

Result<void> SpfHelper::open(std::chrono::milliseconds patience) {
  opened_ = now();
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) return failed("socketpair");
  auto process = spawn(ends[1], module_);
  ::close(ends[1]);
  if (!process) {
    ::close(ends[0]);
    return process.error();
  }
  socket_ = ends[0];
  process_ = *process;
  spf2::Request options;
  options.kind = spf2::Kind::options;
  options.options = options_;
  auto ready = exchange(options, patience);
  if (ready && ready->problem.empty()) {
    log_.info("spf-helper-started", {{"pid", static_cast<std::uint64_t>(process_)}});
    return {};
  }
  Error why = ready ? Error{Errc::not_found, ready->problem} : std::move(ready).error();
  close();
  return why;
}

void SpfHelper::close() {
  if (socket_ < 0) return;
  ::close(socket_);
  socket_ = -1;
  ++generation_;
  ::kill(process_, SIGKILL);
  while (::waitpid(process_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

/// Whether there is a helper that listens; starts one if it is time.
bool SpfHelper::ready() {
  if (socket_ >= 0) {
    // Nothing is awaited now, so what can be read is its end, or garbage.
    pollfd watched{socket_, POLLIN, 0};
    if (::poll(&watched, 1, 0) > 0) fail("it ended or spoke unasked");
  }
  if (socket_ < 0 && now() >= open_again_) {
    if (auto opened = open(step_time); !opened) fail(opened.error().text);
  }
  return socket_ >= 0;
}

void SpfHelper::fail(const std::string& why) {
  const Instant at = now();
  pause_ = at - opened_ >= calm ? std::chrono::seconds(0) : std::clamp(pause_ * 2, min_pause, max_pause);
  open_again_ = at + pause_;
  log_.error("spf-helper-failed", {{"pid", static_cast<std::uint64_t>(process_)},
                                   {"reason", why},
                                   {"again-in", static_cast<std::uint64_t>(pause_.count())}});
  close();
}

std::optional<spf2::Response> SpfHelper::ask(const spf2::Request& request) {
  // A check whose process is gone has nothing to go on with.
  if (request.kind == spf2::Kind::start ? !ready() : socket_ < 0) return std::nullopt;
  auto response = exchange(request, step_time);
  if (response) return std::move(*response);
  if (response.error().code != Errc::limit_exceeded) fail(response.error().text);
  return std::nullopt;
}

Result<spf2::Response> SpfHelper::exchange(const spf2::Request& request, std::chrono::milliseconds patience) {
  const Instant deadline = now() + patience;
  const std::string frame = spf2::make_frame(format(request));
  if (frame.empty()) return Error{Errc::limit_exceeded, "an answer of the DNS is too long for it"};
  if (auto sent = send(frame, deadline); !sent) return sent.error();
  const auto length = receive(spf2::length_octets, deadline);
  if (!length) return length.error();
  const auto octets = spf2::frame_octets(*length);
  if (!octets) return Error{Errc::syntax, "what it says is no answer"};
  const auto record = receive(*octets, deadline);
  if (!record) return record.error();
  auto response = spf2::parse_response(*record);
  if (!response || response->id != request.id) return Error{Errc::syntax, "what it says is no answer"};
  return std::move(*response);
}

Result<void> SpfHelper::send(std::string_view octets, Instant deadline) {
  while (!octets.empty()) {
    const ssize_t sent = ::send(socket_, octets.data(), octets.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      octets.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (auto ready = wait_for(socket_, POLLOUT, deadline); !ready) return ready;
    } else if (errno != EINTR) {
      return failed("it does not listen");
    }
  }
  return {};
}

Result<std::string> SpfHelper::receive(std::size_t octets, Instant deadline) {
  std::string record(octets, '\0');
  std::size_t at = 0;
  while (at < octets) {
    const ssize_t got = ::recv(socket_, record.data() + at, octets - at, MSG_DONTWAIT);
    if (got > 0) {
      at += static_cast<std::size_t>(got);
    } else if (got == 0) {
      return Error{Errc::io, "it ended"};
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (auto ready = wait_for(socket_, POLLIN, deadline); !ready) return ready.error();
    } else if (errno != EINTR) {
      return failed("reading from it");
    }
  }
  return record;
}

/// A check that nobody waits for any more. Nothing comes back.
void SpfHelper::drop(std::uint64_t id) {
  if (socket_ < 0) return;
  spf2::Request request;
  request.kind = spf2::Kind::drop;
  request.id = id;
  if (auto sent = send(spf2::make_frame(format(request)), now() + step_time); !sent) fail(sent.error().text);
}

}  // namespace sendconn::relay
