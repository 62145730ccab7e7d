// Reading Authentication-Results (RFC 8601 section 2.2).
#include <sendconn/authres.hpp>

#include "lib/authres/value.hpp"
#include "lib/base/ascii.hpp"
#include "lib/base/cursor.hpp"

namespace sendconn::authres {
namespace {

Error fault(const Cursor& cursor, std::string_view required) {
  const bool end = cursor.at_end();
  return {Errc::syntax,
          "Authentication-Results: " + (end ? "the end" : ascii::quote(cursor.rest(), 20)) + " where " +
              std::string(required) + " is required (RFC 8601 section 2.2)",
          cursor.position()};
}

Error too_many(const Cursor& cursor, std::string_view what, std::size_t limit) {
  return {Errc::limit_exceeded, "Authentication-Results: more than " + std::to_string(limit) + " " + std::string(what),
          cursor.position()};
}

Result<std::string> take_keyword(Cursor& cursor, std::string_view what) {
  const std::string_view word = cursor.take_while(is_keyword_octet);
  if (word.empty()) return fault(cursor, what);
  return ascii::to_lower(word);
}

/// "=" between optional white space and comments.
Result<void> take_equals(Cursor& cursor) {
  if (auto skipped = skip_cfws(cursor); !skipped) return skipped;
  if (!cursor.take('=')) return fault(cursor, "\"=\"");
  return skip_cfws(cursor);
}

/// `method ["/" version] "=" result`; the cursor stands at the method.
Result<Statement> take_method(Cursor& cursor, std::string method) {
  Statement statement;
  statement.method = std::move(method);
  if (auto skipped = skip_cfws(cursor); !skipped) return skipped.error();
  if (cursor.take('/')) {
    if (auto skipped = skip_cfws(cursor); !skipped) return skipped.error();
    const auto version = take_version(cursor);
    if (!version) return version.error();
    statement.version = *version;
  }
  if (auto equals = take_equals(cursor); !equals) return equals.error();
  auto result = take_keyword(cursor, "a result");
  if (!result) return result.error();
  statement.result = *std::move(result);
  return statement;
}

/// `reason "=" value`, `type "." name "=" value`, or `name "=" value` as some servers write it.
Result<void> take_attribute(Cursor& cursor, Statement& statement) {
  auto word = take_keyword(cursor, "a property");
  if (!word) return word.error();
  if (auto skipped = skip_cfws(cursor); !skipped) return skipped;
  Property property;
  if (cursor.take('.')) {
    property.type = *std::move(word);
    if (auto skipped = skip_cfws(cursor); !skipped) return skipped;
    const std::string_view name = cursor.take_while([](char c) { return is_keyword_octet(c) || c == '.'; });
    if (name.empty()) return fault(cursor, "the name of a property");
    property.name = ascii::to_lower(name);
  } else {
    property.name = *std::move(word);
  }
  if (auto equals = take_equals(cursor); !equals) return equals;
  auto value = take_value(cursor);
  if (!value) return value.error();
  if (property.type.empty() && property.name == "reason") {
    if (statement.reason.empty()) statement.reason = *std::move(value);
    return {};
  }
  if (statement.properties.size() == max_properties) return too_many(cursor, "properties of a result", max_properties);
  property.value = *std::move(value);
  statement.properties.push_back(std::move(property));
  return {};
}

Result<Statement> take_statement(Cursor& cursor, std::string method) {
  auto statement = take_method(cursor, std::move(method));
  if (!statement) return statement;
  if (auto skipped = skip_cfws(cursor, &statement->comment); !skipped) return skipped.error();
  while (!cursor.at_end() && cursor.peek() != ';') {
    if (auto attribute = take_attribute(cursor, *statement); !attribute) return attribute.error();
    if (auto skipped = skip_cfws(cursor); !skipped) return skipped.error();
  }
  return statement;
}

}  // namespace

const std::string* Statement::find(std::string_view type, std::string_view name) const noexcept {
  for (const Property& property : properties) {
    if (ascii::equal(property.type, type) && ascii::equal(property.name, name)) return &property.value;
  }
  return nullptr;
}

Result<Results> parse(std::string_view value) {
  if (value.size() > max_field_octets)
    return Error{Errc::limit_exceeded,
                 "Authentication-Results: " + std::to_string(value.size()) + " octets; at most " +
                     std::to_string(max_field_octets) + " are read",
                 max_field_octets};
  if (value.size() >= 2 && value.substr(value.size() - 2) == "\r\n") value.remove_suffix(2);
  Cursor cursor(value);
  auto opening = take_opening(cursor);
  if (!opening) return opening.error();
  Results results;
  results.id = std::move(opening->id);
  results.version = opening->version;
  bool none = false;
  bool any = false;
  while (cursor.take(';')) {
    if (auto skipped = skip_cfws(cursor); !skipped) return skipped.error();
    if (cursor.at_end() && any) break;
    auto method = take_keyword(cursor, "a method or \"none\"");
    if (!method) return method.error();
    if (auto skipped = skip_cfws(cursor); !skipped) return skipped.error();
    if (none) return fault(cursor, "the end, behind \"none\",");
    if (!any && *method == "none" && (cursor.at_end() || cursor.peek() == ';')) {
      any = none = true;
      continue;
    }
    if (results.statements.size() == max_statements) return too_many(cursor, "results", max_statements);
    auto statement = take_statement(cursor, *std::move(method));
    if (!statement) return statement.error();
    results.statements.push_back(*std::move(statement));
    any = true;
  }
  if (!any) return fault(cursor, "a semicolon and a result");
  return results;
}

}  // namespace sendconn::authres
