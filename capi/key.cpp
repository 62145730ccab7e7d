// Private keys: made, loaded, stored, and their records.
#include "capi/key.hpp"

#include <sendconn/dkim.hpp>
#include <sendconn/dkim_key.hpp>

#include "capi/bytes.hpp"
#include "capi/files.hpp"
#include "capi/structs.hpp"

using namespace sendconn;
using namespace sendconn::capi;

namespace {

std::unique_ptr<sendconn_key> make_key(crypto::PrivateKey key) {
  auto handle = std::make_unique<sendconn_key>();
  handle->key = std::make_shared<const crypto::PrivateKey>(std::move(key));
  return handle;
}

const crypto::PrivateKey& key_of(const sendconn_key* key) { return *need(key, "key").key; }

/// A file of a key is no longer than what crypto::PrivateKey takes.
constexpr std::size_t max_file_octets = 65'536;

/// Wipes what it held: it may be a secret in plain text.
struct Secret {
  std::string octets;
  ~Secret() { crypto::wipe(octets); }
};

std::int32_t severity_of(dkim::Severity severity) noexcept { return static_cast<std::int32_t>(severity); }

}  // namespace

sendconn_status sendconn_key_generate(sendconn_key** out, std::int32_t type, std::uint32_t bits,
                                      sendconn_error** error) noexcept {
  return guard(error, [&] {
    Slot slot(out, "out");
    const auto kind = choice<crypto::KeyType>(type, SENDCONN_KEY_ED25519, "type");
    slot.set(
        make_key(take(crypto::PrivateKey::generate(kind, bits != 0 ? bits : crypto::PrivateKey::default_rsa_bits))));
  });
}

sendconn_status sendconn_key_from_pem(sendconn_key** out, const char* pem, std::size_t pem_len, const char* passphrase,
                                      std::size_t passphrase_len, sendconn_error** error) noexcept {
  return guard(error, [&] {
    Slot slot(out, "out");
    slot.set(make_key(
        take(crypto::PrivateKey::from_pem(text(pem, pem_len, "pem"), text(passphrase, passphrase_len, "passphrase")))));
  });
}

sendconn_status sendconn_key_from_file(sendconn_key** out, const char* path, const char* passphrase,
                                       std::size_t passphrase_len, sendconn_error** error) noexcept {
  return guard(error, [&] {
    Slot slot(out, "out");
    const std::string_view secret = text(passphrase, passphrase_len, "passphrase");
    Secret pem;
    read_file(&need(path, "path"), max_file_octets, pem.octets);
    slot.set(make_key(take(crypto::PrivateKey::from_pem(pem.octets, secret))));
  });
}

sendconn_status sendconn_key_to_pem(sendconn_bytes** out, const sendconn_key* key, const char* passphrase,
                                    std::size_t passphrase_len, sendconn_error** error) noexcept {
  return guard(error, [&] {
    Slot slot(out, "out");
    slot.set(make_bytes(take(key_of(key).to_pem(text(passphrase, passphrase_len, "passphrase")))));
  });
}

std::int32_t sendconn_key_type(const sendconn_key* key) noexcept {
  return key != nullptr && key->key->type() == crypto::KeyType::ed25519 ? SENDCONN_KEY_ED25519 : SENDCONN_KEY_RSA;
}
std::uint32_t sendconn_key_bits(const sendconn_key* key) noexcept { return key != nullptr ? key->key->bits() : 0; }
void sendconn_key_free(sendconn_key* key) noexcept { delete key; }

sendconn_status sendconn_dkim_key_record(sendconn_bytes** out, const sendconn_key* key,
                                         sendconn_error** error) noexcept {
  return guard(error, [&] {
    Slot slot(out, "out");
    slot.set(make_bytes(dkim::format_key_record(key_of(key))));
  });
}

sendconn_status sendconn_dkim_key_zone_line(sendconn_bytes** out, const sendconn_key* key, const char* domain,
                                            std::size_t domain_len, const char* selector, std::size_t selector_len,
                                            sendconn_error** error) noexcept {
  return guard(error, [&] {
    Slot slot(out, "out");
    const crypto::PrivateKey& from = key_of(key);
    const Domain d = take(Domain::parse(text(domain, domain_len, "domain")));
    const dkim::Selector s = take(dkim::Selector::parse(text(selector, selector_len, "selector")));
    slot.set(make_bytes(dkim::format_key_zone_line(d, s, from)));
  });
}

sendconn_status sendconn_dkim_key_lint(sendconn_findings** out, const char* record, std::size_t record_len,
                                       sendconn_error** error) noexcept {
  return guard(error, [&] {
    Slot slot(out, "out");
    auto findings = std::make_unique<sendconn_findings>();
    for (const dkim::Finding& finding : dkim::lint_key_record(text(record, record_len, "record")))
      findings->findings.push_back({std::string(dkim::format(finding.mistake)), finding.text, finding.position,
                                    finding.length, severity_of(finding.severity)});
    slot.set(std::move(findings));
  });
}

sendconn_status sendconn_dkim_key_compare(std::int32_t* match, sendconn_bytes** explanation, const sendconn_key* key,
                                          const char* record, std::size_t record_len, sendconn_error** error) noexcept {
  return guard(error, [&] {
    std::int32_t& result = need(match, "match");
    dkim::KeyComparison comparison = dkim::compare_key(key_of(key), text(record, record_len, "record"));
    if (explanation != nullptr) *explanation = make_bytes(std::move(comparison.explanation)).release();
    result = static_cast<std::int32_t>(comparison.match);
  });
}
