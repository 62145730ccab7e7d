// AuthorCheck: the check of one author domain, in four stages that each wait for answers.
//
//   record      the author's own record, or the walk to the organization's or the public suffix's (section 4.10.1)
//   compare     which authenticated domains may align, now that the alignment modes are known; relaxed ones wait for
//               the author's walk, then walk themselves (section 4.10.2)
//   judge       all walks settled, and whether the author domain exists, if sp= and np= differ
//   done
#pragma once

#include <optional>
#include <vector>

#include <sendconn/dmarc.hpp>

#include "lib/dmarc/lookups.hpp"

namespace sendconn::dmarc {

/// What the author checks of one message share.
struct Shared {
  const Facts& facts;
  Lookups& lookups;
  std::vector<Walk>& walks;  ///< never more than Options::max_walks
  std::size_t walks_each;    ///< for the candidates of one author: a share of its own, whoever is answered first
};

class AuthorCheck {
 public:
  AuthorCheck(Domain author, Shared shared);
  /// Goes as far as the answers allow.
  void advance(Shared shared);
  [[nodiscard]] bool done() const noexcept { return stage_ == Stage::done; }
  [[nodiscard]] const Outcome& outcome() const noexcept { return outcome_; }
  Outcome take() && { return std::move(outcome_); }

 private:
  enum class Stage : unsigned char { record, compare, judge, done };

  /// An authenticated domain that may align.
  struct Candidate {
    const Domain* domain;
    Mode mode;
    Alignment alignment = Alignment::none;
    std::optional<std::size_t> walk;  ///< to be compared with the author's
  };

  bool find_record(Shared shared);
  void accept(const Record& record, const Domain& at, PolicySource source, Shared shared);
  bool compare(Shared shared);
  void prepare(Candidate& candidate, Shared shared);
  bool judge(Shared shared);
  void choose_policy(bool author_exists);
  void finish(Verdict verdict, std::string reason);
  void note_duplicates(Shared shared, bool whole_walk);
  [[nodiscard]] const Walk& walk(Shared shared) const { return shared.walks[walk_]; }

  Stage stage_ = Stage::record;
  std::size_t walk_ = 0;
  bool needs_walk_ = false;
  std::vector<std::size_t> walked_;       ///< the walks of this author's candidates
  std::optional<std::size_t> existence_;  ///< the lookup that says whether the author domain exists
  std::vector<Candidate> passed_;         ///< SPF first if it passed, then the signatures that did
  std::vector<Candidate> uncertain_;      ///< temporary failures
  Outcome outcome_;
};

}  // namespace sendconn::dmarc
