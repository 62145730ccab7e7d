// LoginAttempt: one AUTH command on the client's side (RFC 4954): the strongest mechanism both sides have, and its
// responses, decoded.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <sendconn/result.hpp>
#include <sendconn/sasl.hpp>

#include "lib/smtp/scram.hpp"

namespace sendconn::smtp {

class LoginAttempt {
 public:
  /// The strongest of `mechanisms`: SCRAM, which never shows the password, then PLAIN, then LOGIN, which costs a round
  /// trip more. Nothing if there is none.
  static std::optional<sasl::Mechanism> choose(unsigned mechanisms) noexcept;

  /// Errors: as ScramClient::make().
  static Result<LoginAttempt> make(sasl::Mechanism mechanism, const std::string& user, const std::string& password,
                                   std::string_view nonce);

  [[nodiscard]] sasl::Mechanism mechanism() const noexcept { return mechanism_; }
  /// What may stand in the AUTH command itself; nothing for a mechanism in which the server speaks first.
  [[nodiscard]] std::optional<std::string> initial() const;
  /// It stood there; otherwise it is the first response.
  void sent_initial() noexcept { initial_sent_ = true; }
  /// The response to a challenge. Errc::crypto and so on if it proves that the server is not the one we know.
  Result<std::string> respond(std::string_view challenge);
  /// The server said 235: false if it did so before it proved that it knows the user.
  [[nodiscard]] bool may_succeed() const noexcept;

 private:
  LoginAttempt(sasl::Mechanism mechanism, const std::string& user, const std::string& password)
      : mechanism_(mechanism), user_(&user), password_(&password) {}

  sasl::Mechanism mechanism_;
  const std::string* user_;  ///< the caller's credentials outlive the attempt
  const std::string* password_;
  std::optional<sasl::ScramClient> scram_;
  unsigned responses_ = 0;
  bool initial_sent_ = false;
  bool proven_ = false;
};

}  // namespace sendconn::smtp
