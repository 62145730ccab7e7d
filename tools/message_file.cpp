#include "tools/message_file.hpp"

#include <sendconn/mime.hpp>

#include "tools/file.hpp"

namespace sendconn::tools {

Result<std::string> read_message(const std::string& path) {
  auto octets = read_file(path, "the message ");
  if (!octets) return octets;
  return mime::to_crlf(*octets);
}

Result<std::string> read_received_message(const std::string& path) {
  auto octets = read_file(path, "the message ");
  if (!octets) return octets;
  const std::size_t end = octets->find_first_of("\r\n");
  if (end != std::string::npos && octets->compare(end, 2, "\r\n") == 0) return octets;
  return mime::to_crlf(*octets);
}

std::string to_code_points(std::string_view octets) {
  std::string text;
  text.reserve(octets.size());
  for (const char c : octets) {
    const auto octet = static_cast<unsigned char>(c);
    if (octet < 0x80) {
      text += c;
    } else {
      text += static_cast<char>(0xc0U | (octet >> 6U));
      text += static_cast<char>(0x80U | (octet & 0x3fU));
    }
  }
  return text;
}

}  // namespace sendconn::tools
