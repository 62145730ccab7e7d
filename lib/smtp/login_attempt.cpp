#include "lib/smtp/login_attempt.hpp"

namespace sendconn::smtp {

std::optional<sasl::Mechanism> LoginAttempt::choose(unsigned mechanisms) noexcept {
  for (const auto mechanism : {sasl::Mechanism::scram_sha_256, sasl::Mechanism::plain, sasl::Mechanism::login}) {
    if ((mechanisms & static_cast<unsigned>(mechanism)) != 0) return mechanism;
  }
  return std::nullopt;
}

Result<LoginAttempt> LoginAttempt::make(sasl::Mechanism mechanism, const std::string& user, const std::string& password,
                                        std::string_view nonce) {
  if (user.empty() || password.empty()) {
    return Error{Errc::invalid_argument, "user and password must not be empty (RFC 4616 section 2)"};
  }
  if (user.find('\0') != std::string::npos || password.find('\0') != std::string::npos) {
    return Error{Errc::invalid_argument, "user and password must not have a NUL (RFC 4616 section 2)"};
  }
  LoginAttempt attempt(mechanism, user, password);
  if (mechanism == sasl::Mechanism::scram_sha_256) {
    Result<sasl::ScramClient> scram = sasl::ScramClient::make(user, password, nonce);
    if (!scram) return std::move(scram).error();
    attempt.scram_ = *std::move(scram);
  }
  return attempt;
}

std::optional<std::string> LoginAttempt::initial() const {
  switch (mechanism_) {
    case sasl::Mechanism::plain:
      return std::string(1, '\0') + *user_ + std::string(1, '\0') + *password_;
    case sasl::Mechanism::scram_sha_256:
      return scram_->first();
    case sasl::Mechanism::login:
      break;
  }
  return std::nullopt;
}

Result<std::string> LoginAttempt::respond(std::string_view challenge) {
  const unsigned step = responses_++ + (initial_sent_ ? 1U : 0U);
  const auto unexpected = [&] {
    return Error{Errc::syntax, "the server asks for more than " + std::string(format(mechanism_)) + " has"};
  };
  if (mechanism_ == sasl::Mechanism::login) {
    if (step > 1) return unexpected();
    return step == 0 ? *user_ : *password_;
  }
  if (step == 0) return *initial();
  if (mechanism_ == sasl::Mechanism::plain) return unexpected();
  if (step == 1) return scram_->answer(challenge);
  if (step > 2) return unexpected();
  if (Result<void> accepted = scram_->accept(challenge); !accepted) return std::move(accepted).error();
  proven_ = true;
  return std::string();
}

bool LoginAttempt::may_succeed() const noexcept { return mechanism_ != sasl::Mechanism::scram_sha_256 || proven_; }

}  // namespace sendconn::smtp
