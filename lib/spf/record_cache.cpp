// RecordCache: parsed records by their text.
#include <utility>

#include <sendconn/spf_record.hpp>

#include "lib/base/generation_cache.hpp"
#include "lib/base/hidden.hpp"

namespace sendconn::spf {

struct SENDCONN_HIDDEN RecordCache::Impl {
  explicit Impl(std::size_t max_records) : records(max_records) {}
  GenerationCache<Record> records;
};

RecordCache::RecordCache(std::size_t max_records) : impl_(std::make_unique<Impl>(max_records)) {}
RecordCache::~RecordCache() = default;

std::shared_ptr<const Record> RecordCache::parse(std::string_view text) {
  const auto make = [](std::string_view published) { return std::make_shared<const Record>(Record::parse(published)); };
  return text.size() > max_kept_octets ? make(text) : impl_->records.get(text, make);
}

std::size_t RecordCache::size() const { return impl_->records.size(); }

}  // namespace sendconn::spf
