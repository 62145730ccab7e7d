// The grammar of the client's commands: their arguments as values, or the reply that refuses them
// (RFC 5321 section 4.1.2, RFC 1870, RFC 4954 section 5, RFC 6152, RFC 6531).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <sendconn/address.hpp>
#include <sendconn/smtp.hpp>

#include "lib/smtp/replies.hpp"

namespace sendconn::smtp {

/// Why an argument was not taken; false if it was.
struct Refusal {
  const CannedReply* reply = nullptr;
  std::string detail;
  explicit operator bool() const noexcept { return reply != nullptr; }
};

struct CommandLine {
  std::string_view name;
  std::string_view argument;  ///< without white space at either end
};
/// White space behind a command is tolerated (RFC 5321 section 4.1.1).
CommandLine split_command(std::string_view line) noexcept;

/// Any octet that no command may have: a control character other than tab (Hostile: CR, LF or NUL inside an argument).
bool has_control(std::string_view line) noexcept;

/// The name behind EHLO or HELO: the first word, at most 255 octets of visible ASCII without the characters that mean
/// something in a header field or a log (RFC 5321 section 4.1.1.1). Nothing if it is not such.
std::optional<std::string_view> parse_hello(std::string_view argument) noexcept;

struct MailArguments {
  std::optional<Address> reverse_path;  ///< nothing: <>
  BodyType body = BodyType::seven_bit;
  bool smtputf8 = false;
  std::optional<std::uint64_t> size;  ///< of 2^64 and more: 2^64-1
  std::string auth;                   ///< decoded
};
/// "FROM:<path> parameters". `extended`: EHLO was said, parameters are allowed.
Refusal parse_mail(std::string_view argument, bool extended, MailArguments& out);

struct RcptContext {
  bool extended = false;               ///< EHLO was said, parameters are allowed
  bool smtputf8 = false;               ///< MAIL said SMTPUTF8
  const Domain* postmaster = nullptr;  ///< of the postmaster without a domain; null: it is refused
};
/// "TO:<path> parameters".
Refusal parse_rcpt(std::string_view argument, const RcptContext& context, std::optional<Address>& out);

/// xtext (RFC 3461 section 4): +XX for an octet. Nothing if it is malformed or decodes to a control character.
std::optional<std::string> decode_xtext(std::string_view text);

}  // namespace sendconn::smtp
