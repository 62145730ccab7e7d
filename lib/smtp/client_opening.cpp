// A ClientSession's way to Ready: the greeting, EHLO, TLS, AUTH.
#include <sendconn/crypto.hpp>

#include "lib/base/base64.hpp"
#include "lib/smtp/capabilities.hpp"
#include "lib/smtp/client_impl.hpp"

namespace sendconn::smtp {
namespace {

constexpr std::size_t max_command_octets = 512;  // RFC 5321 section 4.5.3.1.4: longer AUTH goes without its response

}  // namespace

void ClientSession::Impl::say_hello() {
  announced = Capabilities();
  ask(Asked::ehlo, options.lmtp ? "LHLO" : "EHLO", options.hello_name);
}

void ClientSession::Impl::on_hello(const Reply& reply) {
  if (reply.positive()) {
    announced = parse_capabilities(reply.text);
    return after_hello();
  }
  if (reply.temporary() || options.lmtp) return fail(reply, false, false);
  ask(Asked::helo, "HELO", options.hello_name);
}

void ClientSession::Impl::after_hello() {
  if (!tls && announced.starttls && options.tls != TlsMode::off) return ask(Asked::starttls, "STARTTLS");
  go_on_without_starttls(Reply{451, {4, 7, 10}, "TLS is required here, and the server does not offer STARTTLS"}, true);
}

void ClientSession::Impl::go_on_without_starttls(const Reply& why_not, bool local) {
  if (!tls && options.tls == TlsMode::required) return fail(why_not, false, local);
  if (options.credentials) return log_in();
  become_ready();
}

void ClientSession::Impl::become_ready() {
  ready = true;
  logging_in = false;
  login.reset();
  events.emplace_back(Ready{});
}

void ClientSession::Impl::log_in() {
  logging_in = true;
  const Credentials& credentials = *options.credentials;
  unsigned mechanisms = credentials.mechanisms & announced.mechanisms & ~refused_mechanisms;
  if (!tls && !credentials.allow_plaintext) mechanisms &= static_cast<unsigned>(sasl::Mechanism::scram_sha_256);
  if (!sasl::is_nonce(options.nonce)) mechanisms &= ~static_cast<unsigned>(sasl::Mechanism::scram_sha_256);
  const std::optional<sasl::Mechanism> mechanism = LoginAttempt::choose(mechanisms);
  if (!mechanism) {
    return fail_here({4, 7, 0}, tls ? "the server offers no login mechanism that may be used here"
                                    : "the server offers no login mechanism that may be used here without TLS");
  }
  Result<LoginAttempt> attempt = LoginAttempt::make(*mechanism, credentials.user, credentials.password, options.nonce);
  if (!attempt) return fail_here({4, 7, 8}, attempt.error().text);
  login.emplace(*std::move(attempt));
  std::string argument(format(*mechanism));
  if (std::optional<std::string> initial = login->initial()) {
    std::string encoded = base64::encode(*initial);
    crypto::wipe(*initial);
    if (encoded.size() + argument.size() + 8 <= max_command_octets) {  // RFC 4954 section 4
      argument.append(" ").append(encoded);
      login->sent_initial();
    }
    crypto::wipe(encoded);
  }
  ask(Asked::auth, "AUTH", argument);
  crypto::wipe(argument);
}

void ClientSession::Impl::on_auth(const Reply& reply) {
  if (reply.code == 334) return answer_challenge(reply.text);
  if (reply.positive()) {
    if (reply.code != 235) return fail_here({4, 5, 0}, "unexpected reply to AUTH: " + reply.summary());
    if (login->may_succeed()) return become_ready();
    return fail_here({4, 7, 0}, "the server let us in without proving that it knows the user (RFC 5802 section 3)");
  }
  // 504: not this mechanism; 534: too weak (RFC 4954 section 6). Another may do; a refused password stays refused.
  refused_mechanisms |= static_cast<unsigned>(login->mechanism());
  login.reset();
  if (reply.code == 504 || reply.code == 534) {
    const unsigned left = options.credentials->mechanisms & announced.mechanisms & ~refused_mechanisms;
    if (left != 0) return log_in();
  }
  fail(reply, false, false);
}

void ClientSession::Impl::answer_challenge(std::string_view text) {
  const Result<std::string> challenge = base64::decode(text);
  Result<std::string> response =
      challenge ? login->respond(*challenge) : Result<std::string>(Error{Errc::syntax, "the challenge is not base64"});
  if (!response) {
    // "*" would be polite; but this server is not the one we know, or does not speak the mechanism.
    return fail_here({4, 7, 0}, "login failed: " + response.error().text);
  }
  std::string encoded = base64::encode(*response);
  ask(Asked::auth, encoded);
  crypto::wipe(encoded);
  crypto::wipe(*response);
}

}  // namespace sendconn::smtp
