// Names: bounds, the name above, the form to compare (RFC 1035 section 3.1, RFC 4343).
#include "lib/dns/name.hpp"

#include "lib/base/ascii.hpp"

namespace sendconn::dns {

std::string_view without_root_dot(std::string_view name) noexcept {
  if (!name.empty() && name.back() == '.') name.remove_suffix(1);
  return name;
}

bool is_name(std::string_view name) noexcept {
  if (name == ".") return true;
  name = without_root_dot(name);
  if (name.empty()) return true;
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
