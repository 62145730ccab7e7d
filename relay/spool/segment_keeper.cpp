#include "relay/spool/segment_keeper.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

namespace sendconn::relay {
namespace {

// In a steady flow one segment is emptied while one is filled. Our own figure.
constexpr std::size_t max_spares = 2;
// On a full disk a segment of this part of the size must do: the ends of messages need a place, for they make room.
constexpr std::uint64_t small_share = 32;
constexpr std::string_view spare_mark = "spare-";

}  // namespace

SegmentKeeper::SegmentKeeper(std::string path, Descriptor folder, bool sync, std::uint64_t segment_octets)
    : path_(std::move(path)), folder_(std::move(folder)), sync_(sync), segment_octets_(segment_octets) {}

SegmentKeeper::~SegmentKeeper() { close(); }

Result<std::unique_ptr<SegmentKeeper>> SegmentKeeper::open(const SpoolFolder& folder, std::uint64_t segment_octets) {
  auto made = folder.make_folder("journal");
  if (!made) return made.error();
  return std::unique_ptr<SegmentKeeper>(
      new SegmentKeeper(folder.file("journal"), std::move(*made), folder.sync_wanted(), segment_octets));
}

std::string SegmentKeeper::spare_path(std::uint64_t number) const {
  return path_ + '/' + std::string(spare_mark) + std::to_string(number);
}

Result<void> SegmentKeeper::sync_folder() {
  if (!sync_) return {};
  return system::sync_folder(folder_.get(), path_);
}

Result<std::vector<std::shared_ptr<SegmentFile>>> SegmentKeeper::existing() {
  // What an earlier run put away and did not get to sync must not come back after what is put away now.
  if (auto synced = sync_folder(); !synced) return synced.error();
  auto names = system::list(path_);
  if (!names) return names.error();
  std::vector<std::shared_ptr<SegmentFile>> segments;
  for (const std::string& name : *names) {
    const std::string path = path_ + '/' + name;
    if (name.starts_with(spare_mark)) {
      // One of unknown size and state is not worth a guess.
      if (auto removed = system::remove(path); !removed) return removed.error();
      continue;
    }
    auto number = parse_queue_id(name);
    if (!number) {
      return Error{Errc::io, path + " is no segment of a spool; move it away"};
    }
    auto file = system::open(path, O_RDWR);
    if (!file) return file.error();
    std::string buffer;
    auto block = system::read(file->get(), path, 0, block_octets, buffer);
    if (!block) return block.error();
    auto identity = parse_segment_header(*block, path);
    if (!identity) return identity.error();
    if (identity->number != *number) {
      return Error{Errc::io, path + " is damaged: it says that it is segment " + format_queue_id(identity->number)};
    }
    next_number_ = std::max(next_number_, *number + 1);
    segments.push_back(std::make_shared<SegmentFile>(SegmentFile{*identity, path, std::move(*file)}));
  }
  std::sort(segments.begin(), segments.end(),
            [](const auto& a, const auto& b) { return a->identity.number < b->identity.number; });
  return segments;
}

Result<std::shared_ptr<SegmentFile>> SegmentKeeper::prepare(QueueId id_floor) {
  const bool fresh = spares_.empty();
  const std::string spare = fresh ? spare_path(next_spare_++) : spares_.back();
  auto file = system::open(spare, O_RDWR | O_CREAT);
  if (!file) return file.error();
  if (!fresh) spares_.pop_back();
  std::uint64_t size = segment_octets_;
  auto prepared = [&]() -> Result<std::shared_ptr<SegmentFile>> {
    if (fresh) {
      auto allocated = system::allocate(file->get(), spare, size);
      if (const std::uint64_t small = std::max(size / small_share, min_segment_octets);
          !allocated && allocated.error().code == Errc::limit_exceeded && small < size) {
        size = small;
        allocated = system::allocate(file->get(), spare, size);
      }
      if (!allocated) return allocated.error();
    }
    SegmentIdentity identity;
    identity.number = next_number_;
    identity.size = size;
    identity.id_floor = id_floor;
    if (auto drawn = system::random_octets(identity.salt); !drawn) return drawn.error();
    if (auto written = system::write(file->get(), spare, format_segment_header(identity), 0); !written) {
      return written.error();
    }
    if (sync_) {
      if (auto synced = system::sync_data(file->get(), spare); !synced) return synced.error();
    }
    const std::string path = path_ + '/' + format_queue_id(identity.number);
    if (auto renamed = system::rename(spare, path); !renamed) return renamed.error();
    ++next_number_;
    if (auto synced = sync_folder(); !synced) {
      (void)system::remove(path);
      return synced.error();
    }
    return std::make_shared<SegmentFile>(SegmentFile{identity, path, std::move(*file)});
  }();
  if (!prepared) (void)system::remove(spare);
  return prepared;
}

void SegmentKeeper::request(QueueId id_floor) {
  {
    const std::lock_guard lock(mutex_);
    if (preparing_ || (prepared_ && prepared_->ok())) return;
    preparing_ = true;
    prepared_.reset();
  }
  worker_.post([this, id_floor] {
    auto made = prepare(id_floor);
    const std::lock_guard lock(mutex_);
    preparing_ = false;
    prepared_.emplace(std::move(made));
    ready_.notify_all();
  });
}

Result<std::shared_ptr<SegmentFile>> SegmentKeeper::take(QueueId id_floor) {
  request(id_floor);
  std::unique_lock lock(mutex_);
  ready_.wait(lock, [this] { return !preparing_; });
  auto taken = std::move(*prepared_);
  prepared_.reset();
  return taken;
}

void SegmentKeeper::retire(std::shared_ptr<SegmentFile> segment) {
  worker_.post([this, segment = std::move(segment)]() mutable {
    to_retire_.push_back(std::move(segment));
    while (!to_retire_.empty() && put_away(to_retire_.front())) {
      moved_.push_back(to_retire_.front()->identity.number);
      to_retire_.erase(to_retire_.begin());
    }
    if (moved_.empty() || !sync_folder()) return;
    const std::lock_guard lock(mutex_);
    retired_.insert(retired_.end(), moved_.begin(), moved_.end());
    moved_.clear();
  });
}

Result<void> SegmentKeeper::put_away(const std::shared_ptr<SegmentFile>& segment) {
  // A reader may still hold it: it must not see the next life of the file.
  const bool reuse = spares_.size() < max_spares && segment.use_count() == 1 && !segment->suspect &&
                     segment->identity.size == segment_octets_;
  if (!reuse) return system::remove(segment->path);
  const std::string spare = spare_path(next_spare_++);
  if (auto renamed = system::rename(segment->path, spare); !renamed) return renamed;
  spares_.push_back(spare);
  return {};
}

std::vector<std::uint64_t> SegmentKeeper::retired() {
  const std::lock_guard lock(mutex_);
  return std::exchange(retired_, {});
}

void SegmentKeeper::close() { worker_.close(); }

}  // namespace sendconn::relay
