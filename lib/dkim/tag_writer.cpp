#include "lib/dkim/tag_writer.hpp"

#include <algorithm>

#include "lib/base/ascii.hpp"

namespace sendconn::dkim {
namespace {

/// A signature of RSA-2048 with the default fields takes about 900 octets.
constexpr std::size_t usual_octets = 1'536;

/// Below so much of it, the value of the last tag begins on a line of its own.
constexpr std::size_t least_first_chunk = 16;

}  // namespace

std::string encode_quoted_printable(std::string_view octets) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  out.reserve(octets.size() + octets.size() / 4);
  for (const char c : octets) {
    if (ascii::is_vchar(c) && c != ';' && c != '=' && c != '|') {
      out.push_back(c);
      continue;
    }
    const auto octet = static_cast<unsigned char>(c);
    out.push_back('=');
    out.push_back(digits[octet >> 4U]);
    out.push_back(digits[octet & 0x0fU]);
  }
  return out;
}

TagWriter::TagWriter(std::string_view field_name) {
  text_.reserve(usual_octets);
  write(field_name);
  write(":");
}

void TagWriter::tag(std::string_view name, std::string_view value) {
  separate(name.size() + 1 + value.size() + 1);
  write(name);
  write("=");
  write(value);
  write(";");
}

void TagWriter::names(std::string_view name, const std::vector<std::string_view>& items) {
  separate(name.size() + 1 + (items.empty() ? 0 : items.front().size()) + 1);
  write(name);
  write("=");
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i != 0 && items[i].size() + 1 > room()) fold();
    for (const char c : items[i]) text_.push_back(ascii::lower(c));
    column_ += items[i].size();
    if (i + 1 != items.size()) write(":");
  }
  write(";");
}

void TagWriter::copies(std::string_view name, const std::vector<std::string>& items) {
  separate(name.size() + 2);
  write(name);
  write("=");
  for (std::size_t i = 0; i < items.size(); ++i) {
    const std::string& item = items[i];
    const std::size_t width = item.size() + 1;
    const bool name_fits = item.find(':') + 2 <= room();  // only the value may be cut
    if (width > room() && (width < max_columns || !name_fits)) fold();
    write_cut(item);
    if (i + 1 != items.size()) write("|");
  }
  write(";");
}

void TagWriter::begin_last(std::string_view name) {
  separate(name.size() + 1 + least_first_chunk);
  write(name);
  write("=");
}

void TagWriter::finish_last(std::string_view base64) {
  while (true) {
    const std::size_t size = std::min(room(), base64.size());
    write(base64.substr(0, size));
    base64.remove_prefix(size);
    if (base64.empty()) break;
    fold();
  }
  write("\r\n");
}

void TagWriter::separate(std::size_t width) {
  if (width + 1 > room())
    fold();
  else
    write(" ");
}

void TagWriter::fold() {
  text_.append("\r\n ");
  column_ = 1;
}

void TagWriter::write(std::string_view piece) {
  text_.append(piece);
  column_ += piece.size();
}

/// Leaves a column for what follows the item, and never cuts inside "=XX".
void TagWriter::write_cut(std::string_view quoted_printable) {
  while (quoted_printable.size() + 1 > room()) {
    std::size_t size = room() > 1 ? room() - 1 : 0;
    for (const std::size_t back : {1U, 2U})
      if (back <= size && quoted_printable[size - back] == '=') {
        size -= back;
        break;
      }
    write(quoted_printable.substr(0, size));
    quoted_printable.remove_prefix(size);
    fold();
  }
  write(quoted_printable);
}

}  // namespace sendconn::dkim
