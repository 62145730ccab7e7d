#include "lib/smtp/grammar.hpp"

#include <algorithm>
#include <limits>

#include "lib/base/ascii.hpp"
#include "lib/base/cursor.hpp"
#include "lib/smtp/command_table.hpp"

namespace sendconn::smtp {
namespace {

constexpr std::size_t max_hello_octets = 255;  // RFC 5321 section 4.5.3.1.2

struct PathKind {
  std::string_view keyword;
  std::string_view form;
  const CannedReply* bad;
};
constexpr PathKind reverse{"FROM:", "MAIL FROM:<local@domain>", &replies::bad_sender};
constexpr PathKind forward{"TO:", "RCPT TO:<local@domain>", &replies::bad_recipient};

/// The mailbox between the angle brackets, a source route taken away (RFC 5321 section 4.1.1.3 has it ignored).
Refusal take_path(Cursor& in, const PathKind& kind, std::string_view& mailbox) {
  const auto malformed = [&] { return Refusal{&replies::bad_syntax, std::string(kind.form)}; };
  if (!in.take_word(kind.keyword)) return malformed();
  in.take_while(ascii::is_wsp);  // not allowed, and sent by many
  const std::size_t open = in.position();
  if (!in.take('<')) return malformed();
  if (in.peek() == '@') {
    const auto in_route = [](char c) {
      return ascii::is_alnum(c) || c == '-' || c == '.' || c == '@' || c == ',' || ascii::is_8bit(c);
    };
    in.take_while(in_route);
    if (!in.take(':')) return {kind.bad, "a source route ends in ':' (RFC 5321 section 4.1.2)"};
  }
  const std::size_t start = in.position();
  if (in.take('"')) {
    while (!in.at_end() && in.peek() != '"') in.skip(in.peek() == '\\' ? 2 : 1);
    in.skip();
  }
  in.take_until('>');
  mailbox = in.since(start);
  if (!in.take('>')) return malformed();
  if (in.position() - open > Address::max_path_octets) {
    return {kind.bad, "at most 256 octets are allowed (RFC 5321 section 4.5.3.1.3)"};
  }
  if (!in.at_end() && !ascii::is_wsp(in.peek())) return malformed();
  return {};
}

struct Parameter {
  std::string_view keyword;
  std::string_view value;
  bool has_value = false;
  [[nodiscard]] Refusal bad(std::string_view why) const {
    return {&replies::bad_parameter, ascii::quote(keyword) + " " + std::string(why)};
  }
};

/// esmtp-param (RFC 5321 section 4.1.2); the caller is not at the end.
Refusal take_parameter(Cursor& in, Parameter& out) {
  out = Parameter();
  out.keyword = in.take_while([](char c) { return ascii::is_alnum(c) || c == '-'; });
  if (in.take('=')) {
    out.has_value = true;
    out.value = in.take_while([](char c) { return ascii::is_vchar(c) && c != '='; });
  }
  const bool ended = in.at_end() || ascii::is_wsp(in.peek());
  if (out.keyword.empty() || (out.has_value && out.value.empty()) || !ended) {
    return {&replies::bad_parameter, "required is KEYWORD or KEYWORD=value, separated by spaces"};
  }
  in.take_while(ascii::is_wsp);
  return {};
}

Refusal take_size(const Parameter& parameter, MailArguments& out) {
  const bool digits = std::all_of(parameter.value.begin(), parameter.value.end(), ascii::is_digit);
  if (!digits || parameter.value.empty() || parameter.value.size() > 20) {  // RFC 1870 section 3: 1*20DIGIT
    return parameter.bad("needs 1 to 20 digits (RFC 1870 section 3)");
  }
  out.size = ascii::to_number<std::uint64_t>(parameter.value).value_or(std::numeric_limits<std::uint64_t>::max());
  return {};
}

Refusal take_body(const Parameter& parameter, MailArguments& out) {
  if (ascii::equal(parameter.value, "8BITMIME")) {
    out.body = BodyType::eight_bit_mime;
  } else if (!ascii::equal(parameter.value, "7BIT")) {
    return parameter.bad("is 7BIT or 8BITMIME (RFC 6152 section 2)");
  }
  return {};
}

Refusal take_auth(const Parameter& parameter, MailArguments& out) {
  std::optional<std::string> decoded = decode_xtext(parameter.value);
  if (!decoded || decoded->empty()) return parameter.bad("is a mailbox in xtext, or <> (RFC 4954 section 5)");
  out.auth = *std::move(decoded);
  return {};
}

Refusal take_mail_parameters(Cursor& in, MailArguments& out) {
  unsigned seen = 0;
  while (!in.at_end()) {
    Parameter parameter;
    if (Refusal refusal = take_parameter(in, parameter)) return refusal;
    unsigned bit = 0;
    Refusal refusal;
    if (ascii::equal(parameter.keyword, "SIZE")) {
      bit = 1;
      refusal = take_size(parameter, out);
    } else if (ascii::equal(parameter.keyword, "BODY")) {
      bit = 2;
      refusal = take_body(parameter, out);
    } else if (ascii::equal(parameter.keyword, "SMTPUTF8")) {
      bit = 4;
      out.smtputf8 = true;
      if (parameter.has_value) refusal = parameter.bad("takes no value (RFC 6531 section 3.4)");
    } else if (ascii::equal(parameter.keyword, "AUTH")) {
      bit = 8;
      refusal = take_auth(parameter, out);
    } else {
      return {&replies::unknown_parameter, ascii::quote(parameter.keyword)};
    }
    if (refusal) return refusal;
    if ((seen & bit) != 0) return parameter.bad("stands twice");
    seen |= bit;
  }
  return {};
}

Refusal take_mailbox(std::string_view mailbox, const PathKind& kind, bool smtputf8, std::optional<Address>& out) {
  if (!smtputf8 && ascii::has_8bit(mailbox)) return {&replies::needs_smtputf8, {}};
  Result<Address> address = Address::parse(mailbox);
  if (!address) return {kind.bad, std::move(address.error().text)};
  out = *std::move(address);
  return {};
}

}  // namespace

const CommandRule* find_rule(std::string_view name) noexcept {
  for (const CommandRule& rule : command_rules) {
    if (ascii::equal(name, rule.name)) return &rule;
  }
  return nullptr;
}

CommandLine split_command(std::string_view line) noexcept {
  Cursor in(line);
  CommandLine command;
  command.name = in.take_while([](char c) { return !ascii::is_wsp(c); });
  command.argument = ascii::trim(in.rest());
  return command;
}

bool has_control(std::string_view line) noexcept {
  return std::any_of(line.begin(), line.end(), [](char c) { return ascii::is_control(c) && c != '\t'; });
}

std::optional<std::string_view> parse_hello(std::string_view argument) noexcept {
  const auto allowed = [](char c) {
    return ascii::is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '[' || c == ']' || c == ':' || c == '/' ||
           c == '+' || c == '=';
  };
  Cursor in(argument);
  const std::string_view name = in.take_while(allowed);
  if (name.empty() || name.size() > max_hello_octets) return std::nullopt;
  if (!in.at_end() && !ascii::is_wsp(in.peek())) return std::nullopt;
  return name;
}

Refusal parse_mail(std::string_view argument, bool extended, MailArguments& out) {
  Cursor in(argument);
  std::string_view mailbox;
  if (Refusal refusal = take_path(in, reverse, mailbox)) return refusal;
  in.take_while(ascii::is_wsp);
  if (!in.at_end() && !extended) return {&replies::parameter_needs_ehlo, {}};
  if (Refusal refusal = take_mail_parameters(in, out)) return refusal;
  if (mailbox.empty()) return {};
  return take_mailbox(mailbox, reverse, out.smtputf8, out.reverse_path);
}

Refusal parse_rcpt(std::string_view argument, const RcptContext& context, std::optional<Address>& out) {
  Cursor in(argument);
  std::string_view mailbox;
  if (Refusal refusal = take_path(in, forward, mailbox)) return refusal;
  in.take_while(ascii::is_wsp);
  if (!in.at_end()) {
    if (!context.extended) return {&replies::parameter_needs_ehlo, {}};
    Parameter parameter;
    if (Refusal refusal = take_parameter(in, parameter)) return refusal;
    return {&replies::unknown_parameter, ascii::quote(parameter.keyword)};
  }
  if (!ascii::equal(mailbox, "postmaster")) return take_mailbox(mailbox, forward, context.smtputf8, out);
  if (context.postmaster == nullptr) return {&replies::recipient_without_domain, {}};
  return take_mailbox("postmaster@" + context.postmaster->text(), forward, false, out);
}

std::optional<std::string> decode_xtext(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  Cursor in(text);
  while (!in.at_end()) {
    char c = in.peek();
    in.skip();
    if (c == '+') {
      const int high = ascii::hex_value(in.peek());
      const int low = ascii::hex_value(in.peek(1));
      if (high < 0 || low < 0) return std::nullopt;
      c = static_cast<char>(high * 16 + low);
      in.skip(2);
    }
    if (ascii::is_control(c)) return std::nullopt;
    out += c;
  }
  return out;
}

}  // namespace sendconn::smtp
