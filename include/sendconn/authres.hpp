// What was found out about a message's origin, as the header field Authentication-Results says it (RFC 8601): read,
// written, and removed where a stranger forged it in our name.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <sendconn/result.hpp>

#pragma GCC visibility push(default)

namespace sendconn::authres {

// Our own bounds. Nobody needs a tenth of them; they keep a hostile field from costing more than it is worth.
inline constexpr std::size_t max_field_octets = 65'536;  ///< of a field that is read or held back
inline constexpr std::size_t max_statements = 200;       ///< of a field
inline constexpr std::size_t max_properties = 50;        ///< of a statement
/// Of one value as written, so that a line holds it (RFC 5322 section 2.1.1: 998 octets).
inline constexpr std::size_t max_value_octets = 900;

/// "smtp.mailfrom=example.com": from which property of the message a result follows (RFC 8601 section 2.3).
struct Property {
  /// "smtp", "header", "body", "policy" or an extension. Empty only for what some servers write without a type, such as
  /// "action=none".
  std::string type;
  std::string name;   ///< "mailfrom", "d"
  std::string value;  ///< what is meant, without quoting; an address may have its local part in quotes
  friend bool operator==(const Property&, const Property&) = default;
};

/// "dkim=pass (2048-bit key) header.d=example.com": one method's result (RFC 8601 section 2.2).
struct Statement {
  std::string method;    ///< "spf", "dkim", "dmarc", "iprev", "auth" or an extension
  unsigned version = 1;  ///< of the method
  std::string result;    ///< "pass"
  std::string comment;   ///< for people; the comments behind the result, joined. Trust nothing in it
  std::string reason;    ///< reason="..."; empty: none
  std::vector<Property> properties;

  /// The value of the first property of this type and name (upper and lower case the same), or null.
  [[nodiscard]] const std::string* find(std::string_view type, std::string_view name) const noexcept;
  friend bool operator==(const Statement&, const Statement&) = default;
};

/// One field.
struct Results {
  std::string id;                     ///< authserv-id: who says so (RFC 8601 section 2.5)
  unsigned version = 1;               ///< of the field; this is RFC 8601's
  std::vector<Statement> statements;  ///< empty: "none", no authentication was done
  friend bool operator==(const Results&, const Results&) = default;
};

/// Reads a field's value: everything behind the colon, folds included, with or without the final CRLF (mail::Field has
/// it). Comments, folds and quoting are understood wherever the grammar allows them, UTF-8 too; methods, results and
/// the names of properties come out in lower case. A little wider than the grammar, as the fields of large providers
/// are: a value may hold any visible characters but quotes, parentheses and semicolons unquoted, a property may lack
/// its type, and a last semicolon may have nothing behind it. Nothing that is read grants trust: any sender can write
/// such a field, so read only those that carry your own id, and remove foreign ones first (ForgeryFilter).
/// Errc::syntax with the position; Errc::limit_exceeded.
Result<Results> parse(std::string_view value);

struct FormatOptions {
  /// The message is internationalized (RFC 6532): UTF-8 in values stays. Else a domain's U-labels become A-labels, and
  /// every other octet above 0x7f becomes "?".
  bool utf8 = false;
  std::size_t columns = 78;  ///< where lines are folded if they can be (RFC 5322 section 2.1.1)
};

/// The whole field, "Authentication-Results: ...", folded and with its final CRLF. Whatever stands in a value, a reason
/// or a comment, nothing gets out of it: values are quoted where they must be, control characters become "?". A
/// property whose value is longer than max_value_octets is left out, for a domain cut short is another domain; an
/// overlong reason or comment is cut.
/// Errc::invalid_argument for an id that is empty or longer than max_value_octets, and for a method, result, type or
/// name that is no Keyword (RFC 5321 section 4.1.2; underscore and, in names, dot are allowed besides);
/// Errc::limit_exceeded above max_statements or max_properties.
Result<std::string> format(const Results& results, const FormatOptions& options = {});

/// Removes the Authentication-Results fields that carry one of our own ids from a message that comes from outside
/// (RFC 8601 section 5): nobody but us may speak in our name. Feed the message, or its header section alone, in pieces
/// of any size; what may stay comes out as it was, octet by octet. Only a field of that name is ever held back, at most
/// max_field_octets of it. Behind the first empty line, CRLF behind CRLF, everything passes. Thread-compatible.
///
/// Ids are the same if they differ in case, in a dot at the end, or between A-labels and U-labels. What is not plain is
/// removed too, since another reader may see our id in it: fields that cannot be read up to their id, that are longer
/// than max_field_octets, or of a version other than 1. Lines may end in CRLF, a bare LF or a bare CR: a reader behind
/// us may take each for an end.
class ForgeryFilter {
 public:
  /// The ids that only our own servers write. Errc::invalid_argument if there is none, or an empty one.
  static Result<ForgeryFilter> create(const std::vector<std::string>& own_ids);

  /// Appends to `out` what of `piece`, and of what was held back, may stay.
  void feed(std::string_view piece, std::string& out);
  /// The end of the input: decides about a field that is still held back.
  void finish(std::string& out);
  [[nodiscard]] std::size_t removed() const noexcept { return removed_; }  ///< fields so far

 private:
  enum class State : unsigned char { name, keep, hold, body };

  explicit ForgeryFilter(std::vector<std::string> ids) : ids_(std::move(ids)) {}
  void take(char c, std::string& out);
  void begin_line(char c, std::string& out);
  void settle(std::string& out);
  [[nodiscard]] bool is_forged() const;

  std::vector<std::string> ids_;  // as comparable() makes them
  std::string held_;              // what is undecided: the beginning of a line, or a whole field of ours
  State state_ = State::name;
  bool line_start_ = true;   // the next octet is the first of a line
  bool empty_line_ = false;  // this line began with its end
  bool after_cr_ = false;
  bool crlf_ = true;  // the line above ended in CRLF, or there is none
  bool overlong_ = false;
  std::size_t removed_ = 0;
};

/// The header section `header` without the forged fields: ForgeryFilter for one text at once.
/// Errc::invalid_argument as ForgeryFilter::create.
Result<std::string> remove_forged(std::string_view header, const std::vector<std::string>& own_ids);

}  // namespace sendconn::authres

#pragma GCC visibility pop
