// Messages: the split does not depend on the pieces, a header section is the sum of its fields, and whoever an address
// list names can be written as an address. The first octet of the input says where to cut.
#include <cstdint>
#include <string>
#include <string_view>

#include <sendconn/message.hpp>
#include <sendconn/policy.hpp>

#include "fuzz/check.hpp"

using namespace sendconn;

namespace {

constexpr std::size_t max_header_octets = 4'096;

struct Split {
  bool refused = false;
  bool complete = false;
  std::string header;
  std::string body;
  friend bool operator==(const Split&, const Split&) = default;
};

/// In pieces of `step` octets; 0: at once.
Split split(std::string_view text, std::size_t step) {
  mail::Splitter splitter(max_header_octets);
  Split out;
  while (!text.empty()) {
    const std::string_view piece = text.substr(0, step == 0 ? text.size() : step);
    text.remove_prefix(piece.size());
    const auto body = splitter.feed(piece);
    if (!body) return {.refused = true};
    out.body += *body;
  }
  out.complete = splitter.header_complete();
  out.header = splitter.take_header();
  return out;
}

void check_header(std::string_view text) {
  const auto header = mail::Header::parse(text);
  if (!header) return;
  std::string joined;
  for (const mail::Field& field : header->fields()) {
    joined += field.raw;
    fuzz::check(!field.name.empty() && field.raw.starts_with(field.name), "a field begins with its name");
    fuzz::check(header->count(field.name) >= 1 && header->find(field.name) != nullptr, "a field is found by its name");
    fuzz::check(mail::unfold(field.value).find_first_of("\r\n") == std::string::npos, "an unfolded value is one line");
    if (const auto list = mail::parse_address_list(field.value)) {
      for (const Address& address : *list) {
        const auto again = mail::parse_address_list(address.format());
        fuzz::check(again && again->size() == 1 && again->front() == address, "an address can be read again");
      }
    }
  }
  fuzz::check(joined == text, "the fields are the section");

  policy::Authors authors;
  const auto refusal = policy::decide_header(
      *header,
      [](const Domain&) {
        return policy::DomainRight{policy::Right::granted, ""};
      },
      50, authors);
  fuzz::check(refusal || (!authors.from.empty() && header->count("From") == 1), "what may go out has an author");
  if (refusal) {
    for (const char c : refusal->text) fuzz::check(c >= 0x20 && c < 0x7f, "a refusal is one line of printable ASCII");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Split whole = split(text, 0);
  fuzz::check(split(text, 1) == whole, "octet by octet gives the same split");
  fuzz::check(split(text, data[0]) == whole, "any pieces give the same split");
  if (!whole.refused) {
    fuzz::check(whole.header + (whole.complete ? "\r\n" : "") + whole.body == text, "nothing is lost by the split");
    check_header(whole.header);
  }
  return 0;
}
