// DNS messages: whatever a network sends is read without fault, and an answer that counts has values of its type.
// The first octet of the input chooses the type that was asked for.
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "fuzz/check.hpp"
#include "lib/dns/wire.hpp"

using namespace sendconn;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  constexpr std::array types = {dns::RecordType::a,     dns::RecordType::aaaa, dns::RecordType::mx,
                                dns::RecordType::txt,   dns::RecordType::ptr,  dns::RecordType::ns,
                                dns::RecordType::cname, dns::RecordType::tlsa};
  const std::string_view message(reinterpret_cast<const char*>(data) + 1, size - 1);
  const dns::Question question{"example.org", types[data[0] % types.size()]};
  const dns::Reading reading = dns::decode_answer(message, question);
  const dns::Answer& answer = reading.answer;
  fuzz::check(answer.ok() || answer.records.empty(), "only an answer without error has records");
  for (const dns::Record& record : answer.records) {
    if (question.type == dns::RecordType::a) fuzz::check(record.address.is_v4(), "A holds an IPv4 address");
    if (question.type == dns::RecordType::aaaa) fuzz::check(!record.address.is_v4(), "AAAA holds an IPv6 address");
  }
  fuzz::check(answer.ttl.count() >= 0, "a TTL is not negative");
  return 0;
}
