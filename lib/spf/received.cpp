// Received-SPF, written and read (RFC 7208 section 9.1; comments, quoted strings and folding of RFC 5322 section 3.2).
#include <algorithm>
#include <array>
#include <optional>

#include <sendconn/spf_received.hpp>

#include "lib/base/ascii.hpp"
#include "lib/base/cursor.hpp"

namespace sendconn::spf {
namespace {

constexpr int max_comment_depth = 32;  // nested comments; our own bound

constexpr bool is_atext(char c) noexcept {
  return ascii::is_alnum(c) || std::string_view("!#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos;
}

bool is_dot_atom(std::string_view text) noexcept {
  char before = '.';
  for (const char c : text) {
    if (c == '.' ? before == '.' : !is_atext(c)) return false;
    before = c;
  }
  return before != '.';
}

std::string printable(std::string_view text) {
  std::string out(text.substr(0, max_received_value_octets));
  std::replace_if(
      out.begin(), out.end(), [](char c) { return c != ' ' && !ascii::is_vchar(c); }, '?');
  return out;
}

void append_escaped(std::string_view text, std::string_view special, std::string& out) {
  for (const char c : text) {
    if (special.find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
}

constexpr std::array<std::pair<std::string_view, std::string ReceivedSpf::*>, 7> known_keys = {
    {{"receiver", &ReceivedSpf::receiver},
     {"client-ip", &ReceivedSpf::client_ip},
     {"envelope-from", &ReceivedSpf::envelope_from},
     {"helo", &ReceivedSpf::helo},
     {"identity", &ReceivedSpf::identity},
     {"mechanism", &ReceivedSpf::mechanism},
     {"problem", &ReceivedSpf::problem}}};

class Reader {
 public:
  explicit Reader(std::string_view value) : cursor_(value) {}
  Result<ReceivedSpf> read();

 private:
  /// Skips folding white space and comments; the text of the first comment goes to `comment`.
  bool skip_cfws(std::string* comment);
  bool read_comment(std::string& text);
  bool read_pair(ReceivedSpf& received);
  std::optional<std::string> read_quoted();
  [[nodiscard]] Error error(std::string_view what) const {
    return {Errc::syntax, "Received-SPF: " + std::string(what) + " (RFC 7208 section 9.1)", cursor_.position()};
  }

  Cursor cursor_;
};

bool Reader::read_comment(std::string& text) {
  int depth = 0;
  do {
    const char c = cursor_.peek();
    if (cursor_.at_end()) return false;
    cursor_.skip();
    if (c == '(' && ++depth == 1) continue;
    if (depth > max_comment_depth) return false;
    if (c == ')' && --depth == 0) return true;
    if (c == '\\') {
      if (cursor_.at_end()) return false;
      text += cursor_.peek();
      cursor_.skip();
    } else if (c != '\r' && c != '\n') {
      text += c;
    }
  } while (depth > 0);
  return true;
}

bool Reader::skip_cfws(std::string* comment) {
  for (;;) {
    cursor_.take_while(ascii::is_fws);
    if (cursor_.peek() != '(') return true;
    std::string text;
    if (!read_comment(text)) return false;
    if (comment != nullptr && comment->empty()) *comment = text;
  }
}

std::optional<std::string> Reader::read_quoted() {
  std::string out;
  cursor_.skip();
  while (!cursor_.at_end()) {
    const char c = cursor_.peek();
    cursor_.skip();
    if (c == '"') return out;
    if (c == '\\') {
      if (cursor_.at_end()) return std::nullopt;
      out += cursor_.peek();
      cursor_.skip();
    } else if (c != '\r' && c != '\n') {
      out += c;
    }
  }
  return std::nullopt;
}

bool Reader::read_pair(ReceivedSpf& received) {
  const std::string key = ascii::to_lower(
      cursor_.take_while([](char c) { return ascii::is_alnum(c) || c == '-' || c == '_' || c == '.'; }));
  if (key.empty() || !ascii::is_alpha(key.front()) || !skip_cfws(nullptr) || !cursor_.take('=') || !skip_cfws(nullptr))
    return false;
  std::string value;
  if (cursor_.peek() == '"') {
    auto quoted = read_quoted();
    if (!quoted) return false;
    value = std::move(*quoted);
  } else {
    // Wider than dot-atom: fields of other programs have bare addresses with "@" and ":".
    value = cursor_.take_while([](char c) { return ascii::is_vchar(c) && c != ';' && c != '(' && c != '"'; });
    if (value.empty()) return false;
  }
  const auto known =
      std::find_if(known_keys.begin(), known_keys.end(), [&](const auto& entry) { return entry.first == key; });
  if (known == known_keys.end()) {
    received.others.emplace_back(key, value);
  } else if (std::string& member = received.*(known->second); member.empty()) {
    member = value;
  }
  return true;
}

Result<ReceivedSpf> Reader::read() {
  ReceivedSpf received;
  if (!skip_cfws(nullptr)) return error("a comment that does not end");
  const std::string verdict = ascii::to_lower(cursor_.take_while(ascii::is_alpha));
  constexpr std::array verdicts = {Verdict::none,     Verdict::neutral,   Verdict::pass,     Verdict::fail,
                                   Verdict::softfail, Verdict::temperror, Verdict::permerror};
  const auto found =
      std::find_if(verdicts.begin(), verdicts.end(), [&](Verdict known) { return format(known) == verdict; });
  if (found == verdicts.end()) return error(ascii::quote(verdict) + " is no result");
  received.verdict = *found;
  if (!cursor_.at_end() && !ascii::is_fws(cursor_.peek()) && cursor_.peek() != '(')
    return error("white space must follow the result");
  if (!skip_cfws(&received.comment)) return error("a comment that does not end");
  while (!cursor_.at_end()) {
    if (!read_pair(received)) return error("a key, an equals sign and a value are required");
    if (!skip_cfws(nullptr)) return error("a comment that does not end");
    if (cursor_.at_end()) break;
    if (!cursor_.take(';')) return error("a semicolon must stand between two pairs");
    if (!skip_cfws(nullptr)) return error("a comment that does not end");
  }
  return received;
}

}  // namespace

ReceivedSpf to_received(const Outcome& outcome, const IpAddress& client, std::string_view helo,
                        std::string_view receiver) {
  ReceivedSpf received;
  received.verdict = outcome.verdict;
  received.comment = (receiver.empty() ? std::string() : std::string(receiver) + ": ") + outcome.text;
  received.client_ip = client.unmapped().format();
  received.envelope_from = outcome.sender;
  received.helo = helo;
  received.receiver = receiver;
  received.identity = format(outcome.identity);
  if (outcome.verdict == Verdict::temperror || outcome.verdict == Verdict::permerror) {
    received.problem = format(outcome.reason);
  } else if (outcome.reason == Reason::no_match) {
    received.mechanism = "default";
  } else if (!outcome.path.empty()) {
    // A name, not a term: "mechanism" is the one that matched (RFC 7208 section 9.1).
    const std::string_view term = outcome.path.back().term;
    const std::size_t start = term.find_first_not_of("+-~?");
    if (start != std::string_view::npos)
      received.mechanism = term.substr(start, term.find_first_of(":/=", start) - start);
  }
  return received;
}

std::string format(const ReceivedSpf& received) {
  std::string out = "Received-SPF: " + std::string(format(received.verdict));
  if (!received.comment.empty()) {
    out += " (";
    append_escaped(printable(received.comment), "()\\", out);
    out += ")";
  }
  const char* separator = "";
  const auto append = [&](std::string_view key, std::string_view given) {
    if (given.empty()) return;
    const std::string value = printable(given);
    out += separator;
    out += "\r\n\t";
    out += key;
    out += '=';
    if (is_dot_atom(value)) {
      out += value;
    } else {
      out += '"';
      append_escaped(value, "\"\\", out);
      out += '"';
    }
    separator = ";";
  };
  for (const auto& [key, member] : known_keys) append(key, received.*member);
  for (const auto& [key, value] : received.others) append(key, value);
  return out + "\r\n";
}

Result<ReceivedSpf> parse_received(std::string_view value) {
  if (value.size() > max_received_octets)
    return Error{Errc::limit_exceeded, "Received-SPF: " + std::to_string(value.size()) + " octets, at most " +
                                           std::to_string(max_received_octets) + " are read"};
  return Reader(value).read();
}

}  // namespace sendconn::spf
