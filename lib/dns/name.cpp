// Names: bounds, the name above, the form to compare (RFC 1035 section 3.1, RFC 4343).
#include "lib/dns/name.hpp"

#include "lib/base/ascii.hpp"
#include "lib/base/words.hpp"

namespace sendconn::dns {
namespace {

/// Two dots side by side.
bool has_empty_label(std::string_view name) noexcept {
  std::size_t at = 0;
  for (; at + words::octets <= name.size(); at += words::octets - 1) {  // a pair may lie across two words
    const std::uint64_t dots = words::equal(words::load(name.data() + at), '.');
    if ((dots & dots << 8U) != 0) return true;
  }
  for (++at; at < name.size(); ++at)
    if (name[at] == '.' && name[at - 1] == '.') return true;
  return false;
}

}  // namespace

bool is_name(std::string_view name) noexcept {
  if (name == ".") return true;
  name = without_root_dot(name);
  if (name.empty()) return true;
  if (name.size() <= max_label_octets)  // then no label is too long
    return name.front() != '.' && name.back() != '.' && !has_empty_label(name);
  if (name.size() > max_name_octets) return false;
  std::size_t label = 0;
  for (const char c : name) {
    if (c != '.') {
      ++label;
      continue;
    }
    if (label == 0 || label > max_label_octets) return false;
    label = 0;
  }
  return label != 0 && label <= max_label_octets;
}

std::string_view parent(std::string_view name) noexcept {
  const std::size_t dot = name.find('.');
  return dot == std::string_view::npos ? std::string_view() : name.substr(dot + 1);
}

std::string canonical(std::string_view name) { return ascii::to_lower(without_root_dot(name)); }

}  // namespace sendconn::dns
