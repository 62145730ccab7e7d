// Writing Authentication-Results (RFC 8601 section 2.2), folded (RFC 5322 section 2.2.3).
#include <sendconn/authres.hpp>

#include <algorithm>

#include "lib/authres/value.hpp"
#include "lib/base/ascii.hpp"

namespace sendconn::authres {
namespace {

constexpr std::size_t max_comment_octets = 200;  // our own; what is longer is cut
// Our own: with max_value_octets it stays below the 998 octets of a line (RFC 5322 section 2.1.1).
constexpr std::size_t max_name_octets = 80;

/// Words on lines: a word goes to the next line if it does not fit on this one.
class Lines {
 public:
  Lines(std::string text, std::size_t columns) : text_(std::move(text)), column_(text_.size()), columns_(columns) {}

  void add(const std::string& word) {
    if (column_ + 1 + word.size() > columns_) return begin_line(word);
    text_ += ' ';
    text_ += word;
    column_ += 1 + word.size();
  }
  void begin_line(const std::string& word) {
    text_ += "\r\n ";
    text_ += word;
    column_ = 1 + word.size();
  }
  void end_statement() {
    text_ += ';';
    ++column_;
  }
  std::string take() && { return std::move(text_) + "\r\n"; }

 private:
  std::string text_;
  std::size_t column_;
  std::size_t columns_;
};

Error refuse(std::string_view what, std::string_view token) {
  return {Errc::invalid_argument, "Authentication-Results: " + std::string(what) + " " + ascii::quote(token) +
                                      "; at most " + std::to_string(max_name_octets) +
                                      " letters, digits and hyphens are required (RFC 8601 section 2.2)"};
}

bool is_short_keyword(std::string_view text) noexcept { return is_keyword(text) && text.size() <= max_name_octets; }

bool is_property_name(std::string_view name) noexcept {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) { return is_keyword_octet(c) || c == '.'; });
}

/// At most `octets` of UTF-8 text, no character cut in two.
std::string_view shorten(std::string_view text, std::size_t octets) {
  if (text.size() <= octets) return text;
  while (octets > 0 && (static_cast<unsigned char>(text[octets]) & 0xc0U) == 0x80) --octets;
  return text.substr(0, octets);
}

Result<void> write(Lines& lines, const Statement& statement, bool utf8) {
  if (!is_short_keyword(statement.method)) return refuse("method", statement.method);
  if (!is_short_keyword(statement.result)) return refuse("result", statement.result);
  if (statement.properties.size() > max_properties)
    return Error{Errc::limit_exceeded,
                 "Authentication-Results: more than " + std::to_string(max_properties) + " properties of a result"};
  const std::string version = statement.version == 1 ? "" : "/" + std::to_string(statement.version);
  lines.begin_line(statement.method + version + "=" + statement.result);
  if (!statement.comment.empty()) lines.add(format_comment(shorten(statement.comment, max_comment_octets), utf8));
  // Quoting may double the length, and a line has its limit.
  if (!statement.reason.empty())
    lines.add("reason=" + format_word(shorten(statement.reason, max_value_octets / 2), utf8));
  for (const Property& property : statement.properties) {
    if (!property.type.empty() && !is_keyword(property.type)) return refuse("type of a property", property.type);
    if (!is_property_name(property.name)) return refuse("name of a property", property.name);
    const std::string value = format_value(property.value, utf8);
    std::string name = (property.type.empty() ? "" : property.type + ".") + property.name;
    if (name.size() > max_name_octets) return refuse("overlong name of a property", name);
    if (value.size() <= max_value_octets) lines.add(name.append("=").append(value));
  }
  return {};
}

}  // namespace

Result<std::string> format(const Results& results, const FormatOptions& options) {
  const std::string id = format_word(results.id, options.utf8);
  if (results.id.empty() || id.size() > max_value_octets)
    return Error{Errc::invalid_argument, "Authentication-Results: an id of " + std::to_string(results.id.size()) +
                                             " octets; 1 to " + std::to_string(max_value_octets) +
                                             " are required (RFC 8601 section 2.5)"};
  if (results.statements.size() > max_statements)
    return Error{Errc::limit_exceeded,
                 "Authentication-Results: more than " + std::to_string(max_statements) + " results"};
  Lines lines("Authentication-Results:", options.columns);
  lines.add(id);
  if (results.version != 1) lines.add(std::to_string(results.version));
  lines.end_statement();
  if (results.statements.empty()) lines.add("none");
  for (const Statement& statement : results.statements) {
    if (&statement != &results.statements.front()) lines.end_statement();
    if (auto written = write(lines, statement, options.utf8); !written) return written.error();
  }
  return std::move(lines).take();
}

}  // namespace sendconn::authres
