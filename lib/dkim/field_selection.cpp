#include "lib/dkim/field_selection.hpp"

#include <algorithm>
#include <array>

#include "lib/base/ascii.hpp"

namespace sendconn::dkim {
namespace {

/// Trace fields change on the way (RFC 6376 section 5.4.1), and no signature covers itself or its neighbours.
constexpr std::array<std::string_view, 3> never_signed = {"return-path", "received", "dkim-signature"};

bool is_never_signed(std::string_view name) noexcept {
  return std::find(never_signed.begin(), never_signed.end(), name) != never_signed.end();
}

/// RFC 5322 section 3.6.8: visible characters without the colon. A semicolon would end the tag h= (RFC 6376
/// section 3.5), so a field with one in its name cannot be signed.
bool can_stand_in_list(std::string_view name) noexcept {
  return !name.empty() &&
         std::all_of(name.begin(), name.end(), [](char c) { return ascii::is_vchar(c) && c != ':' && c != ';'; });
}

Error refused(std::string_view name, const char* why) {
  return {Errc::invalid_argument, "signed field " + ascii::quote(name) + ": " + why};
}

Result<void> normalize(std::vector<std::string>& names, bool patterns_allowed) {
  std::vector<std::string> kept;
  kept.reserve(names.size());
  for (std::string& name : names) {
    std::transform(name.begin(), name.end(), name.begin(), ascii::lower);
    const bool is_pattern = patterns_allowed && name.ends_with('*');
    const std::string_view literal = std::string_view(name).substr(0, name.size() - (is_pattern ? 1 : 0));
    if (!can_stand_in_list(literal))
      return refused(name, "it needs visible characters without colon and semicolon (RFC 6376 section 3.5)");
    if (!is_pattern && is_never_signed(name)) return refused(name, "it must not be signed (RFC 6376 section 5.4.1)");
    if (std::find(kept.begin(), kept.end(), name) == kept.end()) kept.push_back(std::move(name));
  }
  names = std::move(kept);
  return {};
}

/// A field under its lower-case name; sorted by name, and within a name from the bottom of the header to its top.
struct Entry {
  std::string name;
  const mail::Field* field;
  bool signed_already = false;

  friend bool operator<(const Entry& a, const Entry& b) noexcept {
    const int order = a.name.compare(b.name);
    return order != 0 ? order < 0 : a.field > b.field;
  }
};

}  // namespace

Result<void> normalize_field_lists(SignerOptions& options) {
  if (Result<void> done = normalize(options.oversigned, false); !done) return done;
  if (Result<void> done = normalize(options.signed_where_present, true); !done) return done;
  const auto has_from = [](const std::vector<std::string>& names) {
    return std::find(names.begin(), names.end(), "from") != names.end();
  };
  if (!has_from(options.oversigned) && !has_from(options.signed_where_present))
    return refused("from", "it is not in the lists, and it must always be signed (RFC 6376 section 5.4)");
  return {};
}

FieldSelection select_fields(const mail::Header& header, const SignerOptions& options) {
  std::vector<Entry> entries;
  entries.reserve(header.fields().size());
  for (const mail::Field& field : header.fields()) entries.push_back({ascii::to_lower(field.name), &field});
  std::sort(entries.begin(), entries.end());

  FieldSelection selection;
  const auto first_of = [&](std::string_view name) {
    return std::lower_bound(entries.begin(), entries.end(), name,
                            [](const Entry& entry, std::string_view wanted) { return entry.name < wanted; });
  };
  const auto sign = [&](Entry& entry) {
    if (std::exchange(entry.signed_already, true)) return;
    selection.names.push_back(entry.name);
    selection.fields.push_back(entry.field);
  };

  for (const std::string& name : options.oversigned) {
    for (auto entry = first_of(name); entry != entries.end() && entry->name == name; ++entry) sign(*entry);
    selection.names.push_back(name);  // once more than there are
  }
  for (const std::string& name : options.signed_where_present) {
    const bool is_pattern = name.ends_with('*');
    const std::string_view literal = std::string_view(name).substr(0, name.size() - (is_pattern ? 1 : 0));
    for (auto entry = first_of(literal); entry != entries.end() && entry->name.starts_with(literal); ++entry) {
      if (!is_pattern && entry->name != literal) break;
      if (!is_never_signed(entry->name) && can_stand_in_list(entry->name)) sign(*entry);
    }
  }
  return selection;
}

}  // namespace sendconn::dkim
