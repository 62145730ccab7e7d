#include "tools/output.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace sendconn::tools {
namespace {

bool wants_colour(Colour colour, int descriptor) {
  if (colour != Colour::automatic) return colour == Colour::always;
  const char* none = std::getenv("NO_COLOR");  // NOLINT(concurrency-mt-unsafe): one thread
  const char* terminal = std::getenv("TERM");  // NOLINT(concurrency-mt-unsafe)
  if ((none != nullptr && *none != '\0') || (terminal != nullptr && std::string_view(terminal) == "dumb")) return false;
  return ::isatty(descriptor) == 1;
}

std::string_view code_of(Style style) {
  switch (style) {
    case Style::bold:
      return "\x1b[1m";
    case Style::good:
      return "\x1b[32m";
    case Style::warning:
      return "\x1b[33m";
    case Style::bad:
      return "\x1b[31m";
    case Style::plain:
      break;
  }
  return {};
}

std::string paint(bool colour, Style style, std::string_view text) {
  const std::string_view code = code_of(style);
  if (!colour || code.empty()) return std::string(text);
  return std::string(code) + std::string(text) + "\x1b[0m";
}

/// Characters rather than octets: UTF-8 continuation octets do not count.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }));
}

void put(std::string_view text) {
  if (!text.empty()) std::fwrite(text.data(), 1, text.size(), stdout);
}

}  // namespace

Output::Output(Colour colour)
    : colour_(wants_colour(colour, STDOUT_FILENO)), error_colour_(wants_colour(colour, STDERR_FILENO)) {}

std::string Output::styled(Style style, std::string_view text) const { return paint(colour_, style, harmless(text)); }

void Output::line(std::string_view text) const {
  put(text);
  put("\n");
}

void Output::values(const std::vector<std::pair<std::string, std::string>>& named) const {
  std::size_t width = 0;
  for (const auto& [name, value] : named) {
    if (!value.empty()) width = std::max(width, width_of(name));
  }
  for (const auto& [name, value] : named) {
    if (value.empty()) continue;
    std::string text = "  " + name;
    text.append(width - width_of(name) + 2, ' ').append(value);
    line(text);
  }
}

void Output::table(const std::vector<std::string>& heading, const std::vector<std::vector<Cell>>& rows) const {
  std::vector<std::size_t> widths;
  widths.reserve(heading.size());
  for (const std::string& title : heading) widths.push_back(width_of(title));
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(harmless(row[i].text)));
  }
  const auto print = [&](const std::vector<Cell>& row) {
    std::string text;
    std::size_t missing = 0;  // padding goes before the next cell, so that no line ends in spaces
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (row[i].text.empty()) {
        missing += widths[i] + 2;
        continue;
      }
      text += std::string(missing, ' ') + styled(row[i].style, row[i].text);
      missing = widths[i] - width_of(harmless(row[i].text)) + 2;
    }
    line(text);
  };
  std::vector<Cell> titles;
  titles.reserve(heading.size());
  for (const std::string& title : heading) titles.emplace_back(title, Style::bold);
  print(titles);
  for (const auto& row : rows) print(row);
}

void Output::error(std::string_view text) const {
  const std::string shown = paint(error_colour_, Style::bad, "sendconn:") + " " + harmless(text) + "\n";
  std::fflush(stdout);
  std::fwrite(shown.data(), 1, shown.size(), stderr);
}

std::string harmless(std::string_view text) {
  std::string shown(text);
  for (std::size_t i = 0; i < shown.size(); ++i) {
    const auto octet = static_cast<unsigned char>(shown[i]);
    if (octet < 0x20 || octet == 0x7f) {
      shown[i] = '?';
    } else if (octet == 0xc2 && i + 1 < shown.size() && static_cast<unsigned char>(shown[i + 1]) < 0xa0) {
      shown.replace(i, 2, "?");
    }
  }
  return shown;
}

}  // namespace sendconn::tools
