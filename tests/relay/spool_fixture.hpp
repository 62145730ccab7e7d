// What the tests of the spool share: a folder of their own, waiting for callbacks, messages that can be recognised.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "relay/spool/spool.hpp"

namespace sendconn::relay::testing {

/// A folder that is gone when the test is over.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "sendconn-spool-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  [[nodiscard]] std::string path(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

/// A callback and the future of what it is called with. Called twice, it fails the test.
class Waiter {
 public:
  Waiter() : promise_(std::make_shared<std::promise<Result<void>>>()), future_(promise_->get_future()) {}
  std::function<void(Result<void>)> callback() {
    return [promise = promise_, called = std::make_shared<std::atomic<int>>(0)](Result<void> result) {
      ASSERT_EQ(called->fetch_add(1), 0) << "a callback was called twice";
      promise->set_value(std::move(result));
    };
  }
  Result<void> wait() { return future_.get(); }

 private:
  std::shared_ptr<std::promise<Result<void>>> promise_;
  std::future<Result<void>> future_;
};

inline QueuedMessage message(QueueId id, std::size_t recipients = 1) {
  QueuedMessage made;
  made.id = id;
  made.accepted = UnixTime(std::chrono::seconds(1'790'000'000));
  made.account = "acme";
  made.connector = "server-1";
  made.reverse_path = "sender@example.org";
  made.eight_bit = true;
  for (std::uint32_t i = 0; i < recipients; ++i) {
    made.recipients.push_back({i, "to" + std::to_string(i) + "@example.net", 0, made.accepted, ""});
  }
  return made;
}

inline std::string prefix_of(QueueId id) { return "Received: id " + format_queue_id(id) + "\r\n"; }

/// Octets that no other message has, NUL and high ones among them.
inline std::string content_of(QueueId id, std::size_t size = 4096) {
  std::string content = "Subject: " + format_queue_id(id) + "\r\n\r\n";
  for (std::size_t i = content.size(); i < size; ++i) content.push_back(static_cast<char>((i * 31 + id) & 0xff));
  content.resize(size);
  return content;
}

inline Result<void> store(Spool& spool, QueuedMessage queued, std::string content) {
  Waiter waiter;
  const QueueId id = queued.id;
  spool.store(std::move(queued), prefix_of(id), make_content(std::move(content)), waiter.callback());
  return waiter.wait();
}

inline Result<void> store(Spool& spool, QueueId id, std::size_t size = 4096) {
  return store(spool, message(id), content_of(id, size));
}

inline Settlement done(std::uint32_t index) { return {index, true, 0, {}, ""}; }

inline Result<void> settle(Spool& spool, QueueId id, std::vector<Settlement> settlements) {
  Waiter waiter;
  spool.settle(id, std::move(settlements), std::nullopt, waiter.callback());
  return waiter.wait();
}

inline std::string read_all(const Content& content) {
  std::string all;
  std::string buffer;
  for (;;) {
    auto piece = content.read(all.size(), 10'000, buffer);
    if (!piece) {
      ADD_FAILURE() << piece.error().text;
      return all;
    }
    if (piece->empty()) return all;
    all.append(*piece);
  }
}

inline Result<std::shared_ptr<const Content>> large_content(Spool& spool, const std::string& octets) {
  auto writer = spool.open_writer();
  if (!writer) return writer.error();
  for (std::size_t at = 0; at < octets.size(); at += 70'000) {
    if (auto written = (*writer)->write(std::string_view(octets).substr(at, 70'000)); !written) return written.error();
  }
  return (*writer)->finish();
}

inline std::vector<QueueId> ids(Spool& spool) {
  auto loaded = spool.load();
  std::vector<QueueId> found;
  if (!loaded) {
    ADD_FAILURE() << loaded.error().text;
    return found;
  }
  for (const QueuedMessage& queued : *loaded) found.push_back(queued.id);
  return found;
}

}  // namespace sendconn::relay::testing
