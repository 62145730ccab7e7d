// Received-SPF: any value is read or refused, and what was read is written and read back.
#include <cstdint>
#include <string>
#include <string_view>

#include <sendconn/spf_received.hpp>

#include "fuzz/check.hpp"

using namespace sendconn;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto read = spf::parse_received(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!read) {
    fuzz::check(!read.error().text.empty(), "a refusal has a reason");
    return 0;
  }
  const std::string field = spf::format(*read);
  constexpr std::string_view name = "Received-SPF:";
  for (std::size_t i = 0; i < field.size(); ++i) {
    const char c = field[i];
    fuzz::check((c >= ' ' && c < 0x7f) || c == '\r' || c == '\n' || c == '\t', "the field is printable");
    if (c == '\n' && i + 1 != field.size())
      fuzz::check(field[i - 1] == '\r' && field[i + 1] == '\t', "a line goes on with a tab");
  }
  const auto again = spf::parse_received(std::string_view(field).substr(name.size()));
  if (field.size() - name.size() > spf::max_received_octets) return 0;
  fuzz::check(again.ok(), "what was written can be read");
  fuzz::check(again->verdict == read->verdict, "the result is the same");
  fuzz::check(spf::format(*again) == field, "writing again changes nothing");
  return 0;
}
