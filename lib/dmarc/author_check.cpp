#include "lib/dmarc/author_check.hpp"

#include <algorithm>

namespace sendconn::dmarc {
namespace {

std::string name_of(const Lookup& lookup) { return "TXT at " + lookup.question.name; }

/// The walk from `domain`, which may have begun already.
std::size_t walk_from(const Domain& domain, Shared shared) {
  const auto known =
      std::find_if(shared.walks.begin(), shared.walks.end(), [&](const Walk& walk) { return walk.start() == domain; });
  if (known != shared.walks.end()) return static_cast<std::size_t>(known - shared.walks.begin());
  shared.walks.emplace_back(domain, shared.lookups);
  return shared.walks.size() - 1;
}

bool is_aligned(Alignment alignment) noexcept {
  return alignment == Alignment::relaxed || alignment == Alignment::strict;
}

/// The first name of a walk that nobody can say anything about, up to where the walk stops.
const Lookup* first_unknown(const Walk& walk, const Lookups& lookups) {
  for (const Walk::Step& step : walk.steps()) {
    const Lookup* const lookup = walk.answered(step, lookups);
    if (!lookup) continue;
    if (lookup->unknown()) return lookup;
    if (lookup->record() && lookup->record()->psd != Psd::unknown) return nullptr;
  }
  return nullptr;
}

}  // namespace

AuthorCheck::AuthorCheck(Domain author, Shared shared) {
  walk_ = walk_from(author, shared);
  outcome_.author = std::move(author);
  outcome_.dkim.assign(shared.facts.dkim.size(), Alignment::none);
}

void AuthorCheck::advance(Shared shared) {
  for (bool moved = true; moved && stage_ != Stage::done;) {
    switch (stage_) {
      case Stage::record:
        moved = find_record(shared);
        break;
      case Stage::compare:
        moved = compare(shared);
        break;
      case Stage::judge:
        moved = judge(shared);
        break;
      case Stage::done:
        return;
    }
  }
}

void AuthorCheck::finish(Verdict verdict, std::string reason) {
  outcome_.verdict = verdict;
  outcome_.reason = std::move(reason);
  stage_ = Stage::done;
}

void AuthorCheck::note_duplicates(Shared shared, bool whole_walk) {
  outcome_.notes.clear();
  for (const Walk::Step& step : walk(shared).steps()) {
    const Lookup* const lookup = walk(shared).answered(step, shared.lookups);
    if (lookup && lookup->records.size() > 1)
      outcome_.notes.push_back(std::to_string(lookup->records.size()) + " DMARC records as " + name_of(*lookup) +
                               "; none of them counts");
    if (!whole_walk || (lookup && lookup->record() && lookup->record()->psd != Psd::unknown)) return;
  }
}

bool AuthorCheck::find_record(Shared shared) {
  const Walk& walk = this->walk(shared);
  const Walk::Step& own = walk.steps().front();
  const Lookup* const first = walk.answered(own, shared.lookups);
  if (own.lookup && !first) return false;
  const std::string author = outcome_.author->text();
  if (first && first->unknown()) {
    finish(Verdict::temporary_error,
           "the DNS did not answer for " + name_of(*first) + " (" + std::string(dns::format(first->status)) + ")");
    return true;
  }
  if (first && first->record()) {
    note_duplicates(shared, false);
    accept(*first->record(), *outcome_.author, PolicySource::author, shared);
    return true;
  }
  if (!walk.settled(shared.lookups)) return false;
  needs_walk_ = true;
  note_duplicates(shared, true);
  if (const Lookup* const unknown = first_unknown(walk, shared.lookups)) {
    finish(Verdict::temporary_error, "the DNS did not answer for " + name_of(*unknown) + " (" +
                                         std::string(dns::format(unknown->status)) + "), so that the policy of " +
                                         author + " is not known");
    return true;
  }
  // Section 4.10.1: the organization's record, else the public suffix's, which stands right above it.
  const std::size_t organization = walk.organization(shared.lookups);
  outcome_.organizational_domain = last_labels(*outcome_.author, organization);
  for (const std::size_t labels : {organization, organization - 1}) {
    for (const Walk::Step& step : walk.steps()) {
      const Lookup* const lookup = step.labels == labels ? walk.answered(step, shared.lookups) : nullptr;
      if (!lookup || !lookup->record()) continue;
      const bool suffix = labels != organization;
      if (suffix && lookup->record()->psd != Psd::yes) continue;
      accept(*lookup->record(), last_labels(*outcome_.author, labels),
             suffix ? PolicySource::public_suffix : PolicySource::organization, shared);
      return true;
    }
  }
  finish(Verdict::none, "there is no DMARC record for " + author + " or above it");
  return true;
}

void AuthorCheck::accept(const Record& record, const Domain& at, PolicySource source, Shared shared) {
  if (record.policy_faulty) {
    outcome_.notes.push_back("the record at " + at.text() + " has no valid policy");
    if (record.rua.empty())
      return finish(Verdict::none, "the DMARC record at " + at.text() +
                                       " has no valid policy and no report address, so that DMARC does not apply "
                                       "(RFC 9989 section 4.10.1)");
  }
  outcome_.record = record;
  outcome_.policy_domain = at;
  outcome_.source = source;
  stage_ = Stage::compare;
  // np= counts for names that do not exist (section 4.7): somebody has to say whether this one does.
  const bool differs = source != PolicySource::author && !record.policy_faulty && record.np &&
                       *record.np != record.sp.value_or(*record.p);
  if (!differs) return;
  const Lookup* const own = walk(shared).answered(walk(shared).steps().front(), shared.lookups);
  // Where a name below exists, this one does (RFC 8020 section 2).
  if (own && own->status != dns::Status::no_such_name) return;
  existence_ = shared.lookups.ask(outcome_.author->text(), dns::RecordType::a);
}

bool AuthorCheck::compare(Shared shared) {
  if (passed_.empty() && uncertain_.empty()) {
    const auto add = [&](Evidence evidence, const Domain& domain, Mode mode) {
      if (evidence == Evidence::fail) return;
      Candidate candidate{&domain, mode, Alignment::none, std::nullopt};
      if (domain == *outcome_.author) {
        candidate.alignment = Alignment::strict;
      } else if (mode == Mode::relaxed && common_labels(domain.text(), outcome_.author->text()) > 0) {
        candidate.alignment = Alignment::unchecked;
        needs_walk_ = true;
      }
      (evidence == Evidence::pass ? passed_ : uncertain_).push_back(candidate);
    };
    const Record& record = *outcome_.record;
    if (shared.facts.spf) add(shared.facts.spf->evidence, shared.facts.spf->domain, record.aspf);
    for (const DkimFact& fact : shared.facts.dkim) add(fact.evidence, fact.domain, record.adkim);
  }
  if (needs_walk_ && !walk(shared).settled(shared.lookups)) return false;
  if (needs_walk_) {
    for (Candidate& candidate : passed_) prepare(candidate, shared);
    const bool sure = std::any_of(passed_.begin(), passed_.end(),
                                  [](const Candidate& c) { return c.alignment == Alignment::strict; });
    if (!sure) {
      for (Candidate& candidate : uncertain_) prepare(candidate, shared);
    }
  }
  stage_ = Stage::judge;
  return true;
}

/// Begins the walk of a candidate that may align relaxed, or rules that out.
void AuthorCheck::prepare(Candidate& candidate, Shared shared) {
  if (candidate.alignment != Alignment::unchecked) return;
  // Their organizational domain would be one that both names end in.
  const std::size_t common = common_labels(candidate.domain->text(), outcome_.author->text());
  const auto organizations = walk(shared).candidates(shared.lookups);
  bool possible = false;
  for (std::size_t labels = 1; labels <= common; ++labels) possible = possible || organizations[labels];
  if (!possible) {
    candidate.alignment = Alignment::none;
    return;
  }
  const auto known = std::find_if(walked_.begin(), walked_.end(),
                                  [&](std::size_t index) { return shared.walks[index].start() == *candidate.domain; });
  if (known != walked_.end()) {
    candidate.walk = *known;
  } else if (walked_.size() < shared.walks_each) {
    candidate.walk = walk_from(*candidate.domain, shared);
    walked_.push_back(*candidate.walk);
  }
}

bool AuthorCheck::judge(Shared shared) {
  for (const auto* candidates : {&passed_, &uncertain_}) {
    for (const Candidate& candidate : *candidates) {
      if (candidate.walk && !shared.walks[*candidate.walk].settled(shared.lookups)) return false;
    }
  }
  if (existence_ && !shared.lookups.at(*existence_).answered) return false;

  for (auto* candidates : {&passed_, &uncertain_}) {
    for (Candidate& candidate : *candidates) {
      if (candidate.walk) candidate.alignment = align(walk(shared), shared.walks[*candidate.walk], shared.lookups);
    }
  }
  auto next = passed_.begin();
  if (shared.facts.spf && shared.facts.spf->evidence == Evidence::pass) outcome_.spf = (next++)->alignment;
  for (std::size_t i = 0; i < shared.facts.dkim.size(); ++i) {
    if (shared.facts.dkim[i].evidence == Evidence::pass) outcome_.dkim[i] = (next++)->alignment;
  }
  if (needs_walk_) {
    if (const std::size_t labels = walk(shared).organization(shared.lookups))
      outcome_.organizational_domain = last_labels(*outcome_.author, labels);
  }

  const bool existence_unknown = existence_ && shared.lookups.at(*existence_).unknown();
  choose_policy(!existence_ || shared.lookups.at(*existence_).status != dns::Status::no_such_name);

  const std::string author = outcome_.author->text();
  const auto aligned =
      std::find_if(passed_.begin(), passed_.end(), [](const Candidate& c) { return is_aligned(c.alignment); });
  if (aligned != passed_.end()) {
    const bool by_spf = outcome_.spf_aligned();
    const std::string mode(format(aligned->alignment));
    finish(Verdict::pass, std::string(by_spf ? "SPF" : "DKIM") + " passed for " + aligned->domain->text() +
                              ", which aligns with " + author + " (" + mode + ")");
    return true;
  }
  for (const Candidate& candidate : passed_) {
    if (candidate.alignment != Alignment::unknown) continue;
    finish(Verdict::temporary_error,
           "whether " + candidate.domain->text() + " aligns with " + author + " is not known: the DNS did not answer");
    return true;
  }
  for (const Candidate& candidate : uncertain_) {
    if (!is_aligned(candidate.alignment) && candidate.alignment != Alignment::unknown) continue;
    finish(Verdict::temporary_error, "the authentication of " + candidate.domain->text() +
                                         " failed for now, and would decide for " + author +
                                         " (RFC 9989 section 5.3.6)");
    return true;
  }
  if (existence_unknown) {
    finish(Verdict::temporary_error, "whether " + author +
                                         " exists is not known, so that sp= and np= cannot be told apart: the DNS did "
                                         "not answer");
    return true;
  }
  std::string reason =
      passed_.empty() ? "neither SPF nor DKIM passed for " + author : "no authenticated domain aligns with " + author;
  if (outcome_.record->testing && outcome_.published != outcome_.policy) reason += "; the record is in test mode";
  finish(Verdict::fail, std::move(reason));
  return true;
}

void AuthorCheck::choose_policy(bool author_exists) {
  const Record& record = *outcome_.record;
  if (record.policy_faulty) return;  // counts as "p=none"
  if (outcome_.source == PolicySource::author) {
    outcome_.tag = PolicyTag::p;
  } else if (!author_exists && record.np) {
    outcome_.tag = PolicyTag::np;
  } else {
    outcome_.tag = record.sp ? PolicyTag::sp : PolicyTag::p;
  }
  outcome_.published = outcome_.tag == PolicyTag::np   ? *record.np
                       : outcome_.tag == PolicyTag::sp ? *record.sp
                                                       : *record.p;
  outcome_.policy = outcome_.published;
  if (record.testing && outcome_.policy != Policy::none)
    outcome_.policy = outcome_.published == Policy::reject ? Policy::quarantine : Policy::none;
}

}  // namespace sendconn::dmarc
