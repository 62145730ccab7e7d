// MailerOptions, checked and completed: what every connection of a Mailer shares.
#pragma once

#include <optional>
#include <string>

#include <sendconn/mailer.hpp>
#include <sendconn/tls.hpp>

namespace sendconn {

struct MailerSettings {
  MailerOptions options;                ///< with port and host as they are used
  std::optional<tls::Context> context;  ///< absent with TlsMode::off

  MailerSettings() = default;
  MailerSettings(const MailerSettings&) = delete;
  MailerSettings& operator=(const MailerSettings&) = delete;
  ~MailerSettings();  ///< wipes the password
};

/// Errors as Mailer::create. `options` is moved from, its password with it.
Result<void> settle_options(MailerOptions options, MailerSettings& settings);

/// `text` without the password, as it is and as the login mechanisms write it: a server may repeat what it did not
/// understand.
std::string without_secrets(const MailerOptions& options, std::string text);

}  // namespace sendconn
