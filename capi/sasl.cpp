// What a server keeps instead of a password.
#include <sendconn/sasl.hpp>

#include <sendconn/crypto.hpp>

#include "capi/bytes.hpp"

using namespace sendconn;
using namespace sendconn::capi;

namespace {

constexpr std::size_t salt_octets = 16;  // RFC 8018 section 4.1 asks for 8 at least

static_assert(static_cast<int>(sasl::Mechanism::scram_sha_256) == SENDCONN_SASL_SCRAM_SHA_256);

}  // namespace

sendconn_status sendconn_sasl_verifier(sendconn_bytes** out, const char* password, std::size_t password_len,
                                       std::uint32_t iterations, sendconn_error** error) noexcept {
  return guard(error, [&] {
    Slot slot(out, "out");
    const std::string_view secret = text(password, password_len, "password");
    const auto verifier = take(
        sasl::ScramVerifier::from_password(secret, crypto::random_octets(salt_octets),
                                           iterations != 0 ? iterations : sasl::ScramVerifier::default_iterations));
    slot.set(make_bytes(verifier.format()));
  });
}

sendconn_status sendconn_sasl_check_password(std::int32_t* out, const char* verifier, std::size_t verifier_len,
                                             const char* password, std::size_t password_len,
                                             sendconn_error** error) noexcept {
  return guard(error, [&] {
    std::int32_t& result = need(out, "out");
    const auto parsed = take(sasl::ScramVerifier::parse(text(verifier, verifier_len, "verifier")));
    result = parsed.check_password(text(password, password_len, "password")) ? 1 : 0;
  });
}
