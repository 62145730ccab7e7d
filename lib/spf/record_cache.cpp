// RecordCache: parsed records by their text, two generations deep. When the young one is full it becomes the old one,
// and the old one goes; what is asked for there moves back. So each half-full cache costs one lookup, and no list has
// to be kept in order.
#include <functional>
#include <mutex>
#include <unordered_map>
#include <utility>

#include <sendconn/spf_record.hpp>

namespace sendconn::spf {

struct RecordCache::Impl {
  // The key is a view of the record's own text, which lives as long as the entry.
  using Map = std::unordered_map<std::string_view, std::shared_ptr<const Record>>;

  explicit Impl(std::size_t max_records) : generation(max_records / 2 + 1) {}

  std::size_t generation;
  std::mutex mutex;
  Map young;
  Map old;

  void keep(const std::shared_ptr<const Record>& record) {
    if (young.size() >= generation) {
      old = std::move(young);
      young = Map();
    }
    young.emplace(record->text(), record);
  }
};

RecordCache::RecordCache(std::size_t max_records) : impl_(std::make_unique<Impl>(max_records)) {}
RecordCache::~RecordCache() = default;

std::shared_ptr<const Record> RecordCache::parse(std::string_view text) {
  if (text.size() > max_kept_octets) return std::make_shared<const Record>(Record::parse(text));
  {
    const std::lock_guard lock(impl_->mutex);
    if (const auto found = impl_->young.find(text); found != impl_->young.end()) return found->second;
    if (const auto found = impl_->old.find(text); found != impl_->old.end()) {
      auto record = found->second;
      impl_->old.erase(found);
      impl_->keep(record);
      return record;
    }
  }
  auto record = std::make_shared<const Record>(Record::parse(text));
  const std::lock_guard lock(impl_->mutex);
  impl_->keep(record);
  return record;
}

std::size_t RecordCache::size() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->young.size() + impl_->old.size();
}

}  // namespace sendconn::spf
