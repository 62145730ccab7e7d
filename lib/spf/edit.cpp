// Changing records: terms are compared by their meaning and kept as they are written.
#include <algorithm>
#include <optional>

#include <sendconn/spf_edit.hpp>

#include "lib/base/ascii.hpp"

namespace sendconn::spf {
namespace {

constexpr std::string_view version = "v=spf1";
constexpr std::size_t max_string_octets = 255;  // RFC 1035 section 3.3

/// A term with its text, apart from its record.
struct Item {
  Term term;
  std::string text;
  std::string meaning;  ///< without the qualifier: terms of one meaning match the same clients
};

std::string meaning_of(const Record& record, const Term& term) {
  std::string_view written = record.domain(term);
  if (written.size() > 1 && written.back() == '.') written.remove_suffix(1);
  // The case of a macro's letter has a meaning of its own.
  const std::string domain =
      term.has_macros || is_modifier(term.kind) ? std::string(written) : ascii::to_lower(written);
  std::string out(format(term.kind));
  switch (term.kind) {
    case TermKind::ip4:
    case TermKind::ip6: {
      const auto network = IpNetwork::of(term.address, term.kind == TermKind::ip4 ? term.prefix4 : term.prefix6);
      return out + ":" + network->format();
    }
    case TermKind::a:
    case TermKind::mx:
      return out + ":" + domain + "/" + std::to_string(term.prefix4) + "//" + std::to_string(term.prefix6);
    case TermKind::unknown_modifier:
      return out + ":" + std::string(record.text(term));
    default:
      return out + ":" + domain;
  }
}

Result<std::vector<Item>> items_of(const Record& record) {
  if (!record.valid()) {
    const Fault& fault = record.faults().front();
    return Error{Errc::syntax, fault.text, fault.position};
  }
  std::vector<Item> items;
  for (const Term& term : record.terms())
    items.push_back({term, std::string(record.text(term)), meaning_of(record, term)});
  return items;
}

Result<Item> item_of(std::string_view text) {
  const std::string padded = std::string(version) + " " + std::string(text);
  auto items = items_of(Record::parse(padded));
  if (!items) {
    Error error = items.error();
    error.position -= std::min(error.position, version.size() + 1);
    return error;
  }
  if (items->size() != 1)
    return Error{Errc::syntax,
                 "one term is required, found " + std::to_string(items->size()) + " in " + ascii::quote(text), 0};
  return std::move(items->front());
}

std::string join(const std::vector<Item>& items) {
  std::string out(version);
  for (const Item& item : items) out += " " + item.text;
  return out;
}

std::vector<Item>::iterator find_kind(std::vector<Item>& items, TermKind kind) {
  return std::find_if(items.begin(), items.end(), [kind](const Item& item) { return item.term.kind == kind; });
}

bool holds_kind(std::vector<Item>& items, TermKind kind) { return find_kind(items, kind) != items.end(); }

/// Of these a record has one at most that counts.
constexpr bool is_single(TermKind kind) noexcept {
  return kind == TermKind::all || kind == TermKind::redirect || kind == TermKind::exp;
}

std::optional<Error> add(std::vector<Item>& items, const Item& item) {
  const TermKind kind = item.term.kind;
  const TermKind rival = kind == TermKind::all ? TermKind::redirect : TermKind::all;
  if ((kind == TermKind::all || kind == TermKind::redirect) && holds_kind(items, rival))
    return Error{Errc::conflict,
                 "\"" + item.text + "\" beside \"" + find_kind(items, rival)->text +
                     "\": redirect is ignored where all stands (RFC 7208 section 6.1); keep one of them"};
  if (is_single(kind)) {
    if (const auto old = find_kind(items, kind); old != items.end()) {
      *old = item;
      return std::nullopt;
    }
  }
  const auto same =
      std::find_if(items.begin(), items.end(), [&](const Item& other) { return other.meaning == item.meaning; });
  if (same != items.end()) {
    if (same->term.qualifier == item.term.qualifier) return std::nullopt;
    return Error{Errc::conflict, "\"" + same->text + "\" stands in the record already, and of it and \"" + item.text +
                                     "\" only the first would ever match; remove the one that is not meant"};
  }
  auto place = items.end();
  if (!is_modifier(kind)) {
    place = find_kind(items, TermKind::all);
    if (place == items.end()) {
      const auto last =
          std::find_if(items.rbegin(), items.rend(), [](const Item& other) { return !is_modifier(other.term.kind); });
      place = last.base();
    }
  }
  items.insert(place, item);
  return std::nullopt;
}

}  // namespace

Result<std::string> add_term(std::string_view record, std::string_view term) {
  auto items = items_of(Record::parse(record));
  if (!items) return items.error();
  const auto item = item_of(term);
  if (!item) return item.error();
  if (auto error = add(*items, *item)) return *error;
  return join(*items);
}

Result<std::string> remove_term(std::string_view record, std::string_view term) {
  auto items = items_of(Record::parse(record));
  if (!items) return items.error();
  const auto item = item_of(term);
  if (!item) return item.error();
  const auto end = std::remove_if(items->begin(), items->end(), [&](const Item& other) {
    return other.meaning == item->meaning && other.term.qualifier == item->term.qualifier;
  });
  if (end == items->end()) return Error{Errc::not_found, ascii::quote(term) + " does not stand in the record"};
  items->erase(end, items->end());
  return join(*items);
}

Result<std::string> merge(const std::vector<std::string>& records) {
  if (records.empty()) return Error{Errc::invalid_argument, "nothing to merge: at least one record is required"};
  std::vector<Item> merged;
  for (const std::string& record : records) {
    auto items = items_of(Record::parse(record));
    if (!items) return items.error();
    for (const Item& item : *items) {
      const auto old = is_single(item.term.kind) ? find_kind(merged, item.term.kind) : merged.end();
      if (old != merged.end()) {
        if (item.term.kind == TermKind::all || old->meaning == item.meaning) continue;
        return Error{Errc::conflict, "\"" + old->text + "\" in one record and \"" + item.text +
                                         "\" in another: a record has one of a kind (RFC 7208 section 6)"};
      }
      if (auto error = add(merged, item)) return *error;
    }
  }
  return join(merged);
}

std::vector<std::string> split_strings(std::string_view text) {
  std::vector<std::string> strings;
  while (text.size() > max_string_octets) {
    const std::size_t space = text.substr(0, max_string_octets).rfind(' ');
    const std::size_t size =
        space == std::string_view::npos || space < max_string_octets / 2 ? max_string_octets : space + 1;
    strings.emplace_back(text.substr(0, size));
    text.remove_prefix(size);
  }
  strings.emplace_back(text);
  return strings;
}

std::string format_txt(std::string_view text) {
  std::string out;
  for (const std::string& string : split_strings(text)) {
    out += out.empty() ? "\"" : " \"";
    for (const char c : string) {
      const auto octet = static_cast<unsigned char>(c);
      if (c == '"' || c == '\\') {
        out += '\\';
        out += c;
      } else if (octet < 0x20 || octet > 0x7e) {
        for (const unsigned divisor : {100U, 10U, 1U}) {
          if (divisor == 100U) out += '\\';
          out += static_cast<char>('0' + octet / divisor % 10);
        }
      } else {
        out += c;
      }
    }
    out += '"';
  }
  return out;
}

}  // namespace sendconn::spf
