// Drivers for the two sessions: they feed input in pieces of any size, answer decisions, and write down what happened.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <sendconn/smtp.hpp>

namespace sendconn::smtp::test {

inline constexpr Instant start{std::chrono::hours(1)};

// The user of RFC 7677 section 3.
inline constexpr std::string_view user = "user";
inline constexpr std::string_view password = "pencil";
inline constexpr std::string_view client_nonce = "rOprNGfwEbeRWgbNEkqO";
inline constexpr std::string_view server_nonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
const sasl::ScramVerifier& verifier();

std::string describe(const ServerEvent& event);
std::string describe(const ClientEvent& event);

/// What happened. Content that was given in several pieces is one entry.
struct Record {
  std::vector<std::string> events;
  std::string content;  ///< of all messages, one after the other
  std::string output;
  bool closed = false;
  friend bool operator==(const Record&, const Record&) = default;
};
std::ostream& operator<<(std::ostream& out, const Record& record);

/// A server session that says yes, with these exceptions: logins other than user and password; MAIL from a local part
/// that begins "denied"; RCPT to one that begins "denied"; DATA after MAIL from "nodata"; messages from "nomessage".
class ServerDriver {
 public:
  explicit ServerDriver(const ServerOptions& options);

  /// Feeds `input` in pieces that end at the offsets `cuts` and at its end. What follows a STARTTLS that was accepted
  /// is dropped, as a driver's TLS engine would; the handshake then succeeds.
  void feed(std::string_view input, const std::vector<std::size_t>& cuts = {});
  /// Takes events until the session wants input.
  void take_events();
  void take_output();

  ServerSession session;
  Record record;
  Instant now = start;
  bool answer = true;                              ///< false: decisions stay open
  std::function<bool(const ServerEvent&)> decide;  ///< called first for each event; true: it has answered

 private:
  void act(const ServerEvent& event);
  std::string from_;
  bool handshake_ = false;
};

/// Client sessions do what `act` does with their events.
class ClientDriver {
 public:
  explicit ClientDriver(ClientOptions options);
  void feed(std::string_view input, const std::vector<std::size_t>& cuts = {});
  void take_events();
  void take_output();

  ClientSession session;
  Record record;
  Instant now = start;
  std::function<void(const ClientEvent&)> act;

 private:
  void note(const ClientEvent& event);
};

Address address(std::string_view text);
Envelope envelope(std::vector<std::string_view> recipients, std::string_view from = "a@example.org");

/// Lines separated by '|', each with CR LF.
std::string lines(std::string_view text);

}  // namespace sendconn::smtp::test
