#include <sendconn/sasl.hpp>

#include <sendconn/crypto.hpp>

#include "lib/base/base64.hpp"
#include "lib/base/cursor.hpp"
#include "lib/smtp/saslprep.hpp"

namespace sendconn::sasl {
namespace {

constexpr std::string_view scram_name = "SCRAM-SHA-256";
constexpr std::size_t key_octets = 32;

ScramVerifier derive(std::string_view password, std::string_view salt, std::uint32_t iterations) {
  const auto salted = crypto::pbkdf2_sha256(password, salt, iterations);
  const auto client_key = crypto::hmac_sha256(crypto::view(salted), "Client Key");
  const auto stored_key = crypto::sha256(crypto::view(client_key));
  const auto server_key = crypto::hmac_sha256(crypto::view(salted), "Server Key");
  return {iterations, std::string(salt), std::string(crypto::view(stored_key)), std::string(crypto::view(server_key))};
}

bool is_allowed(std::uint32_t iterations) noexcept {
  return iterations >= ScramVerifier::min_iterations && iterations <= ScramVerifier::max_iterations;
}

Error refuse_verifier(std::string_view what, std::size_t position) {
  return Error{Errc::syntax,
               "not a password verifier: " + std::string(what) +
                   ", required is SCRAM-SHA-256$iterations:salt$stored-key:server-key (RFC 5803)",
               position};
}

}  // namespace

std::string_view format(Mechanism mechanism) {
  switch (mechanism) {
    case Mechanism::plain:
      return "PLAIN";
    case Mechanism::login:
      return "LOGIN";
    case Mechanism::scram_sha_256:
      return scram_name;
  }
  return {};
}

std::optional<Mechanism> parse_mechanism(std::string_view name) noexcept {
  for (const Mechanism mechanism : {Mechanism::plain, Mechanism::login, Mechanism::scram_sha_256}) {
    if (ascii::equal(name, format(mechanism))) return mechanism;
  }
  return std::nullopt;
}

Result<ScramVerifier> ScramVerifier::from_password(std::string_view password, std::string_view salt,
                                                   std::uint32_t iterations) {
  if (password.empty()) return Error{Errc::invalid_argument, "the password is empty"};
  if (salt.empty()) return Error{Errc::invalid_argument, "the salt is empty"};
  if (!is_allowed(iterations)) {
    return Error{Errc::invalid_argument,
                 std::to_string(iterations) + " iterations, allowed are 4096 to 1000000 (RFC 7677 section 4)"};
  }
  Result<std::string> prepared = saslprep(password);
  if (!prepared) return std::move(prepared).error();
  if (prepared->empty()) return Error{Errc::invalid_argument, "nothing of the password is left by SASLprep (RFC 4013)"};
  ScramVerifier verifier = derive(*prepared, salt, iterations);
  crypto::wipe(*prepared);
  return verifier;
}

Result<ScramVerifier> ScramVerifier::parse(std::string_view text) {
  Cursor in(text);
  if (!in.take_word(scram_name) || !in.take('$')) return refuse_verifier("another scheme", 0);
  ScramVerifier verifier;
  const auto iterations = ascii::to_number<std::uint32_t>(in.take_until(':'));
  if (!iterations || !is_allowed(*iterations)) {
    return refuse_verifier("the iterations are not 4096 to 1000000", in.position());
  }
  verifier.iterations = *iterations;
  for (const auto& [target, separator, end] :
       {std::tuple{&verifier.salt, ':', '$'}, {&verifier.stored_key, '$', ':'}, {&verifier.server_key, ':', '\0'}}) {
    const std::size_t position = in.position();
    if (!in.take(separator)) return refuse_verifier("a part is missing", position);
    Result<std::string> octets = base64::decode(end == '\0' ? in.rest() : in.take_until(end));
    if (!octets) return refuse_verifier("a part is not base64", position);
    *target = *std::move(octets);
    const bool is_key = target != &verifier.salt;
    if (target->empty() || (is_key && target->size() != key_octets)) {
      return refuse_verifier("a part has the wrong length", position);
    }
  }
  return verifier;
}

std::string ScramVerifier::format() const {
  return std::string(scram_name) + "$" + std::to_string(iterations) + ":" + base64::encode(salt) + "$" +
         base64::encode(stored_key) + ":" + base64::encode(server_key);
}

bool ScramVerifier::check_password(std::string_view password) const {
  // A password that SASLprep forbids costs the same work, and is never right.
  Result<std::string> prepared = saslprep(password);
  const ScramVerifier derived = derive(prepared ? std::string_view(*prepared) : password, salt, iterations);
  const bool equal = crypto::equal_secret(derived.stored_key, stored_key);
  const bool allowed = prepared && !prepared->empty();
  if (prepared) crypto::wipe(*prepared);
  return equal && allowed;
}

}  // namespace sendconn::sasl
