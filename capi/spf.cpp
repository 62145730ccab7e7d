// SPF: checks, and records as people keep them.
#include "capi/spf.hpp"

#include <optional>

#include <sendconn/spf_edit.hpp>
#include <sendconn/spf_received.hpp>

#include "capi/bytes.hpp"
#include "capi/dns.hpp"
#include "capi/resolver.hpp"
#include "capi/time.hpp"

using namespace sendconn;
using namespace sendconn::capi;

struct sendconn_spf_check {
  std::unique_ptr<spf::Check> check;
  bool started = false;
  dns::Question question;  ///< the one handed out last
  std::optional<spf::Outcome> outcome;
  IpAddress client;
  std::string helo;
};

namespace {

constexpr std::uint32_t max_names = 100;  // as spf::Limits has it
/// More lookups for a check than anybody can mean: our own bound.
constexpr std::uint32_t max_lookups = 1000;

void set_limit(unsigned& limit, std::uint32_t given, std::uint32_t most, const char* name) {
  if (given > most)
    refuse(SENDCONN_ERR_INVALID_ARGUMENT,
           std::string(name) + " is " + std::to_string(given) + "; it must be " + std::to_string(most) + " at most");
  if (given != 0) limit = given;
}

sendconn_spf_check& started(sendconn_spf_check& check) {
  if (!check.started) refuse(SENDCONN_ERR_WRONG_STATE, "the check was not started");
  return check;
}

const spf::Outcome& outcome_of(sendconn_spf_check& check) {
  if (!check.started || !check.check->done()) refuse(SENDCONN_ERR_WRONG_STATE, "the check is not done yet");
  if (!check.outcome) check.outcome = check.check->outcome();
  return *check.outcome;
}

std::int32_t severity_of(spf::Severity severity) noexcept {
  switch (severity) {
    case spf::Severity::error:
      return SENDCONN_SEVERITY_ERROR;
    case spf::Severity::warning:
      return SENDCONN_SEVERITY_WARNING;
    case spf::Severity::advice:
      break;
  }
  return SENDCONN_SEVERITY_NOTE;
}

// The numbers of the interface are those of the library.
static_assert(static_cast<int>(spf::Verdict::permerror) == SENDCONN_SPF_PERMERROR);
static_assert(static_cast<int>(spf::Verdict::pass) == SENDCONN_SPF_PASS);
static_assert(static_cast<int>(spf::Reason::dns_failure) == SENDCONN_SPF_DNS_FAILURE);
static_assert(static_cast<int>(spf::Identity::helo) == SENDCONN_SPF_HELO);

}  // namespace

namespace sendconn::capi {

spf::Options spf_options(const sendconn_spf_options& given) {
  spf::Options options;
  const std::string_view receiver = text(given.receiver, given.receiver_len, "receiver");
  if (!receiver.empty()) options.receiver = receiver;
  options.default_explanation = text(given.default_explanation, given.default_explanation_len, "default_explanation");
  if (given.max_explanation_octets != 0) options.limits.explanation_octets = given.max_explanation_octets;
  set_limit(options.limits.lookups, given.max_lookups, max_lookups, "max_lookups");
  set_limit(options.limits.void_lookups, given.max_void_lookups, max_lookups, "max_void_lookups");
  set_limit(options.limits.mx_names, given.max_mx_names, max_names, "max_mx_names");
  set_limit(options.limits.ptr_names, given.max_ptr_names, max_names, "max_ptr_names");
  if (given.no_void_lookups != 0) options.limits.void_lookups = 0;
  if (given.void_by_question != 0) options.limits.void_counting = spf::VoidCounting::by_question;
  options.explanation = given.no_explanation == 0;
  options.trace = given.trace != 0;
  return options;
}

sendconn_spf_outcome to_struct(const spf::Outcome& outcome) {
  auto out = sendconn_initialized<sendconn_spf_outcome>();
  set(&out.text, &out.text_len, outcome.text);
  set(&out.explanation, &out.explanation_len, outcome.explanation);
  set(&out.domain, &out.domain_len, outcome.domain);
  set(&out.sender, &out.sender_len, outcome.sender);
  const bool matched = outcome.reason == spf::Reason::matched && !outcome.path.empty();
  set(&out.matched, &out.matched_len, matched ? std::string_view(outcome.path.back().term) : std::string_view());
  out.ttl = outcome.ttl.count();
  out.verdict = static_cast<std::int32_t>(outcome.verdict);
  out.reason = static_cast<std::int32_t>(outcome.reason);
  out.identity = static_cast<std::int32_t>(outcome.identity);
  out.explained = outcome.explained ? 1 : 0;
  out.lookups = outcome.lookups;
  out.void_lookups = outcome.void_lookups;
  return out;
}

}  // namespace sendconn::capi

const char* sendconn_spf_verdict_text(std::int32_t verdict) noexcept {
  if (verdict < 0 || verdict > SENDCONN_SPF_PERMERROR) return "?";
  return spf::format(static_cast<spf::Verdict>(verdict)).data();
}

const char* sendconn_spf_reason_text(std::int32_t reason) noexcept {
  if (reason < 0 || reason > SENDCONN_SPF_DNS_FAILURE) return "?";
  return spf::format(static_cast<spf::Reason>(reason)).data();
}

sendconn_status sendconn_spf_check_new(sendconn_spf_check** out, const sendconn_spf_options* options,
                                       sendconn_error** error) noexcept {
  return guard(error, [&] {
    Slot slot(out, "out");
    auto handle = std::make_unique<sendconn_spf_check>();
    handle->check = spf::make_check(spf_options(read_or_default(options, "options")));
    slot.set(std::move(handle));
  });
}

sendconn_status sendconn_spf_check_start(sendconn_spf_check* check, const sendconn_spf_request* request,
                                         sendconn_error** error) noexcept {
  return guard(error, [&] {
    sendconn_spf_check& to = need(check, "check");
    const auto given = read(request, "request");
    spf::Request what;
    what.client = take(IpAddress::parse(text(given.client, given.client_len, "client")));
    what.helo = text(given.helo, given.helo_len, "helo");
    what.mail_from = text(given.mail_from, given.mail_from_len, "mail_from");
    what.identity = choice<spf::Identity>(given.identity, SENDCONN_SPF_HELO, "identity");
    what.now = unix_time_of(given.unix_time);
    to.outcome.reset();
    to.started = false;
    to.client = what.client;
    to.helo = what.helo;
    to.check->start(what);
    to.started = true;
  });
}

sendconn_status sendconn_spf_check_next_question(sendconn_dns_question* out, sendconn_spf_check* check,
                                                 sendconn_error** error) noexcept {
  return guard(error, [&] {
    OutStruct slot(out, "out");
    sendconn_spf_check& from = started(need(check, "check"));
    const dns::Question* const question = from.check->next_question();
    if (question != nullptr) from.question = *question;
    fill(slot, question != nullptr ? &from.question : nullptr);
  });
}

sendconn_status sendconn_spf_check_answer(sendconn_spf_check* check, const char* name, std::size_t name_len,
                                          std::uint16_t type, const sendconn_dns_answer* answer,
                                          sendconn_error** error) noexcept {
  return guard(error, [&] { give_answer(*started(need(check, "check")).check, name, name_len, type, answer); });
}

std::int32_t sendconn_spf_check_done(const sendconn_spf_check* check) noexcept {
  return check != nullptr && check->started && check->check->done() ? 1 : 0;
}

sendconn_status sendconn_spf_check_run(sendconn_spf_check* check, sendconn_resolver* resolver,
                                       sendconn_error** error) noexcept {
  return guard(error, [&] {
    spf::Check& machine = *started(need(check, "check")).check;
    run(
        need(resolver, "resolver"), [&] { return machine.next_question(); },
        [&](const dns::Question& question, const dns::Answer& answer) { machine.answer(question, answer); },
        [&] { return machine.done(); });
  });
}

std::int32_t sendconn_spf_check_verdict(const sendconn_spf_check* check) noexcept {
  return sendconn_spf_check_done(check) != 0 ? static_cast<std::int32_t>(check->check->verdict()) : -1;
}

sendconn_status sendconn_spf_check_outcome(sendconn_spf_outcome* out, sendconn_spf_check* check,
                                           sendconn_error** error) noexcept {
  return guard(error, [&] {
    OutStruct slot(out, "out");
    const spf::Outcome& outcome = outcome_of(need(check, "check"));
    sendconn_spf_outcome filled = to_struct(outcome);
    filled.steps = outcome.path.size();
    filled.trace_lines = outcome.trace.size();
    slot.set(filled);
  });
}

sendconn_status sendconn_spf_check_step(sendconn_spf_step* out, const sendconn_spf_check* check, std::size_t index,
                                        sendconn_error** error) noexcept {
  return guard(error, [&] {
    OutStruct slot(out, "out");
    const auto& outcome = need(check, "check").outcome;
    if (!outcome) refuse(SENDCONN_ERR_WRONG_STATE, "sendconn_spf_check_outcome() comes first");
    if (index >= outcome->path.size()) refuse(SENDCONN_ERR_NOT_FOUND, "there is no step of this index");
    const spf::Step& step = outcome->path[index];
    auto filled = sendconn_initialized<sendconn_spf_step>();
    capi::set(&filled.domain, &filled.domain_len, step.domain);
    capi::set(&filled.term, &filled.term_len, step.term);
    filled.position = step.position;
    slot.set(filled);
  });
}

const char* sendconn_spf_check_trace(std::size_t* len, std::uint32_t* depth, const sendconn_spf_check* check,
                                     std::size_t index) noexcept {
  if (check == nullptr || !check->outcome || index >= check->outcome->trace.size()) return give_nothing(len);
  const spf::TraceLine& line = check->outcome->trace[index];
  if (depth != nullptr) *depth = line.depth;
  return give(len, line.text);
}

sendconn_status sendconn_spf_check_received(sendconn_bytes** out, sendconn_spf_check* check, const char* receiver,
                                            std::size_t receiver_len, sendconn_error** error) noexcept {
  return guard(error, [&] {
    Slot slot(out, "out");
    sendconn_spf_check& from = need(check, "check");
    const std::string_view host = text(receiver, receiver_len, "receiver");
    slot.set(make_bytes(spf::format(spf::to_received(outcome_of(from), from.client, from.helo, host))));
  });
}

void sendconn_spf_check_free(sendconn_spf_check* check) noexcept { delete check; }

sendconn_status sendconn_spf_lint(sendconn_findings** out, const char* record, std::size_t record_len,
                                  sendconn_error** error) noexcept {
  return guard(error, [&] {
    Slot slot(out, "out");
    auto findings = std::make_unique<sendconn_findings>();
    for (const spf::Finding& finding : spf::lint(text(record, record_len, "record")))
      findings->findings.push_back(
          {std::string(finding.code), finding.text, finding.position, finding.octets, severity_of(finding.severity)});
    slot.set(std::move(findings));
  });
}

sendconn_status sendconn_spf_add_term(sendconn_bytes** out, const char* record, std::size_t record_len,
                                      const char* term, std::size_t term_len, sendconn_error** error) noexcept {
  return guard(error, [&] {
    Slot slot(out, "out");
    slot.set(make_bytes(take(spf::add_term(text(record, record_len, "record"), text(term, term_len, "term")))));
  });
}

sendconn_status sendconn_spf_remove_term(sendconn_bytes** out, const char* record, std::size_t record_len,
                                         const char* term, std::size_t term_len, sendconn_error** error) noexcept {
  return guard(error, [&] {
    Slot slot(out, "out");
    slot.set(make_bytes(take(spf::remove_term(text(record, record_len, "record"), text(term, term_len, "term")))));
  });
}
