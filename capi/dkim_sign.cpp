// DKIM signing.
#include "capi/dkim_sign.hpp"

#include <optional>
#include <vector>

#include "capi/bytes.hpp"
#include "capi/key.hpp"
#include "capi/time.hpp"
#include "capi/words.hpp"

using namespace sendconn;
using namespace sendconn::capi;

/// The library's signer is made from all signatures at once: at the first piece.
struct sendconn_dkim_signer {
  std::vector<dkim::Signature> signatures;
  dkim::SignerOptions options;
  std::optional<dkim::Signer> signer;
};

namespace {

dkim::SignerOptions options_of(const sendconn_dkim_signer_options* options) {
  const auto given = read_or_default(options, "options");
  dkim::SignerOptions result;
  result.now = unix_time_of(given.unix_time);
  const std::string_view oversigned = text(given.oversigned, given.oversigned_len, "oversigned");
  const std::string_view where_present = text(given.where_present, given.where_present_len, "where_present");
  if (!oversigned.empty() || !where_present.empty())
    result.fields = take(dkim::SignedFields::create(words(oversigned, ": "), words(where_present, ": ")));
  if (given.max_header_octets != 0) result.max_header_octets = given.max_header_octets;
  return result;
}

dkim::Canonicalization canonicalization(std::int32_t value, const char* name) {
  return choice(value, SENDCONN_DKIM_SIMPLE, name) == SENDCONN_DKIM_SIMPLE ? dkim::Canonicalization::simple
                                                                           : dkim::Canonicalization::relaxed;
}

dkim::Signer& started(sendconn_dkim_signer& signer) {
  if (!signer.signer) signer.signer = take(dkim::Signer::create(signer.signatures, signer.options));
  return *signer.signer;
}

}  // namespace

namespace sendconn::capi {

dkim::Signature signature_of(const sendconn_dkim_signature& given) {
  dkim::Signature result{take(Domain::parse(text(given.domain, given.domain_len, "domain"))),
                         take(dkim::Selector::parse(text(given.selector, given.selector_len, "selector"))),
                         need(given.key, "key").key,
                         {}};
  result.options.header = canonicalization(given.header, "header");
  result.options.body = canonicalization(given.body, "body");
  result.options.identity = text(given.identity, given.identity_len, "identity");
  result.options.timestamp = given.no_timestamp == 0;
  if (given.expires_in != 0) result.options.expires_in = std::chrono::seconds(given.expires_in);
  result.options.copy_fields = given.copy_fields != 0;
  if (given.limit_body != 0) result.options.force_body_length = given.body_length;
  return result;
}

}  // namespace sendconn::capi

sendconn_status sendconn_dkim_signer_new(sendconn_dkim_signer** out, const sendconn_dkim_signer_options* options,
                                         sendconn_error** error) noexcept {
  return guard(error, [&] {
    Slot slot(out, "out");
    auto signer = std::make_unique<sendconn_dkim_signer>();
    signer->options = options_of(options);
    slot.set(std::move(signer));
  });
}

sendconn_status sendconn_dkim_signer_add(sendconn_dkim_signer* signer, const sendconn_dkim_signature* signature,
                                         sendconn_error** error) noexcept {
  return guard(error, [&] {
    sendconn_dkim_signer& to = need(signer, "signer");
    if (to.signer) refuse(SENDCONN_ERR_WRONG_STATE, "signatures are added before the first piece of the message");
    dkim::Signature added = signature_of(read(signature, "signature"));
    if (to.signatures.size() >= to.options.max_signatures)
      refuse(SENDCONN_ERR_LIMIT_EXCEEDED,
             "a message can have " + std::to_string(to.options.max_signatures) + " signatures at once");
    to.signatures.push_back(std::move(added));
  });
}

sendconn_status sendconn_dkim_signer_update(sendconn_dkim_signer* signer, const char* piece, std::size_t piece_len,
                                            sendconn_error** error) noexcept {
  return guard(error, [&] {
    sendconn_dkim_signer& to = need(signer, "signer");
    const std::string_view octets = text(piece, piece_len, "piece");
    take(started(to).update(octets));
  });
}

sendconn_status sendconn_dkim_signer_finish(sendconn_bytes** out, sendconn_dkim_signer* signer,
                                            sendconn_error** error) noexcept {
  return guard(error, [&] {
    Slot slot(out, "out");
    slot.set(make_bytes(take(started(need(signer, "signer")).finish())));
  });
}

void sendconn_dkim_signer_free(sendconn_dkim_signer* signer) noexcept { delete signer; }

sendconn_status sendconn_dkim_sign(sendconn_bytes** out, const char* message, std::size_t message_len,
                                   const sendconn_dkim_signature* signature,
                                   const sendconn_dkim_signer_options* options, sendconn_error** error) noexcept {
  return guard(error, [&] {
    Slot slot(out, "out");
    const std::string_view octets = text(message, message_len, "message");
    std::vector<dkim::Signature> signatures;
    signatures.push_back(signature_of(read(signature, "signature")));
    dkim::Signer signer = take(dkim::Signer::create(std::move(signatures), options_of(options)));
    take(signer.update(octets));
    slot.set(make_bytes(take(signer.finish())));
  });
}
