// The table of all configuration keys: where each stands, what it may hold, where it goes. load_config(), the printed
// configuration and the test of the example file all read this one table.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "relay/config/config.hpp"
#include "relay/config/value.hpp"

namespace sendconn::relay::config {

/// One key of a section that fills an S. `set` errors say what is required ("must be …"); the reader adds where.
template <class S>
struct Key {
  std::string_view name;
  std::function<Result<void>(S& target, const Value& value, const std::string& folder)> set;
  std::function<std::string(const S& source)> format;  ///< as TOML
};

/// A section that occurs once: [relay], [limits] …
struct Table {
  std::string_view name;
  std::vector<Key<Config>> keys;
};

const std::vector<Table>& tables();
const std::vector<Key<ListenerConfig>>& listener_keys();  ///< [[listener]]
const std::vector<Key<RouteConfig>>& route_keys();        ///< [[route]]

}  // namespace sendconn::relay::config
