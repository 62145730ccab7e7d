// Proof of domain ownership.
#include <sendconn/ownership.hpp>

#include <sendconn/crypto.hpp>

#include "capi/bytes.hpp"
#include "capi/dns.hpp"
#include "capi/resolver.hpp"

using namespace sendconn;
using namespace sendconn::capi;

struct sendconn_ownership_check {
  explicit sendconn_ownership_check(const ownership::Challenge& what) : challenge(what), check(what) {}
  ownership::Challenge challenge;
  ownership::Check check;
  Questions questions;
};

static_assert(static_cast<int>(ownership::Verdict::temporary_failure) == SENDCONN_OWNERSHIP_TEMPERROR);

sendconn_status sendconn_ownership_token(sendconn_bytes** out, sendconn_error** error) noexcept {
  return guard(error, [&] {
    Slot slot(out, "out");
    slot.set(make_bytes(take(ownership::Token::from_random(crypto::random_octets(ownership::Token::octets))).text()));
  });
}

const char* sendconn_ownership_verdict_text(std::int32_t verdict) noexcept {
  if (verdict < 0 || verdict > SENDCONN_OWNERSHIP_TEMPERROR) return "?";
  return ownership::format(static_cast<ownership::Verdict>(verdict)).data();
}

sendconn_status sendconn_ownership_check_new(sendconn_ownership_check** out, const char* provider,
                                             std::size_t provider_len, const char* domain, std::size_t domain_len,
                                             const char* token, std::size_t token_len,
                                             sendconn_error** error) noexcept {
  return guard(error, [&] {
    Slot slot(out, "out");
    std::string name(text(provider, provider_len, "provider"));
    Domain of = take(Domain::parse(text(domain, domain_len, "domain")));
    ownership::Token proof = take(ownership::Token::parse(text(token, token_len, "token")));
    slot.set(std::make_unique<sendconn_ownership_check>(
        take(ownership::Challenge::of(std::move(name), std::move(of), std::move(proof)))));
  });
}

sendconn_status sendconn_ownership_check_record(sendconn_bytes** name, sendconn_bytes** data,
                                                const sendconn_ownership_check* check, std::int32_t place,
                                                sendconn_error** error) noexcept {
  return guard(error, [&] {
    const ownership::Challenge& challenge = need(check, "check").challenge;
    const int where = choice(place, SENDCONN_OWNERSHIP_APEX, "place");
    ownership::Record record = where == SENDCONN_OWNERSHIP_LABEL  ? challenge.at_label()
                               : where == SENDCONN_OWNERSHIP_APEX ? challenge.at_apex()
                                                                  : challenge.to_publish();
    auto first = make_bytes(std::move(record.name));
    auto second = make_bytes(std::move(record.text));
    if (name != nullptr) *name = first.release();
    if (data != nullptr) *data = second.release();
  });
}

sendconn_status sendconn_ownership_check_next_question(sendconn_dns_question* out, sendconn_ownership_check* check,
                                                       sendconn_error** error) noexcept {
  return guard(error, [&] {
    OutStruct slot(out, "out");
    sendconn_ownership_check& from = need(check, "check");
    fill(slot, from.questions.next(from.check));
  });
}

sendconn_status sendconn_ownership_check_answer(sendconn_ownership_check* check, const char* name, std::size_t name_len,
                                                std::uint16_t type, const sendconn_dns_answer* answer,
                                                sendconn_error** error) noexcept {
  return guard(error, [&] { give_answer(need(check, "check").check, name, name_len, type, answer); });
}

std::int32_t sendconn_ownership_check_done(const sendconn_ownership_check* check) noexcept {
  return check != nullptr && check->check.done() ? 1 : 0;
}

sendconn_status sendconn_ownership_check_run(sendconn_ownership_check* check, sendconn_resolver* resolver,
                                             sendconn_error** error) noexcept {
  return guard(error, [&] {
    sendconn_ownership_check& machine = need(check, "check");
    run(need(resolver, "resolver"), machine.questions, machine.check);
  });
}

sendconn_status sendconn_ownership_check_outcome(sendconn_ownership_outcome* out, const sendconn_ownership_check* check,
                                                 sendconn_error** error) noexcept {
  return guard(error, [&] {
    OutStruct slot(out, "out");
    const sendconn_ownership_check& from = need(check, "check");
    if (!from.check.done()) refuse(SENDCONN_ERR_WRONG_STATE, "the check is not done yet");
    const ownership::Outcome& outcome = from.check.outcome();
    auto filled = sendconn_initialized<sendconn_ownership_outcome>();
    capi::set(&filled.where, &filled.where_len, outcome.where);
    capi::set(&filled.explanation, &filled.explanation_len, outcome.explanation);
    filled.verdict = static_cast<std::int32_t>(outcome.verdict);
    slot.set(filled);
  });
}

void sendconn_ownership_check_free(sendconn_ownership_check* check) noexcept { delete check; }
