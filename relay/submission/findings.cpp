#include "relay/submission/findings.hpp"

#include <sendconn/spf_received.hpp>

#include <algorithm>
#include <utility>
#include <vector>

namespace sendconn::relay {
namespace {

/// Of a stranger's text in a reply or a line of the log. Our own bound: a sentence or two.
constexpr std::size_t max_quoted_octets = 300;

std::string shorten(std::string_view text) {
  if (text.size() <= max_quoted_octets) return std::string(text);
  return std::string(text.substr(0, max_quoted_octets)) + "...";
}

std::string with_reason(std::string_view verdict, std::string_view reason) {
  return std::string(verdict) + (reason.empty() ? "" : ": " + shorten(reason));
}

bool is_author(const authenticate::Results& results, const std::string& signer) {
  const auto domain = Domain::parse(signer);
  return domain && std::any_of(results.authors.begin(), results.authors.end(),
                               [&domain](const Domain& author) { return author.is_within(*domain); });
}

DkimFinding finding_of(dkim::Verdict verdict) noexcept {
  switch (verdict) {
    case dkim::Verdict::pass:
      return DkimFinding::pass;
    case dkim::Verdict::fail:
      return DkimFinding::fail;
    case dkim::Verdict::policy:
      return DkimFinding::policy;
    case dkim::Verdict::neutral:
      return DkimFinding::neutral;
    case dkim::Verdict::temperror:
      return DkimFinding::temperror;
    case dkim::Verdict::permerror:
      return DkimFinding::permerror;
  }
  return DkimFinding::fail;
}

/// The action for what DMARC found: an owner's wish is the owner's word for it.
CheckAction resolve(CheckAction action, dmarc::Policy policy) noexcept {
  if (action != CheckAction::policy) return action;
  switch (policy) {
    case dmarc::Policy::none:
      return CheckAction::tag;
    case dmarc::Policy::quarantine:
      return CheckAction::quarantine;
    case dmarc::Policy::reject:
      return CheckAction::reject;
  }
  return CheckAction::tag;
}

Reply refuse_spf(const spf::Outcome& outcome) {
  if (outcome.verdict == spf::Verdict::temperror)  // RFC 7208 section 8.6
    return {451, {4, 7, 24}, "SPF cannot be checked just now: " + shorten(outcome.text)};
  if (outcome.verdict == spf::Verdict::permerror)  // RFC 7208 section 8.7
    return {550, {5, 7, 24}, "the SPF record of the sender is faulty: " + shorten(outcome.text)};
  std::string text = shorten(outcome.text);
  // RFC 7208 section 8.4: who reads it must see that the words are not ours.
  if (!outcome.explanation.empty())
    text +=
        (outcome.explained ? "\nThe domain " + outcome.domain + " explains: " : "\n") + shorten(outcome.explanation);
  return {550, {5, 7, 23}, "SPF does not let this client send for the sender: " + text};
}

Reply refuse_dkim(DkimFinding finding, const std::string& reason) {
  switch (finding) {
    case DkimFinding::temperror:
      return {451, {4, 7, 20}, "DKIM cannot be checked just now: " + reason};
    case DkimFinding::foreign:
      return {550, {5, 7, 22}, "no DKIM signature of the author's domain: " + reason};
    case DkimFinding::policy:
      return {550, {5, 7, 21}, "no acceptable DKIM signature: " + reason};
    default:
      return {550, {5, 7, 20}, "no DKIM signature that passes: " + reason};
  }
}

Reply refuse_dmarc(const dmarc::Outcome& outcome) {
  const std::string reason = shorten(outcome.reason);
  switch (outcome.verdict) {
    case dmarc::Verdict::temporary_error:
      return {451, {4, 7, 26}, "DMARC cannot be checked just now: " + reason};
    case dmarc::Verdict::fail:
      return {550, {5, 7, 26}, "DMARC: neither SPF nor DKIM proves the author's domain: " + reason};
    default:
      return {550, {5, 7, 26}, "DMARC: nothing proves the author: " + reason};
  }
}

/// Why the first signature did not pass, or who signed.
std::string dkim_reason(const authenticate::Results& results, DkimFinding finding) {
  if (finding == DkimFinding::none) return results.problem.empty() ? "the message has none" : shorten(results.problem);
  for (const dkim::SignatureResult& signature : results.dkim) {
    if (finding_of(signature.verdict) != finding && !signature.explanation.empty()) continue;
    if (signature.verdict == dkim::Verdict::pass) {
      if (finding == DkimFinding::pass && !is_author(results, signature.domain)) continue;
      return "signed by " + shorten(signature.domain);
    }
    return shorten(signature.domain + (signature.domain.empty() ? "" : ": ") + signature.explanation);
  }
  return {};
}

/// Every method with what it found and what follows.
struct Judged {
  std::string_view method;
  std::string_view verdict;
  CheckAction action;
};

std::string_view name_of(CheckAction action, bool temporary) noexcept {
  switch (action) {
    case CheckAction::record:
      return "record";
    case CheckAction::tag:
    case CheckAction::policy:
      return "tag";
    case CheckAction::quarantine:
      return "quarantine";
    case CheckAction::reject:
      return temporary ? "defer" : "reject";
  }
  return "record";
}

std::string format_fields(const authenticate::Results& results, const FindingsContext& context,
                          const std::vector<Judged>& judged) {
  std::string out;
  authres::Results field = authenticate::to_authres(results, context.config.authserv_id);
  std::erase_if(field.statements, [&judged](const authres::Statement& statement) {
    return std::any_of(judged.begin(), judged.end(), [&statement](const Judged& it) {
      return it.method == statement.method && it.action == CheckAction::record;
    });
  });
  if (!field.statements.empty()) {
    if (const auto text = authres::format(field)) out += *text;
  }
  if (judged.front().action != CheckAction::record)
    out += spf::format(spf::to_received(results.spf, context.client, context.hello, context.config.hostname));
  std::string reasons;
  for (const Judged& it : judged) {
    if (it.action != CheckAction::quarantine) continue;
    reasons += (reasons.empty() ? "" : ", ") + std::string(it.method) + "=" + std::string(it.verdict);
  }
  if (!reasons.empty()) out += context.config.quarantine_field + ": " + reasons + "\r\n";
  return out;
}

/// One refusal out of several: a final one first, since waiting does not mend it.
std::optional<Reply> join(const std::vector<Reply>& refusals) {
  const auto is_final = [](const Reply& it) { return it.permanent(); };
  const auto first = std::find_if(refusals.begin(), refusals.end(), is_final);
  if (first == refusals.end()) return refusals.empty() ? std::nullopt : std::optional<Reply>(refusals.front());
  if (std::find_if(first + 1, refusals.end(), is_final) == refusals.end()) return *first;
  std::string text;
  for (const Reply& it : refusals) {
    if (is_final(it)) text += (text.empty() ? "" : "\n") + it.text;
  }
  return Reply{550, {5, 7, 26}, "more than one check of the sender failed: " + text};
}

}  // namespace

std::string_view format(DkimFinding finding) noexcept {
  switch (finding) {
    case DkimFinding::pass:
      return "pass";
    case DkimFinding::foreign:
      return "foreign";
    case DkimFinding::none:
      return "none";
    case DkimFinding::fail:
      return "fail";
    case DkimFinding::policy:
      return "policy";
    case DkimFinding::neutral:
      return "neutral";
    case DkimFinding::temperror:
      return "temperror";
    case DkimFinding::permerror:
      return "permerror";
  }
  return "";
}

DkimFinding dkim_finding(const authenticate::Results& results) {
  if (results.dkim.empty()) return DkimFinding::none;
  bool foreign = false;
  bool temporary = false;
  for (const dkim::SignatureResult& signature : results.dkim) {
    if (signature.verdict == dkim::Verdict::temperror) temporary = true;
    if (signature.verdict != dkim::Verdict::pass) continue;
    if (is_author(results, signature.domain)) return DkimFinding::pass;
    foreign = true;
  }
  if (foreign) return DkimFinding::foreign;
  return temporary ? DkimFinding::temperror : finding_of(results.dkim.front().verdict);
}

Findings judge(const authenticate::Results& results, const FindingsContext& context) {
  const CheckActions& actions = context.actions;
  const DkimFinding signature = dkim_finding(results);
  const std::string signature_reason = dkim_reason(results, signature);
  const std::vector<Judged> judged = {
      {"spf", spf::format(results.spf.verdict), actions.spf[static_cast<std::size_t>(results.spf.verdict)]},
      {"dkim", format(signature), actions.dkim[static_cast<std::size_t>(signature)]},
      {"dmarc", dmarc::format(results.dmarc.verdict),
       resolve(actions.dmarc[static_cast<std::size_t>(results.dmarc.verdict)], results.dmarc.policy)}};

  Findings findings;
  std::vector<Reply> refusals;
  if (judged[0].action == CheckAction::reject) refusals.push_back(refuse_spf(results.spf));
  if (judged[1].action == CheckAction::reject) refusals.push_back(refuse_dkim(signature, signature_reason));
  if (judged[2].action == CheckAction::reject) refusals.push_back(refuse_dmarc(results.dmarc));
  findings.refusal = join(refusals);
  if (!findings.refusal) findings.fields = format_fields(results, context, judged);
  findings.sender_proven = !results.null_sender && results.spf.verdict == spf::Verdict::pass;

  const bool passed = results.spf.verdict == spf::Verdict::pass;
  findings.spf = with_reason(judged[0].verdict, passed ? std::string_view() : results.spf.text);
  if (results.helo) findings.helo = std::string(spf::format(results.helo->verdict));
  findings.dkim = with_reason(judged[1].verdict, signature_reason);
  findings.dmarc = with_reason(judged[2].verdict, results.dmarc.reason);
  const auto strongest = std::max_element(judged.begin(), judged.end(),
                                          [](const Judged& a, const Judged& b) { return a.action < b.action; });
  findings.action = std::string(name_of(strongest->action, findings.refusal && findings.refusal->temporary()));
  return findings;
}

}  // namespace sendconn::relay
