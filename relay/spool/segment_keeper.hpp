// SegmentKeeper: makes the journal's segments before they are needed, and puts away those that are not any more, on a
// thread of its own, so that the committer never waits for the file system's own bookkeeping.
//
// A segment is prepared under a spare's name: allocated in full, its header written and synced; then it is renamed and
// the folder synced. So a file with a segment's name always has that segment's header. A segment that is done with
// becomes a spare by a rename, again with the folder synced, before anything else relies on its being gone; beyond
// max_spares it is removed.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "relay/spool/folder.hpp"
#include "relay/spool/segment.hpp"
#include "relay/spool/worker.hpp"

namespace sendconn::relay {

/// An open segment. The descriptor is for reading and writing; readers share it.
struct SegmentFile {
  SegmentIdentity identity;
  std::string path;
  Descriptor descriptor;
  bool suspect = false;  ///< a write to it failed: never used again
};

/// Thread-safe, but for open().
class SegmentKeeper {
 public:
  static Result<std::unique_ptr<SegmentKeeper>> open(const SpoolFolder& folder, std::uint64_t segment_octets);
  ~SegmentKeeper();

  /// The segments that stand there, in their order; each opened and its header read. Called once.
  Result<std::vector<std::shared_ptr<SegmentFile>>> existing();

  /// Begins to prepare the next segment.
  void request(QueueId id_floor);
  /// The next segment; waits for its preparation. After a failure the next take() tries again.
  Result<std::shared_ptr<SegmentFile>> take(QueueId id_floor);
  /// Puts a segment away; it is named in retired() once that is durable. A failure is tried again with the next.
  void retire(std::shared_ptr<SegmentFile> segment);
  /// Numbers of the segments that are gone since the last call.
  std::vector<std::uint64_t> retired();
  void close();

 private:
  SegmentKeeper(std::string path, Descriptor folder, bool sync, std::uint64_t segment_octets);
  Result<std::shared_ptr<SegmentFile>> prepare(QueueId id_floor);
  Result<void> put_away(const std::shared_ptr<SegmentFile>& segment);
  Result<void> sync_folder();
  std::string spare_path(std::uint64_t number) const;

  std::string path_;
  Descriptor folder_;
  bool sync_;
  std::uint64_t segment_octets_;

  // The worker's own.
  std::uint64_t next_number_ = 1;
  std::uint64_t next_spare_ = 0;
  std::vector<std::string> spares_;
  std::vector<std::shared_ptr<SegmentFile>> to_retire_;
  std::vector<std::uint64_t> moved_;  // out of the way, but not durably yet

  std::mutex mutex_;
  std::condition_variable ready_;
  bool preparing_ = false;
  std::optional<Result<std::shared_ptr<SegmentFile>>> prepared_;
  std::vector<std::uint64_t> retired_;
  Worker worker_;
};

}  // namespace sendconn::relay
