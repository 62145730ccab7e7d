// Exchange: one host of an MX answer, and the order in which they are tried: by preference, and where that is the same
// in one that the order of the answer does not decide.
#pragma once

#include <cstdint>
#include <string_view>

#include <sendconn/dns.hpp>

#include "lib/base/words.hpp"

namespace sendconn::spf {

/// Lives no longer than the record.
class Exchange {
 public:
  explicit Exchange(const dns::Record& record) noexcept
      : record_(&record),
        start_(record.text.size() < words::octets ? 0 : words::in_order(words::load(record.text.data()))) {}

  [[nodiscard]] std::string_view name() const noexcept { return record_->text; }

  friend bool operator<(const Exchange& a, const Exchange& b) noexcept {
    if (a.record_->preference != b.record_->preference) return a.record_->preference < b.record_->preference;
    if (a.start_ != b.start_ && a.start_ != 0 && b.start_ != 0) return a.start_ < b.start_;
    return a.record_->text < b.record_->text;
  }

 private:
  const dns::Record* record_;
  std::uint64_t start_;  ///< the name's first eight octets, in which most hosts differ; 0: it is shorter
};

}  // namespace sendconn::spf
