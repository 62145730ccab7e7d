#include "relay/spool/segment_table.hpp"

namespace sendconn::relay {
namespace {

// Compaction starts when the files take twice what lives in them and these many segments more, so that a small spool
// never does it and a large one writes at most about one octet more for each it takes. It leaves a segment alone while
// more than this share of it lives. Our own figures.
constexpr std::uint64_t free_segments = 4;
constexpr std::uint64_t full_share_numerator = 3;
constexpr std::uint64_t full_share_denominator = 4;

}  // namespace

SegmentState& SegmentTable::add(std::shared_ptr<SegmentFile> file) {
  const std::uint64_t number = file->identity.number;
  disk_octets_ += file->identity.size;
  SegmentState& state = segments_[number];
  state.file = std::move(file);
  return state;
}

SegmentState* SegmentTable::find(std::uint64_t number) {
  const auto place = segments_.find(number);
  return place == segments_.end() ? nullptr : &place->second;
}

void SegmentTable::pin(std::uint64_t holder, std::uint64_t target, QueueId id) {
  if (holder == target || !segments_.contains(target)) return;
  segments_.at(holder).pins[target].push_back(id);
}

void SegmentTable::forget(std::uint64_t number) {
  segments_.erase(number);
  for (auto& [other, segment] : segments_) segment.pins.erase(number);
}

std::vector<std::shared_ptr<SegmentFile>> SegmentTable::take_dead(const SegmentState* active) {
  std::vector<std::shared_ptr<SegmentFile>> files;
  for (auto& [number, segment] : segments_) {
    if (&segment == active || !segment.file || segment.keep) continue;
    if (segment.live_messages != 0 || !segment.pins.empty()) continue;
    files.push_back(take(segment));
  }
  return files;
}

std::shared_ptr<SegmentFile> SegmentTable::take(SegmentState& segment) {
  disk_octets_ -= segment.file->identity.size;
  segment.messages = {};
  return std::move(segment.file);
}

SegmentState* SegmentTable::sparsest(const SegmentState* active) {
  SegmentState* best = nullptr;
  for (auto& [number, segment] : segments_) {
    if (&segment == active || !segment.file || segment.keep) continue;
    if (segment.live_octets > segment.file->identity.size / full_share_denominator * full_share_numerator) continue;
    if (best == nullptr || segment.live_octets < best->live_octets) best = &segment;
  }
  return best;
}

bool SegmentTable::wasteful(std::uint64_t segment_octets) const {
  return disk_octets_ > 2 * live_octets_ + free_segments * segment_octets;
}

void SegmentTable::add_live(SegmentState& segment, std::uint64_t octets) {
  ++segment.live_messages;
  segment.live_octets += octets;
  live_octets_ += octets;
}

void SegmentTable::remove_live(SegmentState& segment, std::uint64_t octets) {
  --segment.live_messages;
  segment.live_octets -= octets;
  live_octets_ -= octets;
}

}  // namespace sendconn::relay
