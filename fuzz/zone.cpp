// Zone files: any text is parsed or refused with its line, and what was parsed answers.
#include <cstdint>
#include <string_view>

#include <sendconn/zone.hpp>

#include "fuzz/check.hpp"

using namespace sendconn;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto zone = dns::Zone::parse(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!zone) {
    fuzz::check(zone.error().code == Errc::limit_exceeded || zone.error().text.starts_with("line "),
                "a refusal names the line");
    return 0;
  }
  for (const char* name : {"example.org", "a.example.org", "alias.example.org", "none", ""}) {
    for (const auto type : {dns::RecordType::a, dns::RecordType::txt, dns::RecordType::mx, dns::RecordType::cname}) {
      const dns::Answer answer = zone->lookup({name, type});
      fuzz::check(answer.ok() == !answer.records.empty(), "an answer without error has records, no other has");
      fuzz::check(answer.aliases.size() <= dns::max_aliases + 1, "a chain of aliases ends");
    }
  }
  return 0;
}
