// Authentication-Results: any value is read or refused inside its text; what is written from it is one field that reads
// back the same; and no field in our name passes the filter, however the text is cut.
#include <cstdint>
#include <string>
#include <string_view>

#include <sendconn/authres.hpp>
#include <sendconn/message.hpp>

#include "fuzz/check.hpp"

using namespace sendconn;

namespace {

void read_and_write(std::string_view text) {
  const auto results = authres::parse(text);
  if (!results) {
    fuzz::check(results.error().position <= text.size(), "a fault is inside the text");
    return;
  }
  for (const bool utf8 : {false, true}) {
    const auto field = authres::format(*results, {utf8, 78});
    if (!field) continue;  // an overlong name, that is
    const auto header = mail::Header::parse(*field);
    fuzz::check(header.ok() && header->fields().size() == 1, "what is written is one field");
    const auto again = authres::parse(header->fields().front().value);
    fuzz::check(again.ok(), "what is written can be read");
    fuzz::check(again->statements.size() == results->statements.size(), "no result is added or lost");
    const auto second = authres::format(*again, {utf8, 78});
    fuzz::check(second.ok(), "what was written can be written again");
    const auto third = authres::parse(std::string_view(*second).substr(second->find(':') + 1));
    fuzz::check(third.ok() && *third == *again, "and says the same");
  }
}

void filter(std::string_view text) {
  const std::vector<std::string> ours = {"mx.example"};
  const auto whole = authres::remove_forged(text, ours);
  auto filter = authres::ForgeryFilter::create(ours);
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) filter->feed(text.substr(i, 1), out);
  filter->finish(out);
  fuzz::check(out == *whole, "the cuts do not matter");
  const auto header = mail::Header::parse(out);
  if (!header) return;
  for (const mail::Field& field : header->fields()) {
    if (field.name != "Authentication-Results") continue;
    const auto results = authres::parse(field.value);
    fuzz::check(!results || results->id != "mx.example", "nothing in our name passes");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  read_and_write(text);
  filter(text);
  return 0;
}
