#include "tools/message_file.hpp"

#include <fstream>
#include <iostream>
#include <iterator>

namespace sendconn::tools {

Result<std::string> read_message(const std::string& path) {
  if (path == "-") return to_crlf(std::string(std::istreambuf_iterator<char>(std::cin), {}));
  std::ifstream file(path, std::ios::binary);
  if (!file) return Error{Errc::io, "cannot read the message " + path};
  std::string text(std::istreambuf_iterator<char>(file), {});
  if (file.bad()) return Error{Errc::io, "cannot read the message " + path};
  return to_crlf(text);
}

std::string to_crlf(std::string_view text) {
  std::string result;
  result.reserve(text.size() + text.size() / 32);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r') {
      result += "\r\n";
      if (i + 1 < text.size() && text[i + 1] == '\n') ++i;
    } else if (text[i] == '\n') {
      result += "\r\n";
    } else {
      result += text[i];
    }
  }
  return result;
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
