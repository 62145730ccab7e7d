// Messages from hostile values: whatever compose() takes has the shape of a message, one header field for each value,
// no line that is too long, and no boundary inside a part; and it is the same each time. The input is cut at 0xff into
// the values; its first octet says what they are for.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <sendconn/message.hpp>
#include <sendconn/mime.hpp>

#include "fuzz/check.hpp"

using namespace sendconn;

namespace {

std::vector<std::string> cut(std::string_view text) {
  std::vector<std::string> values;
  while (values.size() < 8) {
    const std::size_t end = std::min(text.find('\xff'), text.size());
    values.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return values;
}

mime::Message build(std::uint8_t use, const std::vector<std::string>& values) {
  mime::Message message;
  auto address = Address::parse(values[0]);
  if (!address) address = Address::parse("a@example.org");
  message.from = {{values[1], *address}};
  message.to = {{values[2], *Address::parse("b@example.org")}};
  message.bcc = {{values[2], *Address::parse("hidden@example.org")}};
  message.subject = values[3];
  message.text = values[4];
  if ((use & 1U) != 0) message.html = values[5];
  if ((use & 2U) != 0) message.attachments.push_back({values[5], values[6], values[7], ""});
  if ((use & 4U) != 0) message.attachments.push_back({values[4], values[6], "message/rfc822", ""});
  if ((use & 8U) != 0) message.fields.push_back({values[6], values[7]});
  if ((use & 16U) != 0) message.attachments.push_back({values[4], "", "image/png", values[7]});
  return message;
}

void check_composed(const mime::Message& message, const mime::Composed& composed) {
  const std::string_view octets = composed.octets;
  fuzz::check(octets.ends_with("\r\n"), "the last line is ended");
  std::size_t start = 0;
  for (std::size_t at = 0; at < octets.size(); ++at) {
    if (octets[at] == '\r') fuzz::check(octets[at + 1] == '\n', "no CR by itself");
    if (octets[at] == '\n') {
      fuzz::check(at > 0 && octets[at - 1] == '\r', "no LF by itself");
      fuzz::check(at - 1 - start <= mime::max_line_octets, "no line is too long");
      start = at + 1;
    }
    fuzz::check(octets[at] != '\0', "no NUL");
    fuzz::check(composed.eight_bit || static_cast<unsigned char>(octets[at]) < 0x80, "8-bit octets are announced");
  }
  const std::size_t end = octets.find("\r\n\r\n");
  fuzz::check(end != std::string_view::npos, "header and body are apart");
  const auto header = mail::Header::parse(octets.substr(0, end + 2));
  fuzz::check(header.ok(), "the header can be read");
  std::size_t fields = 7 + (message.subject.empty() ? 0 : 1) + message.fields.size();
  if (header->count("Content-Transfer-Encoding") == 0) --fields;  // multipart
  fuzz::check(header->fields().size() == fields, "there is one field for each value");
  fuzz::check(header->count("From") == 1 && header->count("Bcc") == 0, "nobody else's fields");
  const auto from = mail::parse_address_list(header->find("From")->value);
  fuzz::check(from && from->size() == 1 && from->front() == message.from.front().address, "the author is the author");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const mime::Message message = build(data[0], cut(text));
  mime::ComposeOptions options;
  options.random = "0123456789abcdef";
  options.eight_bit = (data[0] & 32U) != 0;
  options.max_octets = 1'000'000;
  const auto composed = mime::compose(message, options);
  if (!composed) {
    for (const char c : composed.error().text)
      fuzz::check(static_cast<unsigned char>(c) >= 0x20, "a refusal is one line");
    return 0;
  }
  check_composed(message, *composed);
  fuzz::check(text.find("hidden") != std::string_view::npos || composed->octets.find("hidden") == std::string::npos,
              "Bcc is not shown");
  fuzz::check(mime::compose(message, options)->octets == composed->octets, "the same inputs give the same octets");
  return 0;
}
