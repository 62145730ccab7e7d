#include "lib/mime/file_name.hpp"

#include <algorithm>

#include <sendconn/mime.hpp>

#include "lib/base/ascii.hpp"
#include "lib/base/utf8.hpp"
#include "lib/mime/text.hpp"
#include "lib/mime/transfer_encoding.hpp"

namespace sendconn::mime {
namespace {

constexpr std::size_t max_parameter = encoded_line_octets - 2;  // a space in front, a semicolon behind
constexpr std::size_t max_fallback = 60;                        // our own bound: one line with its field
constexpr std::size_t max_extension = 12;                       // with its dot; what is longer is no extension

/// Stands in a quoted string without an escape, and no reader takes it for more than itself.
constexpr bool is_plain(char c) noexcept { return (ascii::is_vchar(c) && c != '"' && c != '\\') || c == ' '; }

constexpr bool is_attribute_char(char c) noexcept { return ascii::is_alnum(c) || c == '.' || c == '-' || c == '_'; }

void append_percent(std::string& out, std::string_view octets) {
  for (const char c : octets) {
    if (is_attribute_char(c)) {
      out += c;
    } else {
      append_escape(out, '%', c);
    }
  }
}

}  // namespace

Result<void> check_file_name(std::string_view name) {
  if (auto line = check_line("the file name", name, Tabs::refuse); !line) return line;
  if (name.size() > max_file_name_octets) {
    return Error{Errc::limit_exceeded, "the file name " + ascii::quote(name) + " has " + std::to_string(name.size()) +
                                           " octets; at most " + std::to_string(max_file_name_octets) +
                                           " are allowed (max_file_name_octets)"};
  }
  if (const std::size_t at = name.find_first_of("/\\"); at != std::string_view::npos) {
    return Error{Errc::invalid_argument,
                 "the file name " + ascii::quote(name) + " holds a folder; the name alone is required (RFC 2183 " +
                     "section 2.3)",
                 at};
  }
  return {};
}

std::vector<std::string> file_name_parameters(std::string_view name) {
  const bool plain = std::all_of(name.begin(), name.end(), is_plain) && name.find("=?") == std::string_view::npos;
  if (std::string simple = "filename=\"" + std::string(name) + '"'; plain && simple.size() <= max_parameter) {
    return {std::move(simple)};
  }
  std::string whole = "filename*=utf-8''";
  append_percent(whole, name);
  if (whole.size() <= max_parameter) return {std::move(whole)};
  // Sections (RFC 2231 section 4.1), cut between characters.
  std::vector<std::string> sections;
  std::string value = "utf-8''";
  const auto head = [&] { return "filename*" + std::to_string(sections.size()) + "*="; };
  for (std::size_t at = 0; at < name.size();) {
    const std::size_t octets =
        std::max<std::size_t>(utf8::decode(name.substr(at)).value_or(utf8::CodePoint{}).octets, 1);
    std::string character;
    append_percent(character, name.substr(at, octets));
    if (head().size() + value.size() + character.size() > max_parameter) {
      sections.push_back(head() + value);
      value.clear();
    }
    value += character;
    at += octets;
  }
  sections.push_back(head() + value);
  return sections;
}

std::string fallback_name_parameter(std::string_view name) {
  std::string plain;
  for (std::size_t at = 0; at < name.size();) {
    const std::size_t octets =
        std::max<std::size_t>(utf8::decode(name.substr(at)).value_or(utf8::CodePoint{}).octets, 1);
    plain += is_plain(name[at]) && name[at] != '=' ? name[at] : '_';
    at += octets;
  }
  if (plain.size() > max_fallback) {
    const std::size_t dot = plain.rfind('.');
    const std::string extension =
        dot != std::string::npos && plain.size() - dot <= max_extension ? plain.substr(dot) : "";
    plain = plain.substr(0, max_fallback - extension.size()) + extension;
  }
  return "name=\"" + plain + '"';
}

}  // namespace sendconn::mime
