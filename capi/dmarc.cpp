// DMARC: the check of facts that others found, and the lint of records.
#include "capi/dmarc.hpp"

#include <algorithm>
#include <optional>

#include "capi/bytes.hpp"
#include "capi/dns.hpp"
#include "capi/resolver.hpp"

using namespace sendconn;
using namespace sendconn::capi;

/// The machine is made from all facts at once: when it is first asked.
struct sendconn_dmarc_check {
  dmarc::Options options;
  dmarc::Facts facts;
  std::optional<dmarc::Check> check;
  Questions questions;
  std::optional<DmarcView> view;
};

namespace {

sendconn_dmarc_check& with_facts_open(sendconn_dmarc_check* check) {
  sendconn_dmarc_check& open = need(check, "check");
  if (open.check) refuse(SENDCONN_ERR_WRONG_STATE, "the facts were complete with the first question");
  return open;
}

dmarc::Check& started(sendconn_dmarc_check& check) {
  if (!check.check) check.check.emplace(check.facts, check.options);
  return *check.check;
}

dmarc::Evidence evidence_of(std::int32_t evidence) {
  return choice<dmarc::Evidence>(evidence, SENDCONN_DMARC_EVIDENCE_TEMPERROR, "evidence");
}

Domain domain_of(const char* domain, std::size_t size) { return take(Domain::parse(text(domain, size, "domain"))); }

std::int32_t severity_of(dmarc::Severity severity) noexcept {
  switch (severity) {
    case dmarc::Severity::error:
      return SENDCONN_SEVERITY_ERROR;
    case dmarc::Severity::warning:
      return SENDCONN_SEVERITY_WARNING;
    case dmarc::Severity::note:
      break;
  }
  return SENDCONN_SEVERITY_NOTE;
}

/// The best of the signatures' alignments.
std::int32_t best(const std::vector<dmarc::Alignment>& alignments) noexcept {
  for (const auto wanted :
       {dmarc::Alignment::strict, dmarc::Alignment::relaxed, dmarc::Alignment::unknown, dmarc::Alignment::unchecked})
    if (std::find(alignments.begin(), alignments.end(), wanted) != alignments.end())
      return static_cast<std::int32_t>(wanted);
  return SENDCONN_DMARC_ALIGNED_NOT;
}

std::string_view text_of(const std::optional<Domain>& domain) noexcept {
  return domain ? std::string_view(domain->text()) : std::string_view();
}

// The numbers of the interface are those of the library.
static_assert(static_cast<int>(dmarc::Verdict::permanent_error) == SENDCONN_DMARC_PERMERROR);
static_assert(static_cast<int>(dmarc::Policy::reject) == SENDCONN_DMARC_POLICY_REJECT);
static_assert(static_cast<int>(dmarc::Alignment::unchecked) == SENDCONN_DMARC_ALIGNED_UNCHECKED);
static_assert(static_cast<int>(dmarc::Evidence::temporary_failure) == SENDCONN_DMARC_EVIDENCE_TEMPERROR);

}  // namespace

namespace sendconn::capi {

dmarc::Options dmarc_options(const sendconn_dmarc_options& given) {
  dmarc::Options options;
  if (given.max_authors != 0) options.max_authors = given.max_authors;
  if (given.max_walks != 0) options.max_walks = given.max_walks;
  if (given.check_each_author != 0) options.several_authors = dmarc::SeveralAuthors::check_each;
  return options;
}

void fill(OutStruct<sendconn_dmarc_outcome>& slot, const DmarcView& view) {
  const dmarc::Outcome& outcome = *view.outcome;
  auto out = sendconn_initialized<sendconn_dmarc_outcome>();
  set(&out.reason, &out.reason_len, outcome.reason);
  set(&out.author, &out.author_len, text_of(outcome.author));
  set(&out.organizational_domain, &out.organizational_domain_len, text_of(outcome.organizational_domain));
  set(&out.policy_domain, &out.policy_domain_len, text_of(outcome.policy_domain));
  set(&out.record, &out.record_len, view.record);
  out.verdict = static_cast<std::int32_t>(outcome.verdict);
  out.published = static_cast<std::int32_t>(outcome.published);
  out.policy = static_cast<std::int32_t>(outcome.policy);
  out.spf = static_cast<std::int32_t>(outcome.spf);
  out.dkim = best(outcome.dkim);
  out.testing = outcome.record && outcome.record->testing ? 1 : 0;
  slot.set(out);
}

}  // namespace sendconn::capi

const char* sendconn_dmarc_verdict_text(std::int32_t verdict) noexcept {
  if (verdict < 0 || verdict > SENDCONN_DMARC_PERMERROR) return "?";
  return dmarc::format(static_cast<dmarc::Verdict>(verdict)).data();
}

const char* sendconn_dmarc_policy_text(std::int32_t policy) noexcept {
  if (policy < 0 || policy > SENDCONN_DMARC_POLICY_REJECT) return "?";
  return dmarc::format(static_cast<dmarc::Policy>(policy)).data();
}

sendconn_status sendconn_dmarc_check_new(sendconn_dmarc_check** out, const sendconn_dmarc_options* options,
                                         sendconn_error** error) noexcept {
  return guard(error, [&] {
    Slot slot(out, "out");
    auto handle = std::make_unique<sendconn_dmarc_check>();
    handle->options = dmarc_options(read_or_default(options, "options"));
    slot.set(std::move(handle));
  });
}

sendconn_status sendconn_dmarc_check_add_author(sendconn_dmarc_check* check, const char* domain, std::size_t domain_len,
                                                sendconn_error** error) noexcept {
  return guard(error, [&] {
    auto& authors = with_facts_open(check).facts.authors;
    Domain author = domain_of(domain, domain_len);
    if (std::find(authors.begin(), authors.end(), author) == authors.end()) authors.push_back(std::move(author));
  });
}

sendconn_status sendconn_dmarc_check_set_spf(sendconn_dmarc_check* check, std::int32_t evidence, const char* domain,
                                             std::size_t domain_len, sendconn_error** error) noexcept {
  return guard(error, [&] {
    sendconn_dmarc_check& to = with_facts_open(check);
    to.facts.spf = dmarc::SpfFact{evidence_of(evidence), domain_of(domain, domain_len)};
  });
}

sendconn_status sendconn_dmarc_check_add_dkim(sendconn_dmarc_check* check, std::int32_t evidence, const char* domain,
                                              std::size_t domain_len, sendconn_error** error) noexcept {
  return guard(error, [&] {
    sendconn_dmarc_check& to = with_facts_open(check);
    to.facts.dkim.push_back(dmarc::DkimFact{evidence_of(evidence), domain_of(domain, domain_len)});
  });
}

sendconn_status sendconn_dmarc_check_next_question(sendconn_dns_question* out, sendconn_dmarc_check* check,
                                                   sendconn_error** error) noexcept {
  return guard(error, [&] {
    OutStruct slot(out, "out");
    sendconn_dmarc_check& from = need(check, "check");
    fill(slot, from.questions.next(started(from)));
  });
}

sendconn_status sendconn_dmarc_check_answer(sendconn_dmarc_check* check, const char* name, std::size_t name_len,
                                            std::uint16_t type, const sendconn_dns_answer* answer,
                                            sendconn_error** error) noexcept {
  return guard(error, [&] { give_answer(started(need(check, "check")), name, name_len, type, answer); });
}

std::int32_t sendconn_dmarc_check_done(const sendconn_dmarc_check* check) noexcept {
  return check != nullptr && check->check && check->check->done() ? 1 : 0;
}

sendconn_status sendconn_dmarc_check_run(sendconn_dmarc_check* check, sendconn_resolver* resolver,
                                         sendconn_error** error) noexcept {
  return guard(error, [&] {
    sendconn_dmarc_check& machine = need(check, "check");
    run(need(resolver, "resolver"), machine.questions, started(machine));
  });
}

sendconn_status sendconn_dmarc_check_outcome(sendconn_dmarc_outcome* out, sendconn_dmarc_check* check,
                                             sendconn_error** error) noexcept {
  return guard(error, [&] {
    OutStruct slot(out, "out");
    sendconn_dmarc_check& from = need(check, "check");
    if (sendconn_dmarc_check_done(check) == 0) refuse(SENDCONN_ERR_WRONG_STATE, "the check is not done yet");
    if (!from.view) from.view.emplace(from.check->outcome());
    fill(slot, *from.view);
  });
}

void sendconn_dmarc_check_free(sendconn_dmarc_check* check) noexcept { delete check; }

sendconn_status sendconn_dmarc_lint(sendconn_findings** out, const char* record, std::size_t record_len,
                                    sendconn_error** error) noexcept {
  return guard(error, [&] {
    Slot slot(out, "out");
    auto findings = std::make_unique<sendconn_findings>();
    for (const dmarc::Finding& finding : dmarc::lint(text(record, record_len, "record")))
      findings->findings.push_back({"", finding.text, finding.position, finding.length, severity_of(finding.severity)});
    slot.set(std::move(findings));
  });
}
