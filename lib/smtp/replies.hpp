// Every reply that the server session gives by itself, in one table: code, enhanced code, text, and a dialogue that
// provokes it. The tests play each dialogue, and the page of refusals in the documentation is made from it.
//
// Replies that are decisions (the greeting, a login, MAIL, RCPT, DATA, the message) come from whoever drives the
// session and are not here.
#pragma once

#include <cstdint>
#include <string_view>

#include <sendconn/reply.hpp>

namespace sendconn::smtp {

/// Where a dialogue begins. The options of the example: STARTTLS offered, TLS and AUTH required, at most 1,000 octets a
/// message, 2 recipients, 3 failed logins, 5 errors, 5 idle commands, command lines of 200 and AUTH lines of 300
/// octets.
enum class Scene : std::uint8_t {
  clear,      ///< greeted, not encrypted, nothing said
  encrypted,  ///< greeted, TLS from the first byte, nothing said
  logged_in,  ///< encrypted, EHLO said, authenticated
  plain,      ///< logged_in, with HELO instead of EHLO; the client's network stood for the login
};

/// A reply of the session. In the text, "{}" is replaced by the detail: a number, or the reason a parser gives.
struct CannedReply {
  std::uint16_t code;
  EnhancedCode enhanced;
  std::string_view text;
  Scene scene;
  /// What the client says, line by line, separated by '|'; the reply to the last line is this one. "\n" and "\0" stand
  /// for a bare LF and a NUL, "{long}" for 400 octets. Empty: no dialogue gives it (timeouts).
  std::string_view dialogue;
};

namespace replies {

// ── Lines and commands ───────────────────────────────────────────────────────────────────────────────────────────────
inline constexpr CannedReply line_too_long{
    500, {5, 5, 2}, "Command line too long, at most {} octets are taken", Scene::clear, "NOOP {long}"};
inline constexpr CannedReply bare_newline_in_command{
    500, {5, 5, 2}, "A line ends in CR LF, this one has a bare LF", Scene::clear, "NOOP\\n"};
inline constexpr CannedReply control_in_command{
    500, {5, 5, 2}, "Control character in a command", Scene::clear, "NOOP \\0"};
inline constexpr CannedReply unknown_command{
    500, {5, 5, 1}, "Command not recognized, HELP lists what is", Scene::clear, "HALO"};
inline constexpr CannedReply not_implemented{
    502, {5, 5, 1}, "Command not implemented, HELP lists what is", Scene::clear, "XCLIENT ADDR=192.0.2.1"};
inline constexpr CannedReply other_protocol{421, {4, 7, 0}, "This is SMTP, not HTTP", Scene::clear, "GET / HTTP/1.1"};
inline constexpr CannedReply takes_no_argument{
    501, {5, 5, 4}, "This command takes no argument", Scene::clear, "RSET now"};
inline constexpr CannedReply needs_argument{501, {5, 5, 4}, "An argument is missing", Scene::clear, "VRFY"};
inline constexpr CannedReply bad_hello{
    501, {5, 5, 4}, "Say EHLO or HELO with your host name or an address literal", Scene::clear, "EHLO a(b"};

// ── Sequence ─────────────────────────────────────────────────────────────────────────────────────────────────────────
inline constexpr CannedReply hello_first{503, {5, 5, 1}, "Say EHLO first", Scene::encrypted, "AUTH PLAIN"};
inline constexpr CannedReply mail_first{503, {5, 5, 1}, "Say MAIL first", Scene::logged_in, "RCPT TO:<b@example.org>"};
inline constexpr CannedReply nested_mail{503,
                                         {5, 5, 1},
                                         "MAIL was said already, RSET begins anew",
                                         Scene::logged_in,
                                         "MAIL FROM:<a@example.org>|MAIL FROM:<a@example.org>"};
inline constexpr CannedReply in_transaction{503,
                                            {5, 5, 1},
                                            "Not allowed between MAIL and the end of the message",
                                            Scene::logged_in,
                                            "MAIL FROM:<a@example.org>|AUTH PLAIN"};
inline constexpr CannedReply no_recipient{
    554, {5, 5, 1}, "No valid recipients", Scene::logged_in, "MAIL FROM:<a@example.org>|DATA"};

// ── TLS ──────────────────────────────────────────────────────────────────────────────────────────────────────────────
inline constexpr CannedReply tls_required{530,
                                          {5, 7, 0},
                                          "Encryption required, say STARTTLS first",
                                          Scene::clear,
                                          "EHLO c.example|MAIL FROM:<a@example.org>"};
inline constexpr CannedReply tls_required_for_auth{
    538, {5, 7, 11}, "Encryption required for AUTH, say STARTTLS first", Scene::clear, "EHLO c.example|AUTH PLAIN"};
inline constexpr CannedReply tls_active{503, {5, 5, 1}, "TLS is active already", Scene::encrypted, "STARTTLS"};

// ── AUTH ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
inline constexpr CannedReply auth_required{530,
                                           {5, 7, 0},
                                           "Authentication required, say AUTH first",
                                           Scene::encrypted,
                                           "EHLO c.example|MAIL FROM:<a@example.org>"};
inline constexpr CannedReply auth_twice{503, {5, 5, 1}, "Authenticated already", Scene::logged_in, "AUTH PLAIN"};
inline constexpr CannedReply auth_needs_ehlo{
    503, {5, 5, 1}, "AUTH needs EHLO, HELO was said", Scene::encrypted, "HELO c.example|AUTH PLAIN"};
inline constexpr CannedReply unknown_mechanism{
    504, {5, 5, 4}, "Mechanism not offered, EHLO lists what is", Scene::encrypted, "EHLO c.example|AUTH CRAM-MD5"};
inline constexpr CannedReply auth_cancelled{
    501, {5, 0, 0}, "Authentication cancelled", Scene::encrypted, "EHLO c.example|AUTH LOGIN|*"};
inline constexpr CannedReply auth_bad_base64{
    501, {5, 5, 2}, "Not base64 (RFC 4648)", Scene::encrypted, "EHLO c.example|AUTH PLAIN =AAA"};
inline constexpr CannedReply auth_malformed{
    501, {5, 5, 2}, "Not a message of this mechanism", Scene::encrypted, "EHLO c.example|AUTH PLAIN YWJj"};
inline constexpr CannedReply auth_too_long{500,
                                           {5, 5, 6},
                                           "Authentication line too long, at most {} octets are taken",
                                           Scene::encrypted,
                                           "EHLO c.example|AUTH PLAIN|{long}"};
/// One text for every reason, so that nobody learns which part was wrong.
inline constexpr CannedReply auth_failed{535,
                                         {5, 7, 8},
                                         "Authentication credentials invalid",
                                         Scene::encrypted,
                                         "EHLO c.example|AUTH PLAIN b3RoZXIAdXNlcgBzZWNyZXQ="};
inline constexpr CannedReply too_many_auth_failures{
    421,
    {4, 7, 0},
    "Too many failed logins, closing",
    Scene::encrypted,
    "EHLO c.example|AUTH PLAIN bwB1AHA=|AUTH PLAIN bwB1AHA=|AUTH PLAIN bwB1AHA="};

// ── MAIL and RCPT ────────────────────────────────────────────────────────────────────────────────────────────────────
inline constexpr CannedReply bad_syntax{501, {5, 5, 4}, "Write it as {}", Scene::logged_in, "MAIL FROM a@example.org"};
inline constexpr CannedReply bad_sender{501, {5, 1, 7}, "Bad reverse-path: {}", Scene::logged_in, "MAIL FROM:<a@b@c>"};
inline constexpr CannedReply bad_recipient{
    501, {5, 1, 3}, "Bad forward-path: {}", Scene::logged_in, "MAIL FROM:<a@example.org>|RCPT TO:<b@>"};
inline constexpr CannedReply recipient_without_domain{550,
                                                      {5, 1, 2},
                                                      "A recipient needs a domain, there are no local mailboxes here",
                                                      Scene::logged_in,
                                                      "MAIL FROM:<a@example.org>|RCPT TO:<Postmaster>"};
inline constexpr CannedReply needs_smtputf8{553,
                                            {5, 6, 7},
                                            "An address beyond ASCII needs SMTPUTF8 at MAIL",
                                            Scene::logged_in,
                                            "MAIL FROM:<\xc3\xa4@example.org>"};
inline constexpr CannedReply unknown_parameter{
    555, {5, 5, 4}, "Parameter not offered: {}", Scene::logged_in, "MAIL FROM:<a@example.org> RET=HDRS"};
inline constexpr CannedReply parameter_needs_ehlo{
    555, {5, 5, 4}, "Parameters need EHLO, HELO was said", Scene::plain, "MAIL FROM:<a@example.org> SIZE=1"};
inline constexpr CannedReply bad_parameter{
    501, {5, 5, 4}, "Bad parameter: {}", Scene::logged_in, "MAIL FROM:<a@example.org> SIZE=-1"};
inline constexpr CannedReply too_large{552,
                                       {5, 3, 4},
                                       "Message too large, at most {} octets are taken",
                                       Scene::logged_in,
                                       "MAIL FROM:<a@example.org> SIZE=1001"};
inline constexpr CannedReply too_many_recipients{
    452,
    {4, 5, 3},
    "Too many recipients, at most {} in one transaction; send the rest in the next",
    Scene::logged_in,
    "MAIL FROM:<a@example.org>|RCPT TO:<b@example.org>|RCPT TO:<c@example.org>|RCPT TO:<d@example.org>"};

// ── The message ──────────────────────────────────────────────────────────────────────────────────────────────────────
inline constexpr CannedReply bare_newline{
    554,
    {5, 6, 0},
    "The message has a bare CR or LF, lines end in CR LF (RFC 5321 section 2.3.8)",
    Scene::logged_in,
    "MAIL FROM:<a@example.org>|RCPT TO:<b@example.org>|DATA|Subject: x\\n.\\n|."};
inline constexpr CannedReply nul_in_message{554,
                                            {5, 6, 0},
                                            "The message has a NUL (RFC 5322 section 3.5)",
                                            Scene::logged_in,
                                            "MAIL FROM:<a@example.org>|RCPT TO:<b@example.org>|DATA|Subject: \\0|."};
inline constexpr CannedReply line_of_message_too_long{
    554,
    {5, 6, 0},
    "The message has a line of more than {} octets",
    Scene::logged_in,
    "MAIL FROM:<a@example.org>|RCPT TO:<b@example.org>|DATA|Subject: {long}|."};

// ── The end ──────────────────────────────────────────────────────────────────────────────────────────────────────────
inline constexpr CannedReply too_many_errors{421, {4, 7, 0}, "Too many errors, closing", Scene::clear, "A|B|C|D|E"};
inline constexpr CannedReply too_many_idle_commands{
    421, {4, 7, 0}, "Too many commands without a message, closing", Scene::clear, "NOOP|NOOP|NOOP|NOOP|NOOP|NOOP"};
inline constexpr CannedReply timed_out{421, {4, 4, 2}, "Nothing came in time, closing", Scene::clear, ""};

// ── Positive ─────────────────────────────────────────────────────────────────────────────────────────────────────────
inline constexpr CannedReply ok{250, {2, 0, 0}, "OK", Scene::clear, "NOOP"};
inline constexpr CannedReply reset{250, {2, 0, 0}, "Begin anew", Scene::clear, "RSET"};
inline constexpr CannedReply goodbye{221, {2, 0, 0}, "Goodbye", Scene::clear, "QUIT"};
inline constexpr CannedReply go_ahead_with_tls{220, {2, 0, 0}, "Go ahead with TLS", Scene::clear, "STARTTLS"};
inline constexpr CannedReply cannot_verify{
    252, {2, 1, 5}, "Nothing is verified before RCPT", Scene::clear, "VRFY someone"};
inline constexpr CannedReply help{
    214, {2, 0, 0}, "EHLO HELO STARTTLS AUTH MAIL RCPT DATA RSET NOOP VRFY HELP QUIT", Scene::clear, "HELP"};
inline constexpr CannedReply logged_in{235,
                                       {2, 7, 0},
                                       "Authentication succeeded",
                                       Scene::encrypted,
                                       ""};  ///< SCRAM: tests/smtp/scram_test.cpp has the dialogue

/// All of them, refusals first, in the order of a session.
inline constexpr const CannedReply* all[] = {
    &line_too_long,
    &bare_newline_in_command,
    &control_in_command,
    &unknown_command,
    &not_implemented,
    &other_protocol,
    &takes_no_argument,
    &needs_argument,
    &bad_hello,
    &hello_first,
    &mail_first,
    &nested_mail,
    &in_transaction,
    &no_recipient,
    &tls_required,
    &tls_required_for_auth,
    &tls_active,
    &auth_required,
    &auth_twice,
    &auth_needs_ehlo,
    &unknown_mechanism,
    &auth_cancelled,
    &auth_bad_base64,
    &auth_malformed,
    &auth_too_long,
    &auth_failed,
    &too_many_auth_failures,
    &bad_syntax,
    &bad_sender,
    &bad_recipient,
    &recipient_without_domain,
    &needs_smtputf8,
    &unknown_parameter,
    &parameter_needs_ehlo,
    &bad_parameter,
    &too_large,
    &too_many_recipients,
    &bare_newline,
    &nul_in_message,
    &line_of_message_too_long,
    &too_many_errors,
    &too_many_idle_commands,
    &timed_out,
    &ok,
    &reset,
    &goodbye,
    &go_ahead_with_tls,
    &cannot_verify,
    &help,
    &logged_in,
};

}  // namespace replies

/// The reply with "{}" filled in. Octets beyond ASCII in `detail` become '?': a client that did not say SMTPUTF8 cannot
/// read them.
Reply make_reply(const CannedReply& canned, std::string_view detail = {});

}  // namespace sendconn::smtp
