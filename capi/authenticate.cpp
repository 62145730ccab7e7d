// The authentication of a whole message.
#include <sendconn/authenticate.hpp>

#include <optional>

#include "capi/bytes.hpp"
#include "capi/dkim_verify.hpp"
#include "capi/dmarc.hpp"
#include "capi/dns.hpp"
#include "capi/resolver.hpp"
#include "capi/spf.hpp"
#include "capi/time.hpp"

using namespace sendconn;
using namespace sendconn::capi;

struct sendconn_authenticate {
  sendconn_authenticate(const authenticate::Envelope& envelope, const authenticate::Options& options)
      : check(envelope, options) {}
  authenticate::Check check;
  Questions questions;
  bool finished = false;
  mutable std::optional<DmarcView> dmarc;
};

namespace {

const authenticate::Results& results_of(const sendconn_authenticate* check) {
  const sendconn_authenticate& from = need(check, "check");
  if (!from.check.done()) refuse(SENDCONN_ERR_WRONG_STATE, "the check is not done yet");
  return from.check.results();
}

/// A pass if there is one, else what the first one says.
std::int32_t best(const std::vector<dkim::SignatureResult>& signatures) noexcept {
  if (signatures.empty()) return -1;
  for (const dkim::SignatureResult& signature : signatures)
    if (signature.verdict == dkim::Verdict::pass) return SENDCONN_DKIM_PASS;
  return static_cast<std::int32_t>(signatures.front().verdict);
}

}  // namespace

sendconn_status sendconn_authenticate_new(sendconn_authenticate** out, const sendconn_authenticate_options* options,
                                          sendconn_error** error) noexcept {
  return guard(error, [&] {
    Slot slot(out, "out");
    const auto given = read(options, "options");
    authenticate::Envelope envelope;
    envelope.client = take(IpAddress::parse(text(given.client, given.client_len, "client")));
    envelope.helo = text(given.helo, given.helo_len, "helo");
    envelope.mail_from = text(given.mail_from, given.mail_from_len, "mail_from");
    envelope.now = unix_time_of(given.unix_time);
    const dkim::VerifyOptions verify = verify_options(read_or_default(given.dkim, "dkim"), given.keys);
    authenticate::Options parts;
    parts.spf = spf_options(read_or_default(given.spf, "spf"));
    parts.dkim = verify.policy;
    parts.keys = verify.keys;
    parts.dmarc = dmarc_options(read_or_default(given.dmarc, "dmarc"));
    slot.set(std::make_unique<sendconn_authenticate>(envelope, parts));
  });
}

sendconn_status sendconn_authenticate_update(sendconn_authenticate* check, const char* piece, std::size_t piece_len,
                                             sendconn_error** error) noexcept {
  return guard(error, [&] { need(check, "check").check.update(text(piece, piece_len, "piece")); });
}

sendconn_status sendconn_authenticate_finish(sendconn_authenticate* check, sendconn_error** error) noexcept {
  return guard(error, [&] {
    need(check, "check").check.finish();
    check->finished = true;
  });
}

sendconn_status sendconn_authenticate_next_question(sendconn_dns_question* out, sendconn_authenticate* check,
                                                    sendconn_error** error) noexcept {
  return guard(error, [&] {
    OutStruct slot(out, "out");
    sendconn_authenticate& from = need(check, "check");
    fill(slot, from.questions.next(from.check));
  });
}

sendconn_status sendconn_authenticate_answer(sendconn_authenticate* check, const char* name, std::size_t name_len,
                                             std::uint16_t type, const sendconn_dns_answer* answer,
                                             sendconn_error** error) noexcept {
  return guard(error, [&] { give_answer(need(check, "check").check, name, name_len, type, answer); });
}

sendconn_status sendconn_authenticate_give_up(sendconn_authenticate* check, sendconn_error** error) noexcept {
  return guard(error, [&] { need(check, "check").check.give_up(); });
}

std::int32_t sendconn_authenticate_done(const sendconn_authenticate* check) noexcept {
  return check != nullptr && check->check.done() ? 1 : 0;
}

sendconn_status sendconn_authenticate_run(sendconn_authenticate* check, sendconn_resolver* resolver,
                                          sendconn_error** error) noexcept {
  return guard(error, [&] {
    sendconn_authenticate& machine = need(check, "check");
    sendconn_resolver& from = need(resolver, "resolver");
    if (!machine.finished) refuse(SENDCONN_ERR_WRONG_STATE, "the message has not ended: call finish() first");
    run(from, machine.questions, machine.check);
  });
}

sendconn_status sendconn_authenticate_get(sendconn_authenticate_results* out, const sendconn_authenticate* check,
                                          sendconn_error** error) noexcept {
  return guard(error, [&] {
    OutStruct slot(out, "out");
    const authenticate::Results& results = results_of(check);
    auto filled = sendconn_initialized<sendconn_authenticate_results>();
    capi::set(&filled.problem, &filled.problem_len, results.problem);
    filled.signatures = results.dkim.size();
    filled.authors = results.authors.size();
    filled.spf = static_cast<std::int32_t>(results.spf.verdict);
    filled.helo = results.helo ? static_cast<std::int32_t>(results.helo->verdict) : -1;
    filled.dkim = best(results.dkim);
    filled.dmarc = static_cast<std::int32_t>(results.dmarc.verdict);
    filled.policy = static_cast<std::int32_t>(results.dmarc.policy);
    filled.null_sender = results.null_sender ? 1 : 0;
    slot.set(filled);
  });
}

sendconn_status sendconn_authenticate_spf(sendconn_spf_outcome* out, const sendconn_authenticate* check,
                                          std::int32_t identity, sendconn_error** error) noexcept {
  return guard(error, [&] {
    OutStruct slot(out, "out");
    const authenticate::Results& results = results_of(check);
    if (choice(identity, SENDCONN_SPF_HELO, "identity") == SENDCONN_SPF_MAIL_FROM) {
      slot.set(to_struct(results.spf));
    } else {
      if (!results.helo)
        refuse(SENDCONN_ERR_NOT_FOUND, "with a null reverse-path HELO is what the other identity says");
      slot.set(to_struct(*results.helo));
    }
  });
}

sendconn_status sendconn_authenticate_dkim(sendconn_dkim_result* out, const sendconn_authenticate* check,
                                           std::size_t index, sendconn_error** error) noexcept {
  return guard(error, [&] {
    OutStruct slot(out, "out");
    const auto& signatures = results_of(check).dkim;
    if (index >= signatures.size()) refuse(SENDCONN_ERR_NOT_FOUND, "the message has no signature of this index");
    fill(slot, signatures[index]);
  });
}

sendconn_status sendconn_authenticate_dmarc(sendconn_dmarc_outcome* out, const sendconn_authenticate* check,
                                            sendconn_error** error) noexcept {
  return guard(error, [&] {
    OutStruct slot(out, "out");
    const authenticate::Results& results = results_of(check);
    if (!check->dmarc) check->dmarc.emplace(results.dmarc);
    fill(slot, *check->dmarc);
  });
}

sendconn_status sendconn_authenticate_format(sendconn_bytes** out, const sendconn_authenticate* check, const char* id,
                                             std::size_t id_len, sendconn_error** error) noexcept {
  return guard(error, [&] {
    Slot slot(out, "out");
    const authenticate::Results& results = results_of(check);
    const auto statements = authenticate::to_authres(results, std::string(text(id, id_len, "id")));
    slot.set(make_bytes(take(authres::format(statements))));
  });
}

void sendconn_authenticate_free(sendconn_authenticate* check) noexcept { delete check; }
