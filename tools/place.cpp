#include "tools/place.hpp"

#include <algorithm>

namespace sendconn::tools {
namespace {

constexpr std::size_t width = 100;  // of a record that is shown: with its margin it fits most terminals

bool continues(char c) { return (static_cast<unsigned char>(c) & 0xc0U) == 0x80U; }  // a character of UTF-8

std::size_t columns_of(std::string_view text) {
  return text.size() - static_cast<std::size_t>(std::count_if(text.begin(), text.end(), continues));
}

}  // namespace

void show_place(const Output& out, std::string_view record, std::size_t position, std::size_t octets, Style style) {
  position = std::min(position, record.size());
  std::size_t start = position > width / 2 ? position - width / 2 : 0;
  // No character is cut in two; one of UTF-8 has at most three octets behind its first.
  for (int back = 0; back < 3 && start > 0 && continues(record[start]); ++back) --start;
  const std::string_view shown = record.substr(start, width);
  const std::size_t before = columns_of(shown.substr(0, position - start));
  const std::size_t marks = std::max<std::size_t>(1, columns_of(shown.substr(position - start, octets)));
  out.line("    " + harmless(shown));
  out.line("    " + std::string(before, ' ') + out.styled(style, "^" + std::string(marks - 1, '~')));
}

void show_finding(const Output& out, std::string_view record, std::string_view severity, std::string_view code,
                  std::string_view text, std::size_t position, std::size_t octets) {
  const Style style = severity == "error" ? Style::bad : severity == "warning" ? Style::warning : Style::bold;
  out.line(out.styled(style, severity) + " [" + std::string(code) + "]: " + harmless(text));
  show_place(out, record, position, octets, style);
}

std::string one_line(std::string_view text) {
  std::string shown(text);
  std::replace_if(
      shown.begin(), shown.end(), [](char c) { return (c >= '\0' && c < ' ') || c == 0x7f; }, '?');
  return shown;
}

}  // namespace sendconn::tools
