#include "relay/spool/message_index.hpp"

#include <algorithm>

namespace sendconn::relay {
namespace {

constexpr std::uint32_t low_indices = 64;

}  // namespace

void RecipientSet::add(std::uint32_t index) {
  if (index < low_indices) {
    low_ |= std::uint64_t{1} << index;
  } else if (const auto place = std::lower_bound(high_.begin(), high_.end(), index);
             place == high_.end() || *place != index) {
    high_.insert(place, index);
  }
}

void RecipientSet::remove(std::uint32_t index) {
  if (index < low_indices) {
    low_ &= ~(std::uint64_t{1} << index);
  } else if (const auto place = std::lower_bound(high_.begin(), high_.end(), index);
             place != high_.end() && *place == index) {
    high_.erase(place);
  }
}

bool RecipientSet::contains(std::uint32_t index) const {
  if (index < low_indices) return (low_ >> index & 1) != 0;
  return std::binary_search(high_.begin(), high_.end(), index);
}

std::vector<std::uint32_t> RecipientSet::list() const {
  std::vector<std::uint32_t> indices;
  for (std::uint32_t i = 0; i < low_indices; ++i) {
    if (contains(i)) indices.push_back(i);
  }
  indices.insert(indices.end(), high_.begin(), high_.end());
  return indices;
}

bool IndexEntry::settle(const std::vector<Settlement>& settlements) {
  for (const Settlement& settlement : settlements) {
    const auto state = std::find_if(states.begin(), states.end(),
                                    [&](const Settlement& known) { return known.index == settlement.index; });
    if (settlement.done) {
      unsettled.remove(settlement.index);
      if (state != states.end()) states.erase(state);
    } else if (!unsettled.contains(settlement.index)) {
      continue;
    } else if (state != states.end()) {
      *state = settlement;
    } else {
      states.push_back(settlement);
    }
  }
  return unsettled.empty();
}

const IndexEntry* MessageIndex::find(QueueId id) const {
  const auto place = entries_.find(id);
  return place == entries_.end() ? nullptr : &place->second;
}

const IndexEntry* MessageIndex::find_readable(QueueId id) const {
  for (const auto& [changed, before] : undo_) {
    if (changed == id) return before ? &*before : nullptr;  // the first change holds what there was at the last keep()
  }
  return find(id);
}

IndexEntry& MessageIndex::change(QueueId id) {
  const auto [place, added] = entries_.try_emplace(id);
  undo_.emplace_back(id, added ? std::nullopt : std::optional<IndexEntry>(place->second));
  return place->second;
}

void MessageIndex::remove(QueueId id) {
  auto node = entries_.extract(id);
  if (!node.empty()) undo_.emplace_back(id, std::move(node.mapped()));
}

void MessageIndex::move(QueueId id, std::uint64_t segment, std::uint64_t offset, std::uint64_t length) {
  IndexEntry& entry = change(id);
  entry.segment = segment;
  entry.offset = offset;
  entry.length = length;
  entry.states.clear();
}

void MessageIndex::undo() {
  while (!undo_.empty()) {
    auto& [id, before] = undo_.back();
    if (before) {
      entries_.insert_or_assign(id, std::move(*before));
    } else {
      entries_.erase(id);
    }
    undo_.pop_back();
  }
}

Result<void> check_settlements(QueueId id, const IndexEntry* entry, const std::vector<Settlement>& settlements) {
  if (entry == nullptr) return Error{Errc::not_found, "message " + format_queue_id(id) + " is not in the spool"};
  RecipientSet seen;
  for (const Settlement& settlement : settlements) {
    if (!entry->unsettled.contains(settlement.index) || seen.contains(settlement.index)) {
      return Error{Errc::not_found, "message " + format_queue_id(id) + " has no unsettled recipient " +
                                        std::to_string(settlement.index)};
    }
    seen.add(settlement.index);
  }
  return {};
}

}  // namespace sendconn::relay
