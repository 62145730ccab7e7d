// DKIM verification.
#include "capi/dkim_verify.hpp"

#include "capi/dns.hpp"
#include "capi/resolver.hpp"
#include "capi/time.hpp"

using namespace sendconn;
using namespace sendconn::capi;

struct sendconn_dkim_verifier {
  explicit sendconn_dkim_verifier(const dkim::VerifyOptions& options) : verifier(options) {}
  dkim::Verifier verifier;
  Questions questions;
  bool finished = false;
};

namespace {

constexpr std::int64_t max_skew = std::int64_t{1} << 32U;  // more than a century: our own bound

dkim::VerifyPolicy policy_of(const sendconn_dkim_verify_options& given) {
  dkim::VerifyPolicy policy = given.legacy != 0 ? dkim::VerifyPolicy::legacy() : dkim::VerifyPolicy{};
  if (given.allow_sha1 != 0) policy.allow_sha1 = true;
  if (given.min_rsa_bits != 0) policy.min_rsa_bits = given.min_rsa_bits;
  if (given.max_rsa_bits > crypto::PublicKey::max_rsa_bits)
    refuse(SENDCONN_ERR_INVALID_ARGUMENT, "max_rsa_bits is " + std::to_string(given.max_rsa_bits) + "; it must be " +
                                              std::to_string(crypto::PublicKey::max_rsa_bits) + " at most");
  if (given.max_rsa_bits != 0) policy.max_rsa_bits = given.max_rsa_bits;
  if (given.max_signatures != 0) policy.max_signatures = given.max_signatures;
  policy.body_length = choice<dkim::BodyLength>(given.body_length, SENDCONN_DKIM_LENGTH_REFUSE, "body_length");
  if (given.accept_expired != 0) policy.refuse_expired = false;
  if (given.refuse_future != 0) policy.refuse_future = true;
  if (given.clock_skew > max_skew) refuse(SENDCONN_ERR_INVALID_ARGUMENT, "clock_skew is longer than a century");
  if (given.clock_skew != 0) policy.clock_skew = std::chrono::seconds(std::max<std::int64_t>(given.clock_skew, 0));
  if (given.accept_from_not_signed != 0) policy.require_from = false;
  if (given.refuse_unsigned_from != 0) policy.refuse_unsigned_from = true;
  if (given.allow_drafts != 0) policy.allow_drafts = true;
  return policy;
}

std::int32_t number_of(dkim::Canonicalization canonicalization) noexcept {
  return canonicalization == dkim::Canonicalization::simple ? SENDCONN_DKIM_SIMPLE : SENDCONN_DKIM_RELAXED;
}

std::int64_t seconds_of(const std::optional<UnixTime>& time) noexcept {
  return time ? time->time_since_epoch().count() : -1;
}

// The numbers of the interface are those of the library.
static_assert(static_cast<int>(dkim::Verdict::permerror) == SENDCONN_DKIM_PERMERROR);
static_assert(static_cast<int>(dkim::Reason::too_many_signatures) == SENDCONN_DKIM_TOO_MANY_SIGNATURES);
static_assert(static_cast<int>(dkim::Reason::key_unavailable) == SENDCONN_DKIM_KEY_UNAVAILABLE);
static_assert(static_cast<int>(dkim::Reason::signature_differs) == SENDCONN_DKIM_SIGNATURE_DIFFERS);
static_assert(static_cast<int>(dkim::BodyLength::refuse) == SENDCONN_DKIM_LENGTH_REFUSE);

}  // namespace

namespace sendconn::capi {

dkim::VerifyOptions verify_options(const sendconn_dkim_verify_options& given, const sendconn_dkim_key_cache* keys) {
  dkim::VerifyOptions options;
  options.policy = policy_of(given);
  if (given.max_key_records != 0) options.max_key_records = given.max_key_records;
  if (keys != nullptr) options.keys = keys->cache;
  return options;
}

void fill(OutStruct<sendconn_dkim_result>& slot, const dkim::SignatureResult& result) {
  auto out = sendconn_initialized<sendconn_dkim_result>();
  set(&out.explanation, &out.explanation_len, result.explanation);
  set(&out.domain, &out.domain_len, result.domain);
  set(&out.selector, &out.selector_len, result.selector);
  set(&out.identity, &out.identity_len, result.identity);
  set(&out.algorithm, &out.algorithm_len, result.algorithm);
  set(&out.signature, &out.signature_len, result.signature);
  out.signed_at = seconds_of(result.signed_at);
  out.expires_at = seconds_of(result.expires_at);
  out.body_length = result.body_length.value_or(0);
  out.has_body_length = result.body_length ? 1 : 0;
  out.unsigned_octets = result.unsigned_octets;
  out.verdict = static_cast<std::int32_t>(result.verdict);
  out.reason = static_cast<std::int32_t>(result.reason);
  out.header = number_of(result.header);
  out.body = number_of(result.body);
  out.unsigned_from = result.unsigned_from ? 1 : 0;
  out.key_bits = result.key_bits;
  out.testing = result.testing ? 1 : 0;
  out.strict = result.strict ? 1 : 0;
  out.key_authenticated = result.key_authenticated ? 1 : 0;
  slot.set(out);
}

}  // namespace sendconn::capi

const char* sendconn_dkim_verdict_text(std::int32_t verdict) noexcept {
  if (verdict < 0 || verdict > SENDCONN_DKIM_PERMERROR) return "?";
  return dkim::format(static_cast<dkim::Verdict>(verdict)).data();
}

const char* sendconn_dkim_reason_text(std::int32_t reason) noexcept {
  if (reason < 0 || reason > SENDCONN_DKIM_SIGNATURE_DIFFERS) return "?";
  return dkim::format(static_cast<dkim::Reason>(reason)).data();
}

sendconn_status sendconn_dkim_key_cache_new(sendconn_dkim_key_cache** out, std::size_t max_keys,
                                            sendconn_error** error) noexcept {
  return guard(error, [&] {
    Slot slot(out, "out");
    auto handle = std::make_unique<sendconn_dkim_key_cache>();
    handle->cache = std::make_shared<dkim::KeyCache>(max_keys != 0 ? max_keys : dkim::KeyCache::default_keys);
    slot.set(std::move(handle));
  });
}

void sendconn_dkim_key_cache_free(sendconn_dkim_key_cache* cache) noexcept { delete cache; }

sendconn_status sendconn_dkim_verifier_new(sendconn_dkim_verifier** out, const sendconn_dkim_verify_options* options,
                                           sendconn_dkim_key_cache* keys, sendconn_error** error) noexcept {
  return guard(error, [&] {
    Slot slot(out, "out");
    const auto given = read_or_default(options, "options");
    dkim::VerifyOptions verify = verify_options(given, keys);
    verify.now = unix_time_of(given.unix_time);
    slot.set(std::make_unique<sendconn_dkim_verifier>(verify));
  });
}

sendconn_status sendconn_dkim_verifier_update(sendconn_dkim_verifier* verifier, const char* piece,
                                              std::size_t piece_len, sendconn_error** error) noexcept {
  return guard(error, [&] {
    sendconn_dkim_verifier& to = need(verifier, "verifier");
    take(to.verifier.update(text(piece, piece_len, "piece")));
  });
}

sendconn_status sendconn_dkim_verifier_finish(sendconn_dkim_verifier* verifier, sendconn_error** error) noexcept {
  return guard(error, [&] {
    sendconn_dkim_verifier& to = need(verifier, "verifier");
    take(to.verifier.finish());
    to.finished = true;
  });
}

sendconn_status sendconn_dkim_verifier_next_question(sendconn_dns_question* out, sendconn_dkim_verifier* verifier,
                                                     sendconn_error** error) noexcept {
  return guard(error, [&] {
    OutStruct slot(out, "out");
    sendconn_dkim_verifier& from = need(verifier, "verifier");
    fill(slot, from.questions.next(from.verifier));
  });
}

sendconn_status sendconn_dkim_verifier_answer(sendconn_dkim_verifier* verifier, const char* name, std::size_t name_len,
                                              std::uint16_t type, const sendconn_dns_answer* answer,
                                              sendconn_error** error) noexcept {
  return guard(error, [&] { give_answer(need(verifier, "verifier").verifier, name, name_len, type, answer); });
}

std::int32_t sendconn_dkim_verifier_done(const sendconn_dkim_verifier* verifier) noexcept {
  return verifier != nullptr && verifier->verifier.done() ? 1 : 0;
}

sendconn_status sendconn_dkim_verifier_run(sendconn_dkim_verifier* verifier, sendconn_resolver* resolver,
                                           sendconn_error** error) noexcept {
  return guard(error, [&] {
    sendconn_dkim_verifier& check = need(verifier, "verifier");
    sendconn_resolver& from = need(resolver, "resolver");
    if (!check.finished) refuse(SENDCONN_ERR_WRONG_STATE, "the message has not ended: call finish() first");
    run(from, check.questions, check.verifier);
  });
}

std::size_t sendconn_dkim_verifier_count(const sendconn_dkim_verifier* verifier) noexcept {
  return verifier != nullptr && verifier->verifier.done() ? verifier->verifier.results().size() : 0;
}

sendconn_status sendconn_dkim_verifier_result(sendconn_dkim_result* out, const sendconn_dkim_verifier* verifier,
                                              std::size_t index, sendconn_error** error) noexcept {
  return guard(error, [&] {
    OutStruct slot(out, "out");
    const sendconn_dkim_verifier& from = need(verifier, "verifier");
    if (!from.verifier.done()) refuse(SENDCONN_ERR_WRONG_STATE, "the verification is not done yet");
    const auto& results = from.verifier.results();
    if (index >= results.size()) refuse(SENDCONN_ERR_NOT_FOUND, "the message has no signature of this index");
    fill(slot, results[index]);
  });
}

void sendconn_dkim_verifier_free(sendconn_dkim_verifier* verifier) noexcept { delete verifier; }
