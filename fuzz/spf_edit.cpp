// Changing SPF records: whatever stands there and whatever is added, what comes out is a valid record that says the
// same and the term besides, or nothing.
//
// The input: lines. The first is a term, the others are records.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <sendconn/spf_edit.hpp>

#include "fuzz/check.hpp"
#include "lib/base/cursor.hpp"

using namespace sendconn;

namespace {

constexpr std::size_t max_records = 8;
constexpr std::size_t max_line_octets = 600;  // editing compares each with each

std::vector<std::string> terms_of(const std::string& text) {
  const spf::Record record = spf::Record::parse(text);
  std::vector<std::string> terms;
  for (const spf::Term& term : record.terms()) terms.emplace_back(record.text(term));
  return terms;
}

bool is_single(const std::string& term) {
  const spf::Record record = spf::Record::parse("v=spf1 " + term);
  const spf::TermKind kind = record.terms().front().kind;
  return kind == spf::TermKind::all || kind == spf::TermKind::redirect || kind == spf::TermKind::exp;
}

/// `some` stand in `all`, in their order.
bool stand_in(const std::vector<std::string>& some, const std::vector<std::string>& all) {
  auto place = all.begin();
  for (const std::string& term : some) {
    place = std::find(place, all.end(), term);
    if (place == all.end()) return false;
    ++place;
  }
  return true;
}

void check_add(const std::string& text, const std::string& term) {
  const bool usable = spf::Record::parse(text).valid();
  const bool is_term = spf::Record::parse("v=spf1 " + term).valid() && terms_of("v=spf1 " + term).size() == 1;
  const auto added = spf::add_term(text, term);
  if (!usable || !is_term) {
    fuzz::check(!added.ok() && !spf::remove_term(text, term).ok(), "nothing malformed is changed, or added");
    return;
  }
  const std::vector<std::string> before = terms_of(text);
  const auto removed = spf::remove_term(text, term);
  fuzz::check(removed.ok() || removed.error().code == Errc::not_found, "a term is removed, or is not there");
  if (removed) {
    fuzz::check(stand_in(terms_of(*removed), before), "what stays, stays as it was");
    fuzz::check(!spf::remove_term(*removed, term).ok(), "what was removed is not there");
  }
  if (!added) return fuzz::check(added.error().code == Errc::conflict, "a term is refused for a conflict alone");
  fuzz::check(spf::Record::parse(*added).valid(), "what was written is valid");
  const std::vector<std::string> after = terms_of(*added);
  fuzz::check(spf::remove_term(*added, term).ok(), "the term is there");
  const auto twice = spf::add_term(*added, term);
  fuzz::check(twice.ok() && *twice == *added, "adding again changes nothing");
  if (is_single(term)) return;
  fuzz::check(stand_in(before, after), "what stood there stands there, in its order");
  fuzz::check(after.size() == before.size() + (removed ? 0 : 1), "one term is added, or none");
}

void check_merge(const std::vector<std::string>& records) {
  const auto merged = spf::merge(records);
  const bool valid = std::all_of(records.begin(), records.end(),
                                 [](const std::string& text) { return spf::Record::parse(text).valid(); });
  if (!merged) {
    const Errc code = merged.error().code;
    fuzz::check(
        records.empty() ? code == Errc::invalid_argument : code == Errc::conflict || (!valid && code == Errc::syntax),
        "a merge is refused for what it is");
    return;
  }
  fuzz::check(valid && spf::Record::parse(*merged).valid(), "what is merged is valid, as it was");
  const std::vector<std::string> terms = terms_of(*merged);
  const spf::Record record = spf::Record::parse(*merged);
  fuzz::check(std::count_if(record.terms().begin(), record.terms().end(),
                            [](const spf::Term& term) { return term.kind == spf::TermKind::all; }) <= 1,
              "there is one all");
  // Each term of each record is in it by its meaning; of all the first that there is.
  for (const std::string& text : records)
    for (const std::string& term : terms_of(text))
      fuzz::check(is_single(term) || spf::remove_term(*merged, term).ok(), "no term is lost");
  const auto again = spf::merge({*merged});
  fuzz::check(again.ok() && *again == *merged, "merging again changes nothing");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Cursor cursor(std::string_view(reinterpret_cast<const char*>(data), size));
  const std::string term(cursor.take_until('\n').substr(0, max_line_octets));
  cursor.skip();
  std::vector<std::string> records;
  while (!cursor.at_end() && records.size() < max_records) {
    records.emplace_back(cursor.take_until('\n').substr(0, max_line_octets));
    cursor.skip();
  }
  for (const std::string& text : records) check_add(text, term);
  check_merge(records);
  return 0;
}
