// What a check tells people: the outcome in one sentence, the way to the deciding term, and the trace.
#include <algorithm>

#include "lib/base/ascii.hpp"
#include "lib/spf/evaluator.hpp"

namespace sendconn::spf {
namespace {

/// On one line, printable.
std::string printable(std::string_view text) {
  std::string out(text);
  std::replace_if(
      out.begin(), out.end(), [](char c) { return c != ' ' && !ascii::is_vchar(c); }, '?');
  return out;
}

}  // namespace

void Evaluator::note(std::initializer_list<std::string_view> parts) {
  TraceLine line;
  line.depth = static_cast<unsigned>(depth_ == 0 ? 0 : depth_ - 1);
  for (const std::string_view part : parts) line.text += printable(part);
  trace_.push_back(std::move(line));
}

Outcome Evaluator::outcome() const {
  Outcome outcome;
  outcome.verdict = verdict_;
  outcome.reason = reason_;
  outcome.identity = identity_;
  outcome.sender = printable(sender_);
  outcome.lookups = lookups_;
  outcome.void_lookups = voids_;
  outcome.ttl = ttl_;
  outcome.trace = trace_;
  if (reason_ != Reason::unusable_identity) outcome.domain = printable(frames_.front().domain);
  for (std::size_t i = 0; i < path_depth_; ++i) {
    const Frame& frame = frames_[i];
    const Term* term = frame.at_redirect ? frame.record().find(TermKind::redirect)
                       : frame.at_term   ? &frame.term()
                                         : nullptr;
    Step step;
    step.domain = printable(frame.domain);
    if (term != nullptr) {
      step.term = frame.record().text(*term);
      step.position = term->position;
    }
    outcome.path.push_back(std::move(step));
  }
  if (verdict_ == Verdict::fail) {
    outcome.explained = explained_;
    outcome.explanation = explained_ ? explanation_ : options_.default_explanation;
  }
  outcome.text = explain_verdict();
  return outcome;
}

std::string Evaluator::explain_verdict() const {
  if (reason_ == Reason::unusable_identity)
    return (identity_ == Identity::helo ? "the HELO name " + ascii::quote(helo_)
                                        : "the sender " + ascii::quote(sender_)) +
           " has no domain name of at least two labels (RFC 7208 section 4.3)";
  const std::size_t last = path_depth_ == 0 ? 0 : path_depth_ - 1;
  const Frame& frame = frames_[last];
  const std::string domain = printable(frame.domain);
  const std::string term = frame.at_redirect
                               ? std::string(frame.record().text(*frame.record().find(TermKind::redirect)))
                           : frame.at_term ? std::string(frame.record().text(frame.term()))
                                           : std::string();
  const std::string place = term.empty() ? "the record of " + domain : term + " in the record of " + domain;
  std::string way;
  for (std::size_t i = 0; i < last; ++i) {
    const Frame& step = frames_[i];
    way += (i == 0 ? ", reached from " + printable(step.domain) + " by " : ", ") +
           std::string(step.at_redirect ? "redirect" : "include");
  }
  const auto limit = [&](unsigned used, unsigned allowed, const char* what) {
    return place + " requires " + std::to_string(used) + " of at most " + std::to_string(allowed) + what +
           " (RFC 7208 section 4.6.4)" + way;
  };
  switch (reason_) {
    case Reason::matched:
      return place + " matches " + client_.format() + way;
    case Reason::no_match:
      return "no mechanism in the record of " + domain + " matches " + client_.format() + way;
    case Reason::no_record:
      return domain + " publishes no SPF record";
    case Reason::several_records:
      return domain + " publishes " + std::to_string(found_) + " SPF records, one is allowed (RFC 7208 section 4.5)" +
             way;
    case Reason::syntax:
      return "the record of " + domain + " is malformed: " + frame.record().faults().front().text + way;
    case Reason::lookup_limit:
      return limit(lookups_, options_.limits.lookups, " DNS lookups");
    case Reason::void_lookup_limit:
      return limit(voids_, options_.limits.void_lookups, " DNS lookups that find nothing");
    case Reason::mx_limit:
      return limit(static_cast<unsigned>(found_), options_.limits.mx_names, " MX names");
    case Reason::include_without_record:
      return place + ": " + ascii::quote(target_) + " has no SPF record (RFC 7208 section 5.2)" + way;
    case Reason::redirect_without_record:
      return place + ": " + ascii::quote(target_) + " has no SPF record (RFC 7208 section 6.1)" + way;
    case Reason::dns_failure:
      return "the DNS did not answer for " + std::string(dns::format(failed_.type)) + " at " + printable(failed_.name) +
             " (" + std::string(dns::format(failure_)) + ")" + way;
    case Reason::unusable_identity:
    case Reason::engine_failure:
      break;
  }
  return std::string(format(reason_));
}

}  // namespace sendconn::spf
