// DMARC records: any text is read or refused, what is written from a record reads back the same, and every finding of
// the linter is inside the text.
#include <cstdint>
#include <string_view>

#include <sendconn/dmarc.hpp>

#include "fuzz/check.hpp"

using namespace sendconn;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const dmarc::Finding& finding : dmarc::lint(text)) {
    fuzz::check(finding.position <= size && finding.length <= size - finding.position, "a finding is inside the text");
    fuzz::check(!finding.text.empty(), "a finding says something");
  }
  const auto record = dmarc::parse(text);
  fuzz::check(record.ok() == (dmarc::is_record(text) && size <= dmarc::Record::max_octets), "a record is one for all");
  if (!record) {
    fuzz::check(record.error().position <= size, "a fault is inside the text");
    return 0;
  }
  const auto again = dmarc::parse(dmarc::format(*record));
  fuzz::check(again.ok() && *again == *record, "what is written reads back the same");
  return 0;
}
