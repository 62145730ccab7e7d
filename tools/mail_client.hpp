// A small SMTP client over smtp::ClientSession and tls::Endpoint, driven with poll(2): one message, one server,
// blocking.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sendconn/result.hpp>
#include <sendconn/smtp.hpp>

namespace sendconn::tools {

struct MailServer {
  std::string host;
  std::uint16_t port = 587;
  smtp::TlsMode tls = smtp::TlsMode::required;
  bool verify = true;            ///< the certificate must be good for `host`; never with TlsMode::opportunistic
  std::string authorities_file;  ///< empty: the system's
  std::optional<smtp::Credentials> credentials;
  std::string hello_name;
  std::chrono::seconds timeout{60};  ///< to connect, and for each reply
};

struct Delivery {
  Reply reply;                    ///< to the message, or why the connection failed; code 0: nothing was said
  std::vector<Reply> recipients;  ///< as in the envelope; code 0: shares `reply`
  bool connected = false;         ///< the server greeted and let us in
  std::string protocol;           ///< "TLSv1.3", empty without TLS
};

/// What passes, for --verbose: commands and replies, never passwords nor the message.
using OnProgress = std::function<void(std::string_view text)>;

/// Sends one message (CRLF line ends). An Error means that nothing was said: no such host, no connection, TLS refused.
Result<Delivery> deliver(const MailServer& server, const smtp::Envelope& envelope, std::string_view message,
                         const OnProgress& on_progress);

}  // namespace sendconn::tools
