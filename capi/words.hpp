// Lists that come in as one text.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace sendconn::capi {

/// What stands between the octets of `separators`; nothing is empty.
inline std::vector<std::string> words(std::string_view list, std::string_view separators = ", \t") {
  std::vector<std::string> found;
  while (true) {
    list.remove_prefix(std::min(list.find_first_not_of(separators), list.size()));
    if (list.empty()) return found;
    const std::size_t end = std::min(list.find_first_of(separators), list.size());
    found.emplace_back(list.substr(0, end));
    list.remove_prefix(end);
  }
}

}  // namespace sendconn::capi
