// The TOML library, seen from here alone: header-only and without exceptions, so that a parse error is a value.
#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wold-style-cast"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wconversion"
#endif
#include <toml++/toml.h>
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

#include <algorithm>

#include "relay/config/value.hpp"

namespace sendconn::relay::config {
namespace {

std::size_t line_of(const toml::node& node) { return node.source().begin.line; }

Value convert(const toml::node& node) {
  Value value;
  value.line = line_of(node);
  if (const auto* boolean = node.as_boolean()) {
    value.data = boolean->get();
  } else if (const auto* integer = node.as_integer()) {
    value.data = static_cast<std::int64_t>(integer->get());
  } else if (const auto* text = node.as_string()) {
    value.data = text->get();
  } else if (const auto* array = node.as_array()) {
    std::vector<Value> items;
    items.reserve(array->size());
    for (const toml::node& item : *array) items.push_back(convert(item));
    value.data = std::move(items);
  } else if (node.is_table()) {
    value.data = Value::Other{"a table"};
  } else if (node.is_floating_point()) {
    value.data = Value::Other{"a float"};
  } else {
    value.data = Value::Other{"a date or time"};
  }
  return value;
}

std::vector<Entry> entries_of(const toml::table& table) {
  std::vector<Entry> entries;
  for (const auto& [key, node] : table) {
    // A table within a section is its keys with the table's name in front, however the file writes it: [listener.spf],
    // spf = { fail = "tag" } and spf.fail = "tag" are the same.
    if (const toml::table* inner = node.as_table(); inner != nullptr && !inner->empty()) {
      for (Entry& entry : entries_of(*inner))
        entries.push_back({std::string(key.str()) + "." + entry.key, std::move(entry.value)});
      continue;
    }
    Value value = convert(node);
    value.line = key.source().begin.line;
    entries.push_back({std::string(key.str()), std::move(value)});
  }
  std::stable_sort(entries.begin(), entries.end(),
                   [](const Entry& a, const Entry& b) { return a.value.line < b.value.line; });
  return entries;
}

}  // namespace

Result<Document> parse_document(std::string_view text, const std::string& path) {
  const toml::parse_result parsed = toml::parse(text, path);
  if (!parsed) {
    const toml::parse_error& fault = parsed.error();
    return Error{Errc::syntax, path + ":" + std::to_string(fault.source().begin.line) + ":" +
                                   std::to_string(fault.source().begin.column) +
                                   ": this is not TOML: " + std::string(fault.description())};
  }
  Document document;
  Section loose;
  for (const auto& [key, node] : parsed.table()) {
    if (const toml::table* table = node.as_table(); table != nullptr) {
      document.sections.push_back({std::string(key.str()), false, line_of(node), entries_of(*table)});
    } else if (const toml::array* array = node.as_array(); array != nullptr && array->is_array_of_tables()) {
      for (const toml::node& item : *array) {
        document.sections.push_back({std::string(key.str()), true, line_of(item), entries_of(*item.as_table())});
      }
    } else {
      Value value = convert(node);
      value.line = key.source().begin.line;
      loose.entries.push_back({std::string(key.str()), std::move(value)});
    }
  }
  if (!loose.entries.empty()) document.sections.push_back(std::move(loose));
  std::stable_sort(document.sections.begin(), document.sections.end(),
                   [](const Section& a, const Section& b) { return a.line < b.line; });
  return document;
}

}  // namespace sendconn::relay::config
