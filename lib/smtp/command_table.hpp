// What a server session may be told in which phase: the one table (RFC 5321 section 4.1.4).
//
// A session is in one of four phases while it reads commands. It is `fresh` until the client has introduced itself, and
// again after a TLS handshake (RFC 3207 section 4.2 has everything the client said before forgotten). EHLO or HELO make
// it `ready`. An accepted MAIL opens a transaction without a recipient (`mail`), the first accepted RCPT makes it one
// that can be sent (`rcpt`). The end of the message, RSET, EHLO and HELO lead back to `ready`. Reading the message,
// waiting for a response of SASL, waiting for the handshake and being closed are not phases of the table: no command is
// read there.
//
// A cell of the table says whether the command is carried out in the phase, or which reply of replies.hpp refuses it. A
// gate is asked before the cell: who needs TLS or a login is told so at once, whatever else is wrong. The idle column
// names commands that cost the server a reply and bring no message nearer; they are counted.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "lib/smtp/replies.hpp"

namespace sendconn::smtp {

enum class Phase : std::uint8_t { fresh, ready, mail, rcpt };
inline constexpr std::size_t phase_count = 4;

enum class Verb : std::uint8_t {
  mail,
  rcpt,
  data,
  ehlo,
  helo,
  starttls,
  auth,
  rset,
  noop,
  quit,
  vrfy,
  help,
  unimplemented,  ///< known elsewhere, not offered here
  http,           ///< another protocol, most likely made to speak to us by a web page
  unknown,
};

enum class Gate : std::uint8_t { none, tls, login };

struct CommandRule {
  std::string_view name;
  Verb verb;
  Gate gate;
  bool idle;
  bool takes_argument;
  /// What refuses it in each phase; nullptr: it is carried out.
  std::array<const CannedReply*, phase_count> refusals;
};

namespace table {
inline constexpr const CannedReply* yes = nullptr;
inline constexpr const CannedReply* hello = &replies::hello_first;
inline constexpr const CannedReply* first = &replies::mail_first;
inline constexpr const CannedReply* twice = &replies::nested_mail;
inline constexpr const CannedReply* within = &replies::in_transaction;
inline constexpr const CannedReply* nobody = &replies::no_recipient;
inline constexpr const CannedReply* no = &replies::not_implemented;
inline constexpr const CannedReply* web = &replies::other_protocol;
}  // namespace table

// clang-format off
inline constexpr CommandRule command_rules[] = {
    // name       verb                  gate         idle   arg    fresh         ready         mail           rcpt
    {"MAIL",     Verb::mail,           Gate::login, false, true,  {table::hello, table::yes,   table::twice,  table::twice}},
    {"RCPT",     Verb::rcpt,           Gate::none,  false, true,  {table::first, table::first, table::yes,    table::yes}},
    {"DATA",     Verb::data,           Gate::none,  false, false, {table::first, table::first, table::nobody, table::yes}},
    {"QUIT",     Verb::quit,           Gate::none,  false, false, {table::yes,   table::yes,   table::yes,    table::yes}},
    {"EHLO",     Verb::ehlo,           Gate::none,  true,  true,  {table::yes,   table::yes,   table::yes,    table::yes}},
    {"HELO",     Verb::helo,           Gate::none,  true,  true,  {table::yes,   table::yes,   table::yes,    table::yes}},
    {"STARTTLS", Verb::starttls,       Gate::none,  false, false, {table::yes,   table::yes,   table::within, table::within}},
    {"AUTH",     Verb::auth,           Gate::tls,   false, true,  {table::hello, table::yes,   table::within, table::within}},
    {"RSET",     Verb::rset,           Gate::none,  true,  false, {table::yes,   table::yes,   table::yes,    table::yes}},
    {"NOOP",     Verb::noop,           Gate::none,  true,  true,  {table::yes,   table::yes,   table::yes,    table::yes}},
    {"VRFY",     Verb::vrfy,           Gate::none,  true,  true,  {table::yes,   table::yes,   table::yes,    table::yes}},
    {"HELP",     Verb::help,           Gate::none,  true,  true,  {table::yes,   table::yes,   table::yes,    table::yes}},
    {"EXPN",     Verb::unimplemented,  Gate::none,  false, true,  {table::no,    table::no,    table::no,     table::no}},
    {"BDAT",     Verb::unimplemented,  Gate::none,  false, true,  {table::no,    table::no,    table::no,     table::no}},
    {"ETRN",     Verb::unimplemented,  Gate::none,  false, true,  {table::no,    table::no,    table::no,     table::no}},
    {"XCLIENT",  Verb::unimplemented,  Gate::none,  false, true,  {table::no,    table::no,    table::no,     table::no}},
    {"XFORWARD", Verb::unimplemented,  Gate::none,  false, true,  {table::no,    table::no,    table::no,     table::no}},
    {"GET",      Verb::http,           Gate::none,  false, true,  {table::web,   table::web,   table::web,    table::web}},
    {"POST",     Verb::http,           Gate::none,  false, true,  {table::web,   table::web,   table::web,    table::web}},
    {"PUT",      Verb::http,           Gate::none,  false, true,  {table::web,   table::web,   table::web,    table::web}},
    {"CONNECT",  Verb::http,           Gate::none,  false, true,  {table::web,   table::web,   table::web,    table::web}},
};
// clang-format on

/// The rule of a command line's first word, upper and lower case the same; nullptr for an unknown one.
const CommandRule* find_rule(std::string_view name) noexcept;

}  // namespace sendconn::smtp
