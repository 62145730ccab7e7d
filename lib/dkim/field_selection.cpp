#include "lib/dkim/field_selection.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "lib/base/ascii.hpp"

namespace sendconn::dkim {
namespace {

/// Trace fields change on the way (RFC 6376 section 5.4.1), and no signature covers itself or its neighbours.
constexpr std::array<std::string_view, 3> never_signed = {"return-path", "received", "dkim-signature"};

bool is_never_signed(std::string_view name) noexcept {
  return std::any_of(never_signed.begin(), never_signed.end(),
                     [name](std::string_view never) { return ascii::equal(name, never); });
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

Result<void> check_from(const std::vector<std::string>& oversigned, const std::vector<std::string>& where_present) {
  for (const auto* names : {&oversigned, &where_present})
    if (std::find(names->begin(), names->end(), "from") != names->end()) return {};
  return refused("from", "it is not in the lists, and it must always be signed (RFC 6376 section 5.4)");
}

/// Compares as if all names were in lower case.
int compare(std::string_view a, std::string_view b) noexcept {
  const std::size_t shared = std::min(a.size(), b.size());
  for (std::size_t i = 0; i < shared; ++i) {
    const int order = ascii::lower(a[i]) - ascii::lower(b[i]);
    if (order != 0) return order;
  }
  return a.size() == b.size() ? 0 : a.size() < b.size() ? -1 : 1;
}

/// By name, and within a name from the bottom of the header to its top.
bool comes_first(const mail::Field* a, const mail::Field* b) noexcept {
  const int order = compare(a->name, b->name);
  return order != 0 ? order < 0 : a > b;
}

struct Entry {
  const mail::Field* field;
  bool is_signed = false;

  [[nodiscard]] std::string_view name() const noexcept { return field->name; }
  friend bool operator<(const Entry& a, const Entry& b) noexcept { return comes_first(a.field, b.field); }
};

}  // namespace

SignedFields::SignedFields() {
  static const auto defaults = std::make_shared<const Lists>(
      Lists{{"from", "to", "cc", "subject", "date", "reply-to", "message-id", "in-reply-to", "references",
             "mime-version", "content-type", "content-transfer-encoding"},
            {"sender", "resent-*", "list-*"}});
  lists_ = defaults;
}

Result<SignedFields> SignedFields::create(std::vector<std::string> oversigned, std::vector<std::string> where_present) {
  if (Result<void> done = normalize(oversigned, false); !done) return std::move(done).error();
  if (Result<void> done = normalize(where_present, true); !done) return std::move(done).error();
  if (Result<void> done = check_from(oversigned, where_present); !done) return std::move(done).error();
  return SignedFields(std::make_shared<const Lists>(Lists{std::move(oversigned), std::move(where_present)}));
}

FieldSelection select_fields(const mail::Header& header, const SignedFields& wanted) {
  std::vector<Entry> entries;
  entries.reserve(header.fields().size());
  for (const mail::Field& field : header.fields()) entries.push_back({&field});
  std::sort(entries.begin(), entries.end());

  FieldSelection selection;
  selection.names.reserve(entries.size() + wanted.oversigned().size());
  selection.fields.reserve(entries.size());
  const auto first_of = [&](std::string_view name) {
    return std::lower_bound(entries.begin(), entries.end(), name, [](const Entry& entry, std::string_view sought) {
      return compare(entry.name(), sought) < 0;
    });
  };
  const auto sign = [&](Entry& entry) {
    if (std::exchange(entry.is_signed, true)) return;
    selection.names.push_back(entry.name());
    selection.fields.push_back(entry.field);
  };

  for (const std::string& name : wanted.oversigned()) {
    for (auto entry = first_of(name); entry != entries.end() && ascii::equal(entry->name(), name); ++entry)
      sign(*entry);
    selection.names.emplace_back(name);  // once more than there are
  }
  for (const std::string& name : wanted.where_present()) {
    const bool is_pattern = name.ends_with('*');
    const std::string_view literal = std::string_view(name).substr(0, name.size() - (is_pattern ? 1 : 0));
    for (auto entry = first_of(literal); entry != entries.end() && ascii::starts_with(entry->name(), literal);
         ++entry) {
      if (!is_pattern && entry->name().size() != literal.size()) break;
      if (!is_never_signed(entry->name()) && can_stand_in_list(entry->name())) sign(*entry);
    }
  }
  return selection;
}

FieldIndex::FieldIndex(const mail::Header& header) : taken_(header.fields().size()) {
  fields_.reserve(header.fields().size());
  for (const mail::Field& field : header.fields()) fields_.push_back(&field);
  std::sort(fields_.begin(), fields_.end(), comes_first);
}

std::size_t FieldIndex::first_of(std::string_view name) const noexcept {
  const auto first = std::lower_bound(
      fields_.begin(), fields_.end(), name,
      [](const mail::Field* field, std::string_view sought) { return compare(field->name, sought) < 0; });
  return static_cast<std::size_t>(first - fields_.begin());
}

void FieldIndex::select(const std::vector<std::string_view>& names, const mail::Field* own,
                        std::vector<const mail::Field*>& found) {
  found.clear();
  std::fill(taken_.begin(), taken_.end(), 0);
  for (const std::string_view name : names) {
    const std::size_t first = first_of(name);
    if (first == fields_.size()) continue;
    const auto is_here = [&](std::size_t at) { return at < fields_.size() && ascii::equal(fields_[at]->name, name); };
    std::size_t at = first + taken_[first];
    if (is_here(at) && fields_[at] == own) {
      ++taken_[first];
      ++at;
    }
    if (!is_here(at)) continue;
    found.push_back(fields_[at]);
    ++taken_[first];
  }
}

std::size_t FieldIndex::uncovered(std::string_view name) const noexcept {
  const std::size_t first = first_of(name);
  std::size_t count = 0;
  while (first + count < fields_.size() && ascii::equal(fields_[first + count]->name, name)) ++count;
  return count == 0 ? 0 : count - taken_[first];
}

}  // namespace sendconn::dkim
