#include "lib/mailer/options.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <sendconn/crypto.hpp>

#include "lib/base/ascii.hpp"
#include "lib/base/base64.hpp"

namespace sendconn {
namespace {

constexpr std::uint16_t submission_port = 587;   // RFC 6409 section 3.1
constexpr std::uint16_t submissions_port = 465;  // RFC 8314 section 3.3
constexpr std::size_t max_login_octets = 1'024;  // our own bound; RFC 4616 section 2 names none
constexpr unsigned all_mechanisms = 7;

Error refuse(std::string text) { return {Errc::invalid_argument, std::move(text)}; }

Result<void> check_timeouts(const MailerOptions& options) {
  const std::pair<std::chrono::seconds, std::string_view> timeouts[] = {
      {options.connect_timeout, "connect_timeout"}, {options.command_timeout, "command_timeout"},
      {options.data_timeout, "data_timeout"},       {options.message_timeout, "message_timeout"},
      {options.send_timeout, "send_timeout"},
  };
  for (const auto& [value, name] : timeouts) {
    if (value < std::chrono::seconds(1) || value > MailerOptions::max_timeout) {
      return refuse("a " + std::string(name) + " of " + std::to_string(value.count()) +
                    " s; it must be from 1 to 86400");
    }
  }
  if (options.keep_open < std::chrono::seconds(0) || options.keep_open > MailerOptions::max_timeout) {
    return refuse("a keep_open of " + std::to_string(options.keep_open.count()) + " s; it must be from 0 to 86400");
  }
  return {};
}

Result<void> check_login(const MailerLogin& login) {
  const auto is_sound = [](const std::string& text) {
    return !text.empty() && text.size() <= max_login_octets && text.find('\0') == std::string::npos;
  };
  const std::string required = " must have 1 to " + std::to_string(max_login_octets) + " octets without NUL (RFC 4616)";
  if (!is_sound(login.user)) return refuse("the login's user" + required);
  if (!is_sound(login.password)) return refuse("the login's password" + required);
  if ((login.mechanisms & all_mechanisms) == 0) return refuse("the login may use no mechanism; one is required");
  return {};
}

Result<void> settle_host(MailerOptions& options) {
  if (ascii::has_8bit(options.host)) {
    auto domain = Domain::parse(options.host);
    if (!domain) return refuse("the host " + ascii::quote(options.host) + " is no name: " + domain.error().text);
    options.host = domain->text();
  }
  const bool visible = std::all_of(options.host.begin(), options.host.end(), ascii::is_vchar);
  if (options.host.empty() || options.host.size() > Domain::max_octets || !visible) {
    return refuse("the host " + ascii::quote(options.host) + " is neither a name nor an address");
  }
  if (options.port == 0) options.port = options.tls == smtp::TlsMode::implicit ? submissions_port : submission_port;
  return {};
}

Result<void> check_signatures(const MailerOptions& options) {
  if (options.signatures.empty()) return {};
  dkim::SignerOptions signer;
  signer.fields = options.signed_fields;
  auto trial = dkim::Signer::create(options.signatures, signer);
  if (!trial) return std::move(trial).error();
  return {};
}

void replace_all(std::string& text, const std::string& secret) {
  constexpr std::string_view instead = "[hidden]";
  for (std::size_t at = text.find(secret); at != std::string::npos; at = text.find(secret, at + instead.size())) {
    text.replace(at, secret.size(), instead);
  }
}

}  // namespace

MailerSettings::~MailerSettings() {
  if (options.login) crypto::wipe(options.login->password);
}

Result<void> settle_options(MailerOptions options, MailerSettings& settings) {
  settings.options = std::move(options);
  if (options.login) crypto::wipe(options.login->password);  // NOLINT(bugprone-use-after-move): a short one is copied
  MailerOptions& own = settings.options;
  if (auto host = settle_host(own); !host) return host;
  if (auto timeouts = check_timeouts(own); !timeouts) return timeouts;
  if (own.max_messages == 0) return refuse("max_messages is 0; at least 1 is required");
  if (own.login) {
    if (auto login = check_login(*own.login); !login) return login;
  }
  if (auto signatures = check_signatures(own); !signatures) return signatures;
  if (own.tls == smtp::TlsMode::off) return {};
  tls::ContextOptions tls;
  // Who takes any certificate may be talking to anybody: good enough for a message that would go in the clear
  // otherwise, but not for a password.
  const bool verify = own.verify && (own.tls != smtp::TlsMode::opportunistic || own.login.has_value());
  tls.verify = verify ? tls::Verify::required : tls::Verify::none;
  tls.authorities_file = own.authorities_file;
  auto context = tls::Context::create(tls);
  if (!context) return std::move(context).error();
  settings.context.emplace(std::move(*context));
  return {};
}

std::string without_secrets(const MailerOptions& options, std::string text) {
  if (!options.login) return text;
  const MailerLogin& login = *options.login;
  std::string plain = std::string("\0", 1) + login.user + std::string("\0", 1) + login.password;  // RFC 4616 section 2
  std::array<std::string, 3> secrets{base64::encode(plain), base64::encode(login.password), login.password};
  for (std::string& secret : secrets) {
    replace_all(text, secret);
    crypto::wipe(secret);
  }
  crypto::wipe(plain);
  return text;
}

}  // namespace sendconn
