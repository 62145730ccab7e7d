// LargeFiles: the contents that are too large for memory, a file each in the spool's folder "large".
//
// A file lives in four steps: written piece by piece (ContentWriter); synced, with the folder's names, on a thread of
// its own, so that 50 MB on their way to the disk do not hold up the group commit of small messages; referred to by a
// durable record (keep()); removed after the record is. A file without a record is an orphan: removed when its Content
// is dropped, or by sweep() at the next start. File names are numbers from the same sequence as queue ids and are never
// used twice.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_set>

#include "relay/spool/folder.hpp"
#include "relay/spool/spool.hpp"
#include "relay/spool/system.hpp"
#include "relay/spool/worker.hpp"

namespace sendconn::relay {

class LargeFiles;

/// A Content that stands in a file. The descriptor stays open while the object lives, so that a removal does not
/// disturb a delivery under way.
class FileContent final : public Content {
 public:
  FileContent(std::shared_ptr<LargeFiles> owner, std::uint64_t file, Descriptor descriptor, std::uint64_t size,
              bool kept);
  ~FileContent() override;
  [[nodiscard]] std::uint64_t size() const noexcept override { return size_; }
  Result<std::string_view> read(std::uint64_t offset, std::size_t max, std::string& buffer) const override;

  [[nodiscard]] std::uint64_t file() const noexcept { return file_; }
  /// Claims the file for one record; false if another has it already.
  bool keep() const noexcept { return !kept_.exchange(true); }
  /// The record did not come about.
  void release() const noexcept { kept_.store(false); }

 private:
  friend class LargeFiles;
  std::shared_ptr<LargeFiles> owner_;
  std::uint64_t file_;
  Descriptor descriptor_;
  std::uint64_t size_;
  mutable std::atomic<bool> kept_;
};

/// Thread-safe. Held by shared_ptr: contents outlive the spool.
class LargeFiles : public std::enable_shared_from_this<LargeFiles> {
 public:
  static Result<std::shared_ptr<LargeFiles>> open(const SpoolFolder& folder);
  Result<std::unique_ptr<ContentWriter>> create(std::uint64_t file);
  /// The content of a record. Errc::io if it is missing or has another size.
  Result<std::shared_ptr<const Content>> read(std::uint64_t file, std::uint64_t size);
  /// Makes a content durable, file and name, on the thread of this object, then calls `done` there with the content to
  /// record. One in memory is written to `file` first, and is kept then.
  void make_durable(std::uint64_t file, std::shared_ptr<const Content> content,
                    std::function<void(Result<std::shared_ptr<const Content>>)> done);
  /// Removes a file whose record is gone, soon and on the thread of this object.
  void remove(std::uint64_t file);
  /// Removes every file that is not in `referred`.
  Result<void> sweep(const std::unordered_set<std::uint64_t>& referred);
  /// Ends the thread after what it has to do; later removals happen at once.
  void close() { worker_.close(); }

  [[nodiscard]] std::string path(std::uint64_t file) const;

 private:
  LargeFiles(std::string path, Descriptor folder, bool sync);
  Result<std::shared_ptr<const Content>> copy(std::uint64_t file, const Content& content);
  Result<void> sync(const FileContent& content);

  std::string path_;
  Descriptor folder_;
  bool sync_;
  Worker worker_;
};

/// The FileContent behind `content`, or null if it is in memory.
const FileContent* file_content(const Content* content) noexcept;

}  // namespace sendconn::relay
