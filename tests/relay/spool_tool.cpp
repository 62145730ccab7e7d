// spool-tool: a program around the spool, to be killed, starved of disk and cut from power by tests.
//
//   spool-tool FOLDER [--threads N] [--no-sync] [--max-octets N] [--min-free N] [--large OCTETS]
//              [--segment OCTETS]
//
// Commands come on standard input, one a line; answers go to standard output, one a line, flushed at once, in the order
// in which they become true:
//
//   store SIZE [N]      stores N messages (default 1) of SIZE octets over the threads; each waits for its commit
//                         stored ID SIZE    it is durable      refused CODE TEXT
//   settle ID           settles every recipient of ID
//                         settled ID        failed ID TEXT
//   defer ID ATTEMPTS   settles recipient 0 of ID for a later try
//   life SIZE [N]       as store, and each message is settled as soon as it is stored
//   load                what stood in the spool at the start
//                         loaded ID SIZE RECIPIENTS ATTEMPTS, then: end
//   check ID            reads the message back and compares every octet with what store made of ID and SIZE
//                         intact ID SIZE    damaged ID TEXT
//   status              status MESSAGES OCTETS COMMITS
//   wait                answers "idle" once everything asked for before is answered
//   quit                closes the spool and ends; so does the end of the input
//
// Opening prints "open" or "cannot open: TEXT" (exit code 1). The content of a message is a function of its id and its
// size, so a checker needs nothing but the answers.
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <iostream>
#include <map>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "relay/spool/spool.hpp"

namespace {

using namespace sendconn;
using namespace sendconn::relay;

/// `size` octets that only this message has: its id on every line.
std::string content_of(QueueId id, std::size_t size) {
  const std::string line = format_queue_id(id) + " 0123456789 abcdefghijklmnopqrstuvwxyz\r\n";
  std::string content;
  content.reserve(size + line.size());
  while (content.size() < size) content += line;
  content.resize(size);
  return content;
}

std::string prefix_of(QueueId id) { return "Received: by spool-tool with id " + format_queue_id(id) + "\r\n"; }

class Tool {
 public:
  Tool(Spool& spool, unsigned threads, std::size_t large) : spool_(spool), large_(large) {
    for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
  }
  ~Tool() {
    {
      const std::lock_guard lock(mutex_);
      closing_ = true;
    }
    wake_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }
  Tool(const Tool&) = delete;
  Tool& operator=(const Tool&) = delete;

  void say(const std::string& line) {
    const std::lock_guard lock(output_);
    std::fputs((line + '\n').c_str(), stdout);
    std::fflush(stdout);
  }

  void run(const std::string& line) {
    std::istringstream words(line);
    std::string command;
    words >> command;
    if (command == "store" || command == "life") {
      std::size_t size = 0;
      std::size_t count = 1;
      words >> size >> count;
      for (std::size_t i = 0; i < count; ++i) {
        post([this, size, settle = command == "life"] { store(size, settle); });
      }
    } else if (command == "settle" || command == "defer") {
      std::string id;
      std::uint32_t attempts = 0;
      words >> id >> attempts;
      post([this, id, attempts, done = command == "settle"] { settle(id, done, attempts); });
    } else if (command == "load") {
      load();
    } else if (command == "check") {
      std::string id;
      words >> id;
      check(id);
    } else if (command == "status") {
      const SpoolStatus status = spool_.status();
      say("status " + std::to_string(status.messages) + ' ' + std::to_string(status.octets) + ' ' +
          std::to_string(status.commits));
    } else if (command == "wait") {
      std::unique_lock lock(mutex_);
      idle_.wait(lock, [this] { return open_jobs_ == 0; });
      lock.unlock();
      say("idle");
    } else if (!command.empty()) {
      say("unknown command: " + command);
    }
  }

 private:
  struct Waiter {
    std::mutex mutex;
    std::condition_variable wake;
    std::optional<Result<void>> result;
    std::function<void(Result<void>)> callback() {
      return [this](Result<void> value) {
        const std::lock_guard lock(mutex);
        result = std::move(value);
        wake.notify_one();
      };
    }
    Result<void> wait() {
      std::unique_lock lock(mutex);
      wake.wait(lock, [this] { return result.has_value(); });
      return std::move(*result);
    }
  };

  void post(std::function<void()> job) {
    {
      const std::lock_guard lock(mutex_);
      jobs_.push_back(std::move(job));
      ++open_jobs_;
    }
    wake_.notify_one();
  }

  void work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      wake_.wait(lock, [this] { return closing_ || !jobs_.empty(); });
      if (jobs_.empty()) return;
      auto job = std::move(jobs_.front());
      jobs_.pop_front();
      lock.unlock();
      job();
      lock.lock();
      if (--open_jobs_ == 0) idle_.notify_all();
    }
  }

  void refuse(const Error& error) { say("refused " + std::to_string(static_cast<int>(error.code)) + ' ' + error.text); }

  void store(std::size_t size, bool then_settle) {
    QueuedMessage message;
    message.id = spool_.next_id();
    message.account = "tool";
    message.reverse_path = "tool@example.org";
    message.recipients.push_back({0, "nobody@example.net", 0, {}, {}});
    const QueueId id = message.id;
    std::shared_ptr<const Content> content;
    if (size > large_) {
      auto made = write_large(content_of(id, size));
      if (!made) return refuse(made.error());
      content = std::move(*made);
    } else {
      content = make_content(content_of(id, size));
    }
    Waiter waiter;
    spool_.store(std::move(message), prefix_of(id), std::move(content), waiter.callback());
    if (auto result = waiter.wait(); !result) return refuse(result.error());
    say("stored " + format_queue_id(id) + ' ' + std::to_string(size));
    if (then_settle) settle(format_queue_id(id), true, 0);
  }

  Result<std::shared_ptr<const Content>> write_large(const std::string& octets) {
    auto writer = spool_.open_writer();
    if (!writer) return writer.error();
    constexpr std::size_t piece = 60'000;
    for (std::size_t at = 0; at < octets.size(); at += piece) {
      if (auto written = (*writer)->write(std::string_view(octets).substr(at, piece)); !written) return written.error();
    }
    return (*writer)->finish();
  }

  void settle(const std::string& name, bool done, std::uint32_t attempts) {
    auto id = parse_queue_id(name);
    if (!id) return say("failed " + name + ' ' + id.error().text);
    Settlement settlement;
    settlement.done = done;
    settlement.attempts = attempts;
    Waiter waiter;
    spool_.settle(*id, {settlement}, std::nullopt, waiter.callback());
    auto result = waiter.wait();
    say(result ? "settled " + name : "failed " + name + ' ' + result.error().text);
  }

  void load() {
    auto messages = spool_.load();
    if (!messages) return say("cannot load: " + messages.error().text);
    for (const QueuedMessage& message : *messages) {
      say("loaded " + format_queue_id(message.id) + ' ' + std::to_string(message.content_octets) + ' ' +
          std::to_string(message.recipients.size()) + ' ' + std::to_string(message.recipients.front().attempts));
    }
    say("end");
  }

  void check(const std::string& name) {
    auto id = parse_queue_id(name);
    if (!id) return say("damaged " + name + ' ' + id.error().text);
    auto octets = spool_.open(*id);
    if (!octets) return say("damaged " + name + ' ' + octets.error().text);
    if (octets->prefix != prefix_of(*id)) return say("damaged " + name + " its prefix differs");
    const auto size = static_cast<std::size_t>(octets->content->size());
    std::string found;
    std::string buffer;
    while (found.size() < size) {
      auto piece = octets->content->read(found.size(), 65'536, buffer);
      if (!piece) return say("damaged " + name + ' ' + piece.error().text);
      if (piece->empty()) break;
      found.append(*piece);
    }
    say(found == content_of(*id, size) ? "intact " + name + ' ' + std::to_string(size)
                                       : "damaged " + name + " its content differs");
  }

  Spool& spool_;
  std::size_t large_;
  std::mutex output_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable idle_;
  std::deque<std::function<void()>> jobs_;
  std::size_t open_jobs_ = 0;
  bool closing_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace

int main(int argc, char** argv) {
  SpoolOptions options;
  options.segment_octets = 512 * 1024;  // small, so that short tests see many of them come and go
  unsigned threads = 1;
  std::size_t large = 262'144;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const bool has_value = i + 1 < argc;
    if (word == "--no-sync") {
      options.sync = false;
    } else if (word == "--threads" && has_value) {
      threads = static_cast<unsigned>(std::strtoul(argv[++i], nullptr, 10));
    } else if (word == "--max-octets" && has_value) {
      options.max_octets = std::strtoull(argv[++i], nullptr, 10);
    } else if (word == "--min-free" && has_value) {
      options.min_free_octets = std::strtoull(argv[++i], nullptr, 10);
    } else if (word == "--segment" && has_value) {
      options.segment_octets = std::strtoull(argv[++i], nullptr, 10);
    } else if (word == "--large" && has_value) {
      large = std::strtoull(argv[++i], nullptr, 10);
    } else if (options.folder.empty() && !word.starts_with('-')) {
      options.folder = word;
    } else {
      std::fprintf(stderr, "spool-tool: cannot use \"%s\"; the source opens with the manual\n", word.c_str());
      return 2;
    }
  }
  auto spool = open_spool(options);
  if (!spool) {
    std::printf("cannot open: %s\n", spool.error().text.c_str());
    return 1;
  }
  {
    Tool tool(**spool, threads, large);
    tool.say("open");
    for (std::string line; std::getline(std::cin, line) && line != "quit";) tool.run(line);
  }
  (*spool)->close();
  return 0;
}
