// A configuration file as plain values: what the TOML parser found, each with its line, and the readers that turn one
// into a size, a duration or a text. The only place that knows the TOML library is document.cpp.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <sendconn/result.hpp>

namespace sendconn::relay::config {

/// One value of the file. A kind that no key takes (float, date, inline table) keeps its name alone.
struct Value {
  struct Other {
    std::string_view kind;  ///< "a float", "a table", …
  };
  std::variant<Other, bool, std::int64_t, std::string, std::vector<Value>> data;
  std::size_t line = 0;

  /// "an integer", "a string" …
  [[nodiscard]] std::string_view kind() const;
  /// The value as a person would write it, shortened: for error texts.
  [[nodiscard]] std::string shown() const;
};

struct Entry {
  std::string key;
  Value value;
};

/// [name] or one [[name]].
struct Section {
  std::string name;
  bool repeated = false;  ///< written [[name]]
  std::size_t line = 0;
  std::vector<Entry> entries;  ///< in the order of their lines
};

/// The sections in the order of their lines. Keys outside any section stand in one with an empty name.
struct Document {
  std::vector<Section> sections;
};

/// Errors: Errc::syntax with "<path>:<line>:<column>: …".
Result<Document> parse_document(std::string_view text, const std::string& path);

// Units. Errors say what is required; the caller puts file, line and key in front.

/// "300" (octets), "64 KiB", "50 MB", "1 GiB": kB, MB, GB, TB are powers of 1000, KiB, MiB, GiB, TiB of 1024.
Result<std::uint64_t> parse_size(std::string_view text);
/// The shortest exact form: "50 MiB", else the number.
std::string format_size(std::uint64_t octets);
/// "500ms", "30s", "5m", "2h", "5d", and sums such as "1h30m".
Result<std::chrono::milliseconds> parse_duration(std::string_view text);
std::string format_duration(std::chrono::milliseconds duration);
/// As a TOML string, quoted and escaped.
std::string quoted(std::string_view text);

/// The nearest of `known` to `word`, or empty if none is near enough to be a slip of the finger.
std::string_view nearest(std::string_view word, const std::vector<std::string_view>& known);

}  // namespace sendconn::relay::config
