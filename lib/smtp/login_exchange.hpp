// LoginExchange: one AUTH command on the server's side, from the mechanism to its end (RFC 4954, RFC 4616, RFC 5802).
// What a client says goes in decoded; what to do next comes out.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <sendconn/sasl.hpp>

#include "lib/smtp/replies.hpp"
#include "lib/smtp/scram.hpp"

namespace sendconn::smtp {

class LoginExchange {
 public:
  explicit LoginExchange(sasl::Mechanism mechanism) noexcept : mechanism_(mechanism) {}
  LoginExchange(const LoginExchange&) = delete;
  LoginExchange& operator=(const LoginExchange&) = delete;
  ~LoginExchange();

  enum class Next : std::uint8_t {
    send_challenge,  ///< 334 with challenge() in base64; then take()
    check_password,  ///< user() and password() are known
    find_verifier,   ///< user() is known; then challenge_with()
    accepted,        ///< SCRAM came to a good end
    refused,         ///< refusal() is the reply
  };

  /// An AUTH command without an initial response.
  Next begin();
  Next take(std::string_view response);
  Next challenge_with(const sasl::ScramVerifier& verifier, std::string_view nonce);

  [[nodiscard]] sasl::Mechanism mechanism() const noexcept { return mechanism_; }
  [[nodiscard]] const std::string& challenge() const noexcept { return challenge_; }
  [[nodiscard]] const std::string& user() const noexcept;
  [[nodiscard]] const std::string& password() const noexcept { return password_; }
  [[nodiscard]] const CannedReply& refusal() const noexcept { return *refusal_; }
  /// find_verifier was given out, so the end of the exchange has to be told.
  [[nodiscard]] bool announced() const noexcept { return announced_; }

 private:
  Next ask(std::string_view challenge);
  Next refuse(const CannedReply& reply) noexcept;
  Next take_plain(std::string_view response);
  Next take_login(std::string_view response);
  Next take_scram(std::string_view response);

  sasl::Mechanism mechanism_;
  std::uint8_t step_ = 0;  ///< responses taken
  bool announced_ = false;
  const CannedReply* refusal_ = nullptr;
  std::string challenge_;
  std::string user_;
  std::string password_;
  sasl::ScramServer scram_;
};

}  // namespace sendconn::smtp
