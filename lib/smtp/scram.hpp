// SCRAM-SHA-256 (RFC 5802, RFC 7677) without I/O and without randomness: the four messages, from both sides.
//
//   client                                   server
//   first() ───────── client-first ────────▶ ScramServer::start()      says who wants in
//   answer() ◀──────── server-first ──────── ScramServer::challenge()  with the user's verifier and a nonce
//   answer() ───────── client-final ───────▶ ScramServer::finish()     checks the proof
//   accept() ◀──────── server-final ──────── (its result)              proves that the server knows the user, too
//
// No channel binding is offered (no SCRAM-SHA-256-PLUS), so a client that demands one is refused, and the flag it sent
// first must come back unchanged under the proof. All types are thread-compatible.
#pragma once

#include <string>
#include <string_view>

#include <sendconn/result.hpp>
#include <sendconn/sasl.hpp>

namespace sendconn::sasl {

/// Our own bound on what the client adds: RFC 5802 states none, deployed clients send 18 to 48 octets.
inline constexpr std::size_t max_nonce_octets = 1'024;
/// RFC 5802 section 5.1 asks for randomness without a number; 18 octets of base64 are more than 100 bits.
inline constexpr std::size_t min_nonce_octets = 18;

/// At least min_nonce_octets, at most max_nonce_octets of visible ASCII without ','.
bool is_nonce(std::string_view text) noexcept;

class ScramServer {
 public:
  /// Errors: Errc::syntax (not a client-first message), Errc::unsupported (channel binding or an extension that must be
  /// understood), Errc::invalid_argument (an authorization identity that differs from the user).
  Result<void> start(std::string_view client_first);
  [[nodiscard]] const std::string& user() const noexcept { return user_; }
  /// The server-first message. `nonce`: is_nonce().
  std::string challenge(const ScramVerifier& verifier, std::string_view nonce);
  /// The server-final message. Errors: Errc::syntax (not a client-final message), Errc::crypto (the proof, the nonce or
  /// the channel binding is not right).
  Result<std::string> finish(std::string_view client_final);

 private:
  std::string gs2_header_;
  std::string client_first_bare_;
  std::string server_first_;
  std::string client_nonce_;
  std::string nonce_;  ///< the client's and the server's
  std::string user_;
  ScramVerifier verifier_;
};

class ScramClient {
 public:
  /// `nonce`: is_nonce(). Errc::invalid_argument for a user or password that SASLprep forbids.
  static Result<ScramClient> make(std::string_view user, std::string_view password, std::string_view nonce);
  ~ScramClient();
  ScramClient(ScramClient&&) noexcept = default;
  ScramClient& operator=(ScramClient&&) noexcept = default;

  [[nodiscard]] std::string first() const;
  /// Costs a PBKDF2. Errors: Errc::syntax, Errc::unsupported (an extension that must be understood), Errc::crypto (the
  /// nonce is not ours), Errc::limit_exceeded (iterations outside ScramVerifier's range).
  Result<std::string> answer(std::string_view server_first);
  /// Errc::crypto: the server could not prove that it knows the user's verifier, or says the exchange failed.
  [[nodiscard]] Result<void> accept(std::string_view server_final) const;

 private:
  ScramClient() = default;
  std::string first_bare_;
  std::string nonce_;
  std::string password_;
  std::string server_signature_;
};

}  // namespace sendconn::sasl
