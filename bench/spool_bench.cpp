// spool_bench: whole lives of messages in the spool (stored, handed out from memory, settled, gone), on a real disk.
//
//   spool_bench FOLDER [--size OCTETS] [--sessions N] [--messages N] [--backlog OCTETS]
//               [--no-sync]
//
// One thread plays the relay's event loop with N sessions: each waits for the commit of its message, settles it and
// stores the next. A backlog is stored first and stays. Prints one line of figures:
//   life/s       messages stored, settled and gone in a second, until the spool is closed
//   spool us     processor time of the spool's own threads for each message
//   loop us      processor time of the event loop's thread: store(), settle() and the hand-over of what was committed
//   p50, p99 ms  from store() to its callback
//   group        messages for each commit
//   write x      octets that went to the disk for each octet of mail
// The folder must not be on a tmpfs and is removed at the end.
#include <sys/resource.h>
#include <sys/vfs.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <string>
#include <vector>

#include "relay/spool/spool.hpp"

namespace {

using namespace sendconn;
using namespace sendconn::relay;
using Clock = std::chrono::steady_clock;

constexpr long tmpfs_magic = 0x01021994;

struct Options {
  std::string folder;
  std::size_t size = 4096;
  std::size_t sessions = 20;
  std::size_t messages = 20'000;
  std::uint64_t backlog = 0;
  bool sync = true;
};

double processor_seconds(int who) {
  rusage usage{};
  ::getrusage(who, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

std::uint64_t written_octets() {
  std::ifstream io("/proc/self/io");
  for (std::string name; io >> name;) {
    std::uint64_t value = 0;
    io >> value;
    if (name == "write_bytes:") return value;
  }
  return 0;
}

/// What the committer hands over to the loop: gathered in the callbacks, woken for once a group.
struct Committed {
  std::mutex mutex;
  std::condition_variable wake;
  std::vector<QueueId> group;    // the committer's own
  std::vector<QueueId> waiting;  // under the mutex
  std::size_t settled = 0;

  void after_group() {
    const std::lock_guard lock(mutex);
    waiting.insert(waiting.end(), group.begin(), group.end());
    group.clear();
    wake.notify_one();
  }
};

[[noreturn]] void give_up(const Error& error) {
  std::fprintf(stderr, "spool_bench: %s\n", error.text.c_str());
  std::exit(1);
}

QueuedMessage make_message(Spool& spool) {
  QueuedMessage message;
  message.id = spool.next_id();
  message.account = "acme";
  message.connector = "server-1";
  message.reverse_path = "sender@example.org";
  message.recipients.push_back({0, "recipient@example.net", 0, {}, {}});
  return message;
}

class Run {
 public:
  explicit Run(const Options& options) : options_(options), content_(options.size, 'x'), prefix_(900, 'p') {
    SpoolOptions wanted;
    wanted.folder = options.folder;
    wanted.sync = options.sync;
    wanted.after_group = [this] { committed_.after_group(); };
    auto spool = open_spool(wanted);
    if (!spool) give_up(spool.error());
    spool_ = std::move(*spool);
    latencies_.reserve(options.messages);
  }

  void run() {
    fill(options_.backlog / (options_.size + prefix_.size()), false);
    latencies_.clear();
    const std::uint64_t commits = spool_->status().commits;
    const std::uint64_t written = written_octets();
    const double process = processor_seconds(RUSAGE_SELF);
    const double loop = processor_seconds(RUSAGE_THREAD);
    const Clock::time_point start = Clock::now();
    fill(options_.messages, true);
    const std::uint64_t groups = spool_->status().commits - commits;
    const double loop_used = processor_seconds(RUSAGE_THREAD) - loop;
    spool_->close();
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    const double process_used = processor_seconds(RUSAGE_SELF) - process;
    report(seconds, process_used, loop_used, groups, written_octets() - written);
  }

 private:
  void store() {
    QueuedMessage message = make_message(*spool_);
    const QueueId id = message.id;
    // A copy stands for the octets that a session received.
    auto content = make_content(content_);
    spool_->store(std::move(message), prefix_, std::move(content),
                  [this, id, start = Clock::now()](const Result<void>& result) {
                    if (!result) give_up(result.error());
                    latencies_.push_back(std::chrono::duration<double>(Clock::now() - start).count());
                    committed_.group.push_back(id);
                  });
  }

  void settle(QueueId id) {
    spool_->settle(id, {Settlement{0, true, 0, {}, {}}}, std::nullopt, [this](const Result<void>& result) {
      if (!result) give_up(result.error());
      ++settled_;
    });
  }

  void fill(std::size_t count, bool settles) {
    std::size_t stored = 0;
    std::size_t finished = 0;
    for (; stored < std::min(count, options_.sessions); ++stored) store();
    std::vector<QueueId> group;
    while (finished < count) {
      {
        std::unique_lock lock(committed_.mutex);
        committed_.wake.wait(lock, [this] { return !committed_.waiting.empty(); });
        group.swap(committed_.waiting);
      }
      for (const QueueId id : group) {
        if (settles) settle(id);
        ++finished;
        if (stored == count) continue;
        store();
        ++stored;
      }
      group.clear();
    }
  }

  void report(double seconds, double process, double loop, std::uint64_t groups, std::uint64_t written) {
    std::sort(latencies_.begin(), latencies_.end());
    const auto count = static_cast<double>(options_.messages);
    const auto at = [this](double share) {
      return latencies_[static_cast<std::size_t>(share * static_cast<double>(latencies_.size() - 1))] * 1e3;
    };
    const double mail = count * static_cast<double>(options_.size + prefix_.size());
    std::printf(
        "%s %6zu octets %3zu sessions %5llu MB behind: %7.0f life/s, spool %6.1f us, loop %5.1f us, "
        "p50 %6.2f ms, p99 %6.2f ms, group %5.1f, write x %.2f\n",
        options_.sync ? "synced" : "NOSYNC", options_.size, options_.sessions,
        static_cast<unsigned long long>(options_.backlog >> 20), count / seconds, (process - loop) / count * 1e6,
        loop / count * 1e6, at(0.5), at(0.99), count / static_cast<double>(std::max<std::uint64_t>(groups, 1)),
        static_cast<double>(written) / mail);
  }

  Options options_;
  std::string content_;
  std::string prefix_;
  Committed committed_;
  std::vector<double> latencies_;
  std::size_t settled_ = 0;
  std::unique_ptr<Spool> spool_;
};

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const std::string value = i + 1 < argc ? argv[i + 1] : "";
    if (word == "--no-sync") {
      options.sync = false;
      continue;
    }
    if (!word.starts_with("--")) {
      options.folder = word;
      continue;
    }
    ++i;
    if (word == "--size") {
      options.size = std::strtoull(value.c_str(), nullptr, 10);
    } else if (word == "--sessions") {
      options.sessions = std::strtoull(value.c_str(), nullptr, 10);
    } else if (word == "--messages") {
      options.messages = std::strtoull(value.c_str(), nullptr, 10);
    } else if (word == "--backlog") {
      options.backlog = std::strtoull(value.c_str(), nullptr, 10);
    } else {
      std::fprintf(stderr, "spool_bench: cannot use \"%s %s\"; the source opens with the manual\n", word.c_str(),
                   value.c_str());
      std::exit(2);
    }
  }
  if (options.folder.empty() || options.messages == 0 || options.sessions == 0) {
    std::fprintf(stderr, "spool_bench: needs a folder, messages and sessions\n");
    std::exit(2);
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  if (std::filesystem::exists(options.folder)) {
    std::fprintf(stderr, "spool_bench: %s exists already; it would be removed at the end\n", options.folder.c_str());
    return 2;
  }
  std::filesystem::create_directory(options.folder);
  struct statfs disk {};
  if (::statfs(options.folder.c_str(), &disk) != 0 || disk.f_type == tmpfs_magic) {
    std::fprintf(stderr, "spool_bench: %s must be on a disk, not on a tmpfs\n", options.folder.c_str());
    return 2;
  }
  Run(options).run();
  std::filesystem::remove_all(options.folder);
  return 0;
}
