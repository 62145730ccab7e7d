#include "lib/smtp/login_exchange.hpp"

#include <sendconn/crypto.hpp>

#include "lib/base/cursor.hpp"

namespace sendconn::smtp {

LoginExchange::~LoginExchange() { crypto::wipe(password_); }

const std::string& LoginExchange::user() const noexcept {
  return mechanism_ == sasl::Mechanism::scram_sha_256 ? scram_.user() : user_;
}

LoginExchange::Next LoginExchange::ask(std::string_view challenge) {
  challenge_ = challenge;
  return Next::send_challenge;
}

LoginExchange::Next LoginExchange::refuse(const CannedReply& reply) noexcept {
  refusal_ = &reply;
  return Next::refused;
}

LoginExchange::Next LoginExchange::begin() {
  // The prompts of LOGIN stand in draft-murchison-sasl-login; some clients compare them.
  return ask(mechanism_ == sasl::Mechanism::login ? "Username:" : "");
}

LoginExchange::Next LoginExchange::take(std::string_view response) {
  ++step_;
  switch (mechanism_) {
    case sasl::Mechanism::plain:
      return take_plain(response);
    case sasl::Mechanism::login:
      return take_login(response);
    case sasl::Mechanism::scram_sha_256:
      return take_scram(response);
  }
  return refuse(replies::auth_malformed);
}

/// authorization identity NUL user NUL password (RFC 4616 section 2).
LoginExchange::Next LoginExchange::take_plain(std::string_view response) {
  Cursor in(response);
  const std::string_view authorization = in.take_until('\0');
  if (!in.take('\0')) return refuse(replies::auth_malformed);
  user_ = in.take_until('\0');
  if (!in.take('\0')) return refuse(replies::auth_malformed);
  password_ = in.rest();
  if (password_.find('\0') != std::string::npos) return refuse(replies::auth_malformed);
  if (user_.empty() || password_.empty()) return refuse(replies::auth_failed);
  if (!authorization.empty() && authorization != user_) return refuse(replies::auth_failed);
  return Next::check_password;
}

LoginExchange::Next LoginExchange::take_login(std::string_view response) {
  if (step_ == 1) {
    user_ = response;
    return ask("Password:");
  }
  password_ = response;
  if (user_.empty() || password_.empty()) return refuse(replies::auth_failed);
  return Next::check_password;
}

LoginExchange::Next LoginExchange::take_scram(std::string_view response) {
  const auto refuse_for = [&](const Error& error) {
    return refuse(error.code == Errc::syntax ? replies::auth_malformed : replies::auth_failed);
  };
  if (step_ == 1) {
    const Result<void> started = scram_.start(response);
    if (!started) return refuse_for(started.error());
    announced_ = true;
    return Next::find_verifier;
  }
  if (step_ == 2) {
    const Result<std::string> server_final = scram_.finish(response);
    if (!server_final) return refuse_for(server_final.error());
    return ask(*server_final);  // SMTP has no place for it beside 235, so the client answers it with nothing
  }
  return response.empty() ? Next::accepted : refuse(replies::auth_malformed);
}

LoginExchange::Next LoginExchange::challenge_with(const sasl::ScramVerifier& verifier, std::string_view nonce) {
  return ask(scram_.challenge(verifier, nonce));
}

}  // namespace sendconn::smtp
