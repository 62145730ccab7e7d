// DestinationCheck: reports go outside an organization only where somebody wants them (RFC 9990 section 4).
#include <sendconn/dmarc.hpp>

#include <algorithm>

#include "lib/base/hidden.hpp"
#include "lib/dmarc/lookups.hpp"

namespace sendconn::dmarc {
namespace {

using Standing = Destination::Standing;

/// One address on its way: its host's walk, then the question whether it is agreed.
struct Journey {
  std::optional<std::size_t> walk;
  std::optional<std::size_t> permission;
  bool settled = false;
};

}  // namespace

struct SENDCONN_HIDDEN DestinationCheck::Impl {
  Impl(Domain domain, const Record& record, ReportKind which) : policy_domain(std::move(domain)), kind(which) {
    const std::vector<ReportUri>& uris = kind == ReportKind::aggregate ? record.rua : record.ruf;
    for (const ReportUri& uri : uris) {
      Destination destination;
      destination.published = uri;
      destinations.push_back(std::move(destination));
    }
    journeys.resize(destinations.size());
    for (std::size_t i = 0; i < destinations.size(); ++i) begin(i, record.psd);
    advance();
  }

  void begin(std::size_t i, Psd psd) {
    const ReportUri& uri = destinations[i].published;
    if (kind == ReportKind::failure && psd == Psd::yes)
      return settle(i, Standing::refused, "failure reports do not go to public suffixes (RFC 9991 section 2)");
    if (i >= max_destinations)
      return settle(i, Standing::refused,
                    "only the first " + std::to_string(max_destinations) + " report addresses are used");
    if (!uri.host)
      return settle(i, Standing::refused, "the address names no host that could agree (RFC 9990 section 4)");
    if (*uri.host == policy_domain) return settle(i, Standing::internal, "it is the policy domain itself");
    if (common_labels(uri.host->text(), policy_domain.text()) == 0) return ask_permission(i);
    journeys[i].walk = walk_from(*uri.host);
    own_walk = walk_from(policy_domain);
  }

  std::size_t walk_from(const Domain& domain) {
    const auto known =
        std::find_if(walks.begin(), walks.end(), [&](const Walk& walk) { return walk.start() == domain; });
    if (known != walks.end()) return static_cast<std::size_t>(known - walks.begin());
    walks.emplace_back(domain, lookups);
    return walks.size() - 1;
  }

  void ask_permission(std::size_t i) {
    std::string name = policy_domain.text() + "._report._dmarc." + destinations[i].published.host->text();
    if (name.size() > Domain::max_octets)
      return settle(i, Standing::refused, "the name to ask for permission would be too long (RFC 9990 section 4)");
    journeys[i].permission = lookups.ask(std::move(name), dns::RecordType::txt);
  }

  void settle(std::size_t i, Standing standing, std::string reason) {
    Destination& destination = destinations[i];
    destination.standing = standing;
    destination.reason = std::move(reason);
    if ((standing == Standing::internal || standing == Standing::authorized) && destination.uris.empty())
      destination.uris = {destination.published};
    journeys[i].settled = true;
  }

  void advance() {
    for (std::size_t i = 0; i < journeys.size(); ++i) {
      if (!journeys[i].settled && !journeys[i].permission) compare(i);
      if (!journeys[i].settled && journeys[i].permission) read_permission(i);
    }
    done = std::all_of(journeys.begin(), journeys.end(), [](const Journey& journey) { return journey.settled; });
  }

  void compare(std::size_t i) {
    const Walk& host = walks[*journeys[i].walk];
    const Walk& own = walks[own_walk];
    if (!host.settled(lookups) || !own.settled(lookups)) return;
    switch (align(own, host, lookups)) {
      case Alignment::strict:
      case Alignment::relaxed:
        return settle(i, Standing::internal, "it belongs to the policy domain's organization");
      case Alignment::unknown:
        return settle(i, Standing::temporary_failure,
                      "whether it belongs to the policy domain's organization is not known: the DNS did not answer");
      case Alignment::none:
      case Alignment::unchecked:
        return ask_permission(i);
    }
  }

  void read_permission(std::size_t i) {
    const Lookup& lookup = lookups.at(*journeys[i].permission);
    if (!lookup.answered) return;
    const std::string at = "TXT at " + lookup.question.name;
    if (lookup.unknown())
      return settle(i, Standing::temporary_failure,
                    "the DNS did not answer for " + at + " (" + std::string(dns::format(lookup.status)) + ")");
    if (lookup.records.empty())
      return settle(i, Standing::refused, "its domain does not agree: no DMARC record as " + at);
    // Steps 8 and 9: any of the records is enough, and one may name another address at the same host.
    Destination& destination = destinations[i];
    for (const Record& record : lookup.records) {
      const std::vector<ReportUri>& uris = kind == ReportKind::aggregate ? record.rua : record.ruf;
      if (uris.empty()) continue;
      const bool same_host = std::all_of(uris.begin(), uris.end(),
                                         [&](const ReportUri& uri) { return uri.host == destination.published.host; });
      if (!same_host)
        return settle(
            i, Standing::refused,
            "its domain agrees, but names another host instead, as " + at + ": nothing is sent (RFC 9990 section 4)");
      destination.uris = uris;
      break;
    }
    settle(i, Standing::authorized, "its domain agrees, as " + at);
  }

  const Domain policy_domain;
  const ReportKind kind;
  Lookups lookups;
  std::vector<Walk> walks;
  std::size_t own_walk = 0;
  std::vector<Destination> destinations;
  std::vector<Journey> journeys;
  bool done = false;
};

DestinationCheck::DestinationCheck(Domain policy_domain, const Record& record, ReportKind kind)
    : impl_(std::make_unique<Impl>(std::move(policy_domain), record, kind)) {}
DestinationCheck::DestinationCheck(DestinationCheck&&) noexcept = default;
DestinationCheck& DestinationCheck::operator=(DestinationCheck&&) noexcept = default;
DestinationCheck::~DestinationCheck() = default;

std::vector<dns::Question> DestinationCheck::questions() {
  return impl_->done ? std::vector<dns::Question>() : impl_->lookups.take_new();
}
void DestinationCheck::answer(const dns::Question& question, const dns::Answer& answer) {
  if (!impl_->done && impl_->lookups.answer(question, answer)) impl_->advance();
}
bool DestinationCheck::done() const noexcept { return impl_->done; }
const std::vector<Destination>& DestinationCheck::destinations() const noexcept { return impl_->destinations; }

}  // namespace sendconn::dmarc
