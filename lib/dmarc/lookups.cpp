#include "lib/dmarc/lookups.hpp"

#include <algorithm>

#include "lib/base/ascii.hpp"

namespace sendconn::dmarc {

std::size_t Lookups::ask(std::string name, dns::RecordType type) {
  const auto known = std::find_if(lookups_.begin(), lookups_.end(), [&](const Lookup& lookup) {
    return lookup.question.type == type && lookup.question.name == name;
  });
  if (known != lookups_.end()) return static_cast<std::size_t>(known - lookups_.begin());
  lookups_.push_back({{std::move(name), type}, false, dns::Status::no_error, {}});
  return lookups_.size() - 1;
}

std::vector<dns::Question> Lookups::take_new() {
  std::vector<dns::Question> questions;
  for (; handed_out_ < lookups_.size(); ++handed_out_) questions.push_back(lookups_[handed_out_].question);
  return questions;
}

bool Lookups::answer(const dns::Question& question, const dns::Answer& answer) {
  const auto lookup = std::find_if(lookups_.begin(), lookups_.end(), [&](const Lookup& candidate) {
    return candidate.question.type == question.type && ascii::equal(candidate.question.name, question.name);
  });
  if (lookup == lookups_.end() || lookup->answered) return false;
  lookup->answered = true;
  lookup->status = answer.status;
  if (!answer.ok() || question.type != dns::RecordType::txt) return true;
  for (const dns::Record& text : answer.records) {
    if (auto record = parse(text.text)) lookup->records.push_back(*std::move(record));
  }
  return true;
}

std::size_t count_labels(std::string_view domain) noexcept {
  return static_cast<std::size_t>(std::count(domain.begin(), domain.end(), '.')) + 1;
}

Domain last_labels(const Domain& domain, std::size_t labels) {
  std::string_view text = domain.text();
  for (std::size_t left = count_labels(text); left > labels; --left) text.remove_prefix(text.find('.') + 1);
  // Any run of last labels of a domain is a domain.
  return *Domain::parse(text);
}

std::size_t common_labels(std::string_view a, std::string_view b) noexcept {
  const auto [left, right] = std::mismatch(a.rbegin(), a.rend(), b.rbegin(), b.rend());
  const std::string_view common = a.substr(a.size() - static_cast<std::size_t>(left - a.rbegin()));
  const std::size_t labels = static_cast<std::size_t>(std::count(common.begin(), common.end(), '.'));
  // The first label of the common part counts if it is a whole one in both.
  const bool whole_a = left == a.rend() || *left == '.';
  const bool whole_b = right == b.rend() || *right == '.';
  return labels + (whole_a && whole_b && !common.empty() && common.front() != '.' ? 1 : 0);
}

Walk::Walk(Domain start, Lookups& lookups) : start_(std::move(start)), labels_(count_labels(start_.text())) {
  std::string_view name = start_.text();
  for (std::size_t labels = labels_; labels > 0; --labels) {
    // Section 4.10, step 4: from eight labels on, the second name has seven.
    if (labels == labels_ || labels < Options::max_queries_of_walk) {
      Step step{labels, std::nullopt};
      std::string question = "_dmarc." + std::string(name);
      if (question.size() <= Domain::max_octets) step.lookup = lookups.ask(std::move(question), dns::RecordType::txt);
      steps_.push_back(step);
    }
    if (labels > 1) name.remove_prefix(name.find('.') + 1);
  }
}

const Lookup* Walk::answered(const Step& step, const Lookups& lookups) const noexcept {
  if (!step.lookup) return nullptr;
  const Lookup& lookup = lookups.at(*step.lookup);
  return lookup.answered ? &lookup : nullptr;
}

bool Walk::settled(const Lookups& lookups) const noexcept {
  for (const Step& step : steps_) {
    if (!step.lookup) continue;
    const Lookup& lookup = lookups.at(*step.lookup);
    if (!lookup.answered) return false;
    if (lookup.record() && lookup.record()->psd != Psd::unknown) return true;
  }
  return true;
}

std::bitset<max_labels> Walk::candidates(const Lookups& lookups) const noexcept {
  std::bitset<max_labels> found;  // where the topmost record without psd= may stand
  std::bitset<max_labels> result;
  bool may_be_nowhere = true;
  for (const Step& step : steps_) {
    const bool first = step.labels == labels_;
    const Lookup* const lookup = answered(step, lookups);
    if (lookup && lookup->unknown()) {
      // It may say psd=n, psd=y or neither, or not be there.
      result.set(step.labels);
      if (!first) result.set(step.labels + 1);
      found.set(step.labels);
      continue;
    }
    const Record* const record = lookup ? lookup->record() : nullptr;
    if (!record) continue;
    // Section 4.10.2, rules 1 and 2. The walk's own start with psd=y is a public suffix that writes mail itself.
    if (record->psd == Psd::no || (record->psd == Psd::yes && first)) return result.set(step.labels);
    if (record->psd == Psd::yes) return result.set(step.labels + 1);
    found.reset();
    found.set(step.labels);
    may_be_nowhere = false;
  }
  if (may_be_nowhere) found.set(labels_);
  return result | found;
}

std::size_t Walk::organization(const Lookups& lookups) const noexcept {
  const auto set = candidates(lookups);
  if (set.count() != 1) return 0;
  std::size_t labels = 0;
  while (!set[labels]) ++labels;
  return labels;
}

Alignment align(const Walk& a, const Walk& b, const Lookups& lookups) {
  if (a.start() == b.start()) return Alignment::strict;
  auto common = a.candidates(lookups) & b.candidates(lookups);
  for (std::size_t labels = common_labels(a.start().text(), b.start().text()) + 1; labels < max_labels; ++labels)
    common.reset(labels);
  if (common.none()) return Alignment::none;
  return a.organization(lookups) == b.organization(lookups) && a.organization(lookups) != 0 ? Alignment::relaxed
                                                                                            : Alignment::unknown;
}

}  // namespace sendconn::dmarc
