#include "relay/config/value.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace sendconn::relay::config {
namespace {

constexpr std::size_t max_shown = 60;  // of a value in an error text; our own bound

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr std::array<Unit, 10> size_units{{{"B", 1},
                                           {"kB", 1000},
                                           {"KB", 1000},
                                           {"MB", 1000'000},
                                           {"GB", 1000'000'000},
                                           {"TB", 1000'000'000'000},
                                           {"KiB", 1ULL << 10U},
                                           {"MiB", 1ULL << 20U},
                                           {"GiB", 1ULL << 30U},
                                           {"TiB", 1ULL << 40U}}};
constexpr std::array<Unit, 5> duration_units{
    {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};

/// A number and the unit behind it, taken from the front of `text`.
struct Quantity {
  std::uint64_t number = 0;
  std::string_view unit;
};

bool take_quantity(std::string_view& text, Quantity& quantity) {
  const auto digits = static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_digit) - text.begin());
  const auto [stop, fault] = std::from_chars(text.data(), text.data() + digits, quantity.number);
  if (digits == 0 || fault != std::errc{}) return false;
  text.remove_prefix(digits);
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  const auto letters = static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_letter) - text.begin());
  quantity.unit = text.substr(0, letters);
  text.remove_prefix(letters);
  return true;
}

template <std::size_t N>
std::uint64_t factor_of(const std::array<Unit, N>& units, std::string_view name) {
  for (const Unit& unit : units) {
    if (unit.name == name) return unit.factor;
  }
  return 0;
}

bool multiply(std::uint64_t& number, std::uint64_t factor) {
  if (number > std::numeric_limits<std::uint64_t>::max() / factor) return false;
  number *= factor;
  return true;
}

Error unit_error(std::string_view what) { return {Errc::syntax, std::string(what)}; }

}  // namespace

std::string_view Value::kind() const {
  struct Namer {
    std::string_view operator()(const Other& other) const { return other.kind; }
    std::string_view operator()(bool) const { return "a boolean"; }
    std::string_view operator()(std::int64_t) const { return "an integer"; }
    std::string_view operator()(const std::string&) const { return "a string"; }
    std::string_view operator()(const std::vector<Value>&) const { return "an array"; }
  };
  return std::visit(Namer{}, data);
}

std::string Value::shown() const {
  struct Shower {
    std::string operator()(const Other& other) const { return std::string(other.kind); }
    std::string operator()(bool value) const { return value ? "true" : "false"; }
    std::string operator()(std::int64_t value) const { return std::to_string(value); }
    std::string operator()(const std::string& value) const {
      return config::quoted(value.size() > max_shown ? value.substr(0, max_shown) + "…" : value);
    }
    std::string operator()(const std::vector<Value>&) const { return "an array"; }
  };
  return std::visit(Shower{}, data);
}

Result<std::uint64_t> parse_size(std::string_view text) {
  constexpr std::string_view required =
      "must be a number of octets, or a size such as \"64 KiB\", \"50 MB\" or \"1 GiB\"";
  Quantity quantity;
  if (!take_quantity(text, quantity) || !text.empty()) return unit_error(required);
  const std::uint64_t factor = quantity.unit.empty() ? 1 : factor_of(size_units, quantity.unit);
  if (factor == 0 || !multiply(quantity.number, factor)) return unit_error(required);
  return quantity.number;
}

std::string format_size(std::uint64_t octets) {
  for (const std::string_view name : {"TiB", "GiB", "MiB", "KiB", "GB", "MB", "kB"}) {
    const std::uint64_t factor = factor_of(size_units, name);
    if (octets >= factor && octets % factor == 0) return std::to_string(octets / factor) + " " + std::string(name);
  }
  return std::to_string(octets);
}

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
  constexpr std::string_view required =
      "must be a duration such as \"500ms\", \"30s\", \"5m\", \"2h\", \"5d\" or \"1h30m\"";
  constexpr std::uint64_t longest = 100ULL * 366 * 86'400'000;  // a century; our own bound against overflow
  std::uint64_t total = 0;
  if (text.empty()) return unit_error(required);
  while (!text.empty()) {
    Quantity quantity;
    if (!take_quantity(text, quantity)) return unit_error(required);
    const std::uint64_t factor = factor_of(duration_units, quantity.unit);
    if (factor == 0 || !multiply(quantity.number, factor) || quantity.number > longest) return unit_error(required);
    total += quantity.number;
    if (total > longest) return unit_error(required);
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  }
  return std::chrono::milliseconds(total);
}

std::string format_duration(std::chrono::milliseconds duration) {
  auto rest = static_cast<std::uint64_t>(duration.count());
  if (rest == 0) return "0s";
  std::string text;
  for (const std::string_view name : {"d", "h", "m", "s", "ms"}) {
    const std::uint64_t factor = factor_of(duration_units, name);
    if (rest < factor) continue;
    text += std::to_string(rest / factor) + std::string(name);
    rest %= factor;
  }
  return text;
}

std::string quoted(std::string_view text) {
  constexpr std::string_view hex = "0123456789ABCDEF";
  std::string result = "\"";
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      result += '\\';
      result += c;
    } else if (octet < 0x20 || octet == 0x7f) {
      result += "\\u00";
      result += hex[octet >> 4U];
      result += hex[octet & 0x0fU];
    } else {
      result += c;
    }
  }
  return result + "\"";
}

std::string_view nearest(std::string_view word, const std::vector<std::string_view>& known) {
  std::string_view best;
  std::size_t best_distance = std::max<std::size_t>(2, word.size() / 3) + 1;
  std::vector<std::size_t> before_previous;
  std::vector<std::size_t> previous;
  std::vector<std::size_t> row;
  for (const std::string_view candidate : known) {
    // The distance of Damerau and Levenshtein: insertions, deletions, replacements and swaps of neighbours.
    previous.assign(candidate.size() + 1, 0);
    for (std::size_t j = 0; j <= candidate.size(); ++j) previous[j] = j;
    before_previous = previous;
    for (std::size_t i = 1; i <= word.size(); ++i) {
      row.assign(candidate.size() + 1, i);
      for (std::size_t j = 1; j <= candidate.size(); ++j) {
        const std::size_t replaced = previous[j - 1] + (word[i - 1] == candidate[j - 1] ? 0 : 1);
        row[j] = std::min({previous[j] + 1, row[j - 1] + 1, replaced});
        if (i > 1 && j > 1 && word[i - 1] == candidate[j - 2] && word[i - 2] == candidate[j - 1]) {
          row[j] = std::min(row[j], before_previous[j - 2] + 1);
        }
      }
      before_previous = previous;
      previous = row;
    }
    if (previous.back() < best_distance) {
      best_distance = previous.back();
      best = candidate;
    }
  }
  return best;
}

}  // namespace sendconn::relay::config
