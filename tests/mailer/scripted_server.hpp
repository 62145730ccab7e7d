// A server on loopback that says what a script says, without TLS: for what no real server does on demand.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <sendconn/mailer.hpp>

namespace sendconn::test {

/// One connection, from the server's side. Every wait ends after patience: hear() is empty then, and the script goes
/// on.
class Peer {
 public:
  explicit Peer(int socket) : socket_(socket) {}
  void say(std::string_view line) const;  ///< CRLF is added
  std::string hear();                     ///< a line without CRLF; empty at the end
  std::string hear_message();             ///< up to the dot
  bool hear_octets(std::size_t count);    ///< so many at least
  void wait_for_end();                    ///< until the client closes

  /// Greeting and EHLO; announces these extensions.
  void greet(const std::string& extensions = "PIPELINING\nENHANCEDSTATUSCODES\n8BITMIME\nSMTPUTF8");
  /// One message, everything taken; returns it.
  std::string take_message();
  void take_quit();

 private:
  int socket_;
  std::string input_;
};

using Script = std::function<void(Peer&)>;

/// The first connection gets the first script, and so on; each is closed when its script ends. Ends with its scripts.
class ScriptedServer {
 public:
  explicit ScriptedServer(std::vector<Script> scripts);
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;
  ~ScriptedServer();

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  /// Until all scripts have ended.
  void wait() { thread_.join(); }
  /// For a Mailer that talks to it: no TLS, short timeouts.
  [[nodiscard]] MailerOptions options() const;

 private:
  void run(const std::vector<Script>& scripts) const;
  int listener_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

inline Address address(std::string_view text) { return *Address::parse(text); }

/// From a@example.org to b, c, … at example.net.
smtp::Envelope envelope(std::size_t recipients = 1);
inline constexpr std::string_view small_message = "From: a@example.org\r\n\r\nHi\r\n";

}  // namespace sendconn::test
