// Lookups: the questions of one check, each asked once, and what was answered; and Walk, the DNS tree walk of one
// domain over them (RFC 9989 section 4.10).
#pragma once

#include <bitset>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sendconn/dmarc.hpp>

namespace sendconn::dmarc {

/// What is known about one name.
struct Lookup {
  dns::Question question;
  bool answered = false;
  dns::Status status = dns::Status::no_error;
  std::vector<Record> records;  ///< those of the TXT records that are DMARC records

  /// Nobody can say what stands there.
  [[nodiscard]] bool unknown() const noexcept { return answered && dns::is_temporary(status); }
  /// The valid record: several at one name are none (section 4.10, step 2).
  [[nodiscard]] const Record* record() const noexcept { return records.size() == 1 ? &records.front() : nullptr; }
};

/// Grows while a check goes on; a lookup's index stays.
class Lookups {
 public:
  std::size_t ask(std::string name, dns::RecordType type);
  std::vector<dns::Question> take_new();
  /// False if the question is unknown or answered already.
  bool answer(const dns::Question& question, const dns::Answer& answer);
  [[nodiscard]] const Lookup& at(std::size_t index) const noexcept { return lookups_[index]; }
  [[nodiscard]] std::size_t handed_out() const noexcept { return handed_out_; }

 private:
  std::vector<Lookup> lookups_;
  std::size_t handed_out_ = 0;
};

/// An upper bound: 253 octets hold 127 labels.
inline constexpr std::size_t max_labels = 128;

std::size_t count_labels(std::string_view domain) noexcept;
/// The last `labels` labels of a domain that has as many.
Domain last_labels(const Domain& domain, std::size_t labels);
/// How many labels two names have in common, counted from the right.
std::size_t common_labels(std::string_view a, std::string_view b) noexcept;

/// The walk from one domain. Its organizational domain is one of its own ancestors, so that a number of labels names
/// it; as long as an answer is missing there may be several candidates.
class Walk {
 public:
  /// Asks for all names at once, at most Options::max_queries_of_walk.
  Walk(Domain start, Lookups& lookups);

  [[nodiscard]] const Domain& start() const noexcept { return start_; }
  /// Nothing that is still unanswered matters.
  [[nodiscard]] bool settled(const Lookups& lookups) const noexcept;
  /// The numbers of labels that the organizational domain may have (section 4.10.2): one, unless the DNS failed.
  [[nodiscard]] std::bitset<max_labels> candidates(const Lookups& lookups) const noexcept;
  /// The one candidate, or 0 if there are several.
  [[nodiscard]] std::size_t organization(const Lookups& lookups) const noexcept;

  struct Step {
    std::size_t labels;
    std::optional<std::size_t> lookup;  ///< nothing if "_dmarc.<name>" is too long to exist
  };
  /// From the domain itself to the top.
  [[nodiscard]] const std::vector<Step>& steps() const noexcept { return steps_; }
  /// The lookup of a step, if there is one and its answer is there.
  [[nodiscard]] const Lookup* answered(const Step& step, const Lookups& lookups) const noexcept;

 private:
  Domain start_;
  std::size_t labels_;
  std::vector<Step> steps_;
};

/// Whether two domains have the same organizational domain.
Alignment align(const Walk& a, const Walk& b, const Lookups& lookups);

}  // namespace sendconn::dmarc
