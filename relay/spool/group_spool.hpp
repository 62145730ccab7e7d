// GroupSpool: the Spool that the relay uses. Its committer thread takes everything that waits, stores and settles
// alike, has the Ledger make it durable at once, and then says so to each caller. While it waits for the disk the next
// group gathers; so the more there is to do, the less a message costs.
//
// A store() or settle() costs its caller a move into a queue under a short lock, and a wake-up only if the committer
// sleeps. A message in a large file takes a detour: its file is synced on the thread of LargeFiles first.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "relay/spool/folder.hpp"
#include "relay/spool/large_files.hpp"
#include "relay/spool/ledger.hpp"
#include "relay/spool/spool.hpp"

namespace sendconn::relay {

class GroupSpool final : public Spool {
 public:
  static Result<std::unique_ptr<Spool>> open(const SpoolOptions& options, std::unique_ptr<SpoolFolder> folder,
                                             std::shared_ptr<LargeFiles> large, std::unique_ptr<Ledger> ledger);
  ~GroupSpool() override;

  QueueId next_id() override;
  Result<void> check_room(std::uint64_t octets) override;
  Result<std::unique_ptr<ContentWriter>> open_writer() override;
  void store(QueuedMessage message, std::string prefix, std::shared_ptr<const Content> content, Stored stored) override;
  void settle(QueueId id, std::vector<Settlement> settlements, std::optional<NewMessage> message,
              Settled settled) override;
  Result<std::vector<QueuedMessage>> load() override;
  Result<Octets> open(QueueId id) override;
  SpoolStatus status() const override;
  void close() override;

 private:
  GroupSpool(const SpoolOptions& options, std::unique_ptr<SpoolFolder> folder, std::shared_ptr<LargeFiles> large,
             std::unique_ptr<Ledger> ledger, QueueId first);
  void submit(Operation operation);
  void submit_file(Operation operation);
  void run();
  bool wait(std::unique_lock<std::mutex>& lock, Ledger::Tidy tidy);
  bool sleep_for_stores(std::unique_lock<std::mutex>& lock, std::size_t stores);
  void gather(std::unique_lock<std::mutex>& lock);
  bool wakes(bool urgent);
  void commit(std::vector<Operation>& waiting);
  void commit_group(std::span<Operation> group);

  std::unique_ptr<SpoolFolder> folder_;
  std::shared_ptr<LargeFiles> large_;
  std::unique_ptr<Ledger> ledger_;
  std::function<void()> after_group_;
  std::uint64_t inline_octets_;

  std::atomic<QueueId> next_;
  std::atomic<std::uint64_t> commits_{0};
  std::atomic<std::uint64_t> stored_{0};

  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Operation> waiting_;
  std::size_t syncing_ = 0;                               // operations whose large file is on its way to the disk
  enum class Sleep : std::uint8_t { none, light, deep };  // light: for something urgent only
  Sleep sleep_ = Sleep::none;
  std::size_t urgent_ = 0;    // how many in waiting_ are more than a settle
  std::size_t wanted_ = 1;    // a light sleep ends when as many of those wait
  std::size_t expected_ = 1;  // within `patience`; the committer's alone, as the next two
  unsigned in_time_ = 0;      // groups that were complete in time since expected_ changed
  unsigned trial_;            // how many make expected_ grow
  bool closing_ = false;
  std::thread committer_;
};

}  // namespace sendconn::relay
