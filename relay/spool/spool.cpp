// The spool put together: folder, large files, journal and committer; contents in memory; ids.
#include "relay/spool/spool.hpp"

#include <algorithm>
#include <chrono>

#include "relay/spool/group_spool.hpp"
#include "relay/spool/journal.hpp"

namespace sendconn::relay {
namespace {

class MemoryContent final : public Content {
 public:
  explicit MemoryContent(std::string octets) noexcept : octets_(std::move(octets)) {}
  [[nodiscard]] std::uint64_t size() const noexcept override { return octets_.size(); }
  Result<std::string_view> read(std::uint64_t offset, std::size_t, std::string&) const override {
    if (offset >= octets_.size()) return std::string_view();
    return std::string_view(octets_).substr(static_cast<std::size_t>(offset));
  }

 private:
  std::string octets_;
};

}  // namespace

std::shared_ptr<const Content> make_content(std::string octets) {
  return std::make_shared<MemoryContent>(std::move(octets));
}

QueueId first_free_id(QueueId floor) {
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()).time_since_epoch();
  return std::max(floor, static_cast<QueueId>(now.count()) * id_block);
}

Result<std::unique_ptr<Spool>> open_spool(const SpoolOptions& options) {
  if (options.segment_octets < min_segment_octets) {
    return Error{Errc::invalid_argument, "a segment of the spool has at least " + std::to_string(min_segment_octets) +
                                             " octets, not " + std::to_string(options.segment_octets)};
  }
  auto folder = SpoolFolder::open(options);
  if (!folder) return folder.error();
  auto large = LargeFiles::open(**folder);
  if (!large) return large.error();
  auto ledger = Journal::open(**folder, options, *large);
  if (!ledger) return ledger.error();
  return GroupSpool::open(options, std::move(*folder), std::move(*large), std::move(*ledger));
}

}  // namespace sendconn::relay
