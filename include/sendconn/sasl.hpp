// SASL for mail: PLAIN (RFC 4616), LOGIN, SCRAM-SHA-256 (RFC 5802, RFC 7677); the verifier a server keeps instead of a
// password.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <sendconn/result.hpp>

#pragma GCC visibility push(default)

namespace sendconn::sasl {

enum class Mechanism : std::uint8_t { plain = 1, login = 2, scram_sha_256 = 4 };
std::string_view format(Mechanism mechanism);  ///< "SCRAM-SHA-256"
/// The mechanism of that name, upper and lower case the same; nothing for one that is not known here.
std::optional<Mechanism> parse_mechanism(std::string_view name) noexcept;

/// What a server stores (RFC 5803): enough to check a password or a SCRAM proof, not enough to log in elsewhere.
struct ScramVerifier {
  static constexpr std::uint32_t min_iterations = 4'096;  ///< RFC 7677 section 4
  /// More costs an attacker who stole the verifiers more, and every PLAIN and LOGIN the server's time.
  static constexpr std::uint32_t default_iterations = 4'096;
  /// Our own bound: a server must not make a client compute for minutes.
  static constexpr std::uint32_t max_iterations = 1'000'000;
  std::uint32_t iterations = 0;
  std::string salt;        ///< octets
  std::string stored_key;  ///< 32 octets
  std::string server_key;  ///< 32 octets

  /// Costs a PBKDF2. The password is prepared by SASLprep (RFC 4013): control characters are refused, other characters
  /// than ASCII are normalized if the build has libidn, and taken as they are otherwise.
  /// Errc::invalid_argument for what SASLprep forbids, an empty password or salt, and iterations out of range.
  static Result<ScramVerifier> from_password(std::string_view password, std::string_view salt,
                                             std::uint32_t iterations = default_iterations);
  /// "SCRAM-SHA-256$<iterations>:<salt>$<stored key>:<server key>", base64 (the form of RFC 5803 and PostgreSQL).
  /// Errc::syntax with the position; the text never holds any of the input.
  static Result<ScramVerifier> parse(std::string_view text);
  [[nodiscard]] std::string format() const;
  /// Costs a PBKDF2; compares in constant time. Thread-safe.
  [[nodiscard]] bool check_password(std::string_view password) const;
};

}  // namespace sendconn::sasl

#pragma GCC visibility pop
