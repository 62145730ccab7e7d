// Check: the author checks of one message over shared lookups and walks.
#include <sendconn/dmarc.hpp>

#include <algorithm>

#include "lib/base/hidden.hpp"
#include "lib/dmarc/author_check.hpp"

namespace sendconn::dmarc {

bool Outcome::dkim_aligned() const noexcept {
  return std::any_of(dkim.begin(), dkim.end(), [](Alignment alignment) {
    return alignment == Alignment::relaxed || alignment == Alignment::strict;
  });
}

struct SENDCONN_HIDDEN Check::Impl {
  Impl(Facts given, const Options& with) : facts(std::move(given)), options(with) {
    if (auto reason = refusal()) {
      refuse(*std::move(reason));
      return;
    }
    for (const Domain& author : facts.authors) checks.emplace_back(author, shared());
    advance();
  }

  /// Why there is nothing to check.
  [[nodiscard]] std::optional<std::string> refusal() const {
    const std::size_t authors = facts.authors.size();
    if (authors == 0) return "the message has no author domain (RFC 9989 section 5.3.1)";
    const std::string count = "the From field has " + std::to_string(authors) + " domains; ";
    if (authors > 1 && options.several_authors == SeveralAuthors::refuse)
      return count + "one is required (RFC 9989 section 5.3.1)";
    const std::size_t limit = std::min(options.max_authors, options.max_walks);
    if (authors > limit) return count + "at most " + std::to_string(limit) + " are checked (RFC 9989 section 11.5)";
    return std::nullopt;
  }

  Shared shared() {
    const std::size_t authors = facts.authors.size();
    return {facts, lookups, walks, (options.max_walks - authors) / authors};
  }

  void refuse(std::string reason) {
    Outcome outcome;
    outcome.verdict = Verdict::permanent_error;
    outcome.reason = std::move(reason);
    if (!facts.authors.empty()) outcome.author = facts.authors.front();
    outcome.dkim.assign(facts.dkim.size(), Alignment::unchecked);
    outcome.spf = Alignment::unchecked;
    outcomes.push_back(std::move(outcome));
  }

  void advance() {
    for (AuthorCheck& check : checks) check.advance(shared());
    if (!std::all_of(checks.begin(), checks.end(), [](const AuthorCheck& check) { return check.done(); })) return;
    for (AuthorCheck& check : checks) outcomes.push_back(std::move(check).take());
    decide();
  }

  void decide() {
    const auto failed = [](const Outcome& outcome) { return outcome.verdict == Verdict::fail; };
    const auto strictest = std::max_element(outcomes.begin(), outcomes.end(), [&](const Outcome& a, const Outcome& b) {
      if (failed(a) != failed(b)) return failed(b);
      return failed(a) && a.policy < b.policy;
    });
    const auto not_passed = std::find_if(outcomes.begin(), outcomes.end(),
                                         [](const Outcome& outcome) { return outcome.verdict != Verdict::pass; });
    const auto chosen = failed(*strictest) ? strictest : not_passed != outcomes.end() ? not_passed : outcomes.begin();
    deciding = static_cast<std::size_t>(chosen - outcomes.begin());
  }

  const Facts facts;
  const Options options;
  Lookups lookups;
  std::vector<Walk> walks;
  std::vector<AuthorCheck> checks;
  std::vector<Outcome> outcomes;  // once done
  std::size_t deciding = 0;
};

Check::Check(Facts facts, const Options& options) : impl_(std::make_unique<Impl>(std::move(facts), options)) {}
Check::Check(Check&&) noexcept = default;
Check& Check::operator=(Check&&) noexcept = default;
Check::~Check() = default;

std::vector<dns::Question> Check::questions() {
  if (done()) return {};
  return impl_->lookups.take_new();
}

void Check::answer(const dns::Question& question, const dns::Answer& answer) {
  if (!done() && impl_->lookups.answer(question, answer)) impl_->advance();
}

bool Check::done() const noexcept { return !impl_->outcomes.empty(); }
const Outcome& Check::outcome() const noexcept { return impl_->outcomes[impl_->deciding]; }
const std::vector<Outcome>& Check::outcomes() const noexcept { return impl_->outcomes; }
std::size_t Check::walks() const noexcept { return impl_->walks.size(); }
std::size_t Check::questions_asked() const noexcept { return impl_->lookups.handed_out(); }

Result<std::vector<Domain>> author_domains(const mail::Header& header) {
  const std::size_t fields = header.count("From");
  if (fields != 1)
    return Error{Errc::syntax, std::to_string(fields) + " From fields; one is required (RFC 9989 section 5.3.1)"};
  const auto addresses = mail::parse_address_list(header.find("From")->value);
  if (!addresses) return Error{Errc::syntax, "the From field cannot be read: " + addresses.error().text};
  std::vector<Domain> domains;
  for (const Address& address : *addresses) {
    if (std::find(domains.begin(), domains.end(), address.domain()) == domains.end())
      domains.push_back(address.domain());
  }
  if (domains.empty())
    return Error{Errc::syntax, "the From field has no address; one is required (RFC 5322 section 3.6.2)"};
  return domains;
}

authres::Statement statement(const Outcome& outcome) {
  authres::Statement statement;
  statement.method = "dmarc";
  statement.result = std::string(format(outcome.verdict));
  if (outcome.record) {
    statement.comment = outcome.tag == PolicyTag::none ? "p" : std::string(format(outcome.tag));
    statement.comment.append("=").append(format(outcome.published));
    if (outcome.record->testing) statement.comment += " t=y";
    if (outcome.policy_domain && outcome.policy_domain != outcome.author)
      statement.comment.append(" at ").append(outcome.policy_domain->text());
  }
  if (outcome.verdict != Verdict::pass) statement.reason = outcome.reason;
  if (outcome.author) statement.properties.push_back({"header", "from", outcome.author->text()});
  // RFC 9989 section 9: the policy that applies.
  if (outcome.record) statement.properties.push_back({"policy", "dmarc", std::string(format(outcome.policy))});
  return statement;
}

}  // namespace sendconn::dmarc
