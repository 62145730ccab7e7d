// Domain names of mail: checked, lower-cased, in A-labels (RFC 1035 section 2.3.4, RFC 5321 section 4.1.2, RFC 5890).
#include <sendconn/address.hpp>

#include <algorithm>
#include <iterator>

#include "lib/base/ascii.hpp"
#include "lib/base/cursor.hpp"
#include "lib/mail/idn.hpp"

namespace sendconn {
namespace {

constexpr std::size_t max_label_octets = 63;  // RFC 1035 section 2.3.4
// An octet of a name costs at most one code point of four octets in UTF-8; what is longer needs no look.
constexpr std::size_t max_input_octets = 4 * Domain::max_octets;

constexpr bool is_label_octet(char c) noexcept { return ascii::is_alnum(c) || c == '-' || c == '_'; }

Error refuse(std::string_view what, std::string_view token, std::string_view required, std::size_t position) {
  return {Errc::syntax, "domain: " + std::string(what) + " in " + ascii::quote(token) + "; " + std::string(required),
          position};
}

/// Appends one label in its checked, lower-case form.
Result<void> append_label(std::string& out, std::string_view label, std::size_t position) {
  if (label.empty())
    return Error{Errc::syntax, "domain: an empty label; each takes 1 to 63 octets (RFC 1035 section 2.3.4)", position};
  std::string converted;
  if (ascii::has_8bit(label)) {
    auto a_label = mail::to_a_label(label);
    if (!a_label) {
      a_label.error().position = position;
      return a_label.error();
    }
    converted = *std::move(a_label);
    label = converted;
  }
  const auto bad = std::find_if_not(label.begin(), label.end(), is_label_octet);
  if (bad != label.end())
    return refuse("a character that is no letter, digit, hyphen or underscore", label,
                  "write letters, digits and hyphens (RFC 5321 section 4.1.2)",
                  position + (converted.empty() ? static_cast<std::size_t>(bad - label.begin()) : 0));
  if (label.size() > max_label_octets)
    return refuse("a label of " + std::to_string(label.size()) + " octets", label,
                  "at most 63 are allowed (RFC 1035 section 2.3.4)", position);
  if (label.front() == '-' || label.back() == '-')
    return refuse("a hyphen at the edge", label, "a label begins and ends otherwise (RFC 5321 section 4.1.2)",
                  position);
  std::transform(label.begin(), label.end(), std::back_inserter(out), ascii::lower);
  return {};
}

}  // namespace

Result<Domain> Domain::parse(std::string_view text) {
  if (text.empty()) return Error{Errc::syntax, "domain: it is empty; a name such as example.org is required", 0};
  if (text.size() > max_input_octets)
    return refuse("a name of " + std::to_string(text.size()) + " octets", text,
                  "at most 253 are allowed (RFC 1035 section 3.1)", 0);
  std::string_view name = text;
  if (name.size() > 1 && name.back() == '.') name.remove_suffix(1);
  std::string out;
  out.reserve(name.size());
  Cursor cursor(name);
  std::size_t last = 0;
  for (bool more = true; more; more = cursor.take('.')) {
    if (!out.empty()) out.push_back('.');
    last = out.size();
    const std::size_t position = cursor.position();
    if (auto label = append_label(out, cursor.take_until('.'), position); !label) return label.error();
  }
  if (out.size() > max_octets)
    return refuse("a name of " + std::to_string(out.size()) + " octets", text,
                  "at most 253 are allowed (RFC 1035 section 3.1)", 0);
  // A resolver may take 127.0.0.1 for an address where a name was checked. No top-level domain is a number.
  const std::string_view top = std::string_view(out).substr(last);
  if (std::all_of(top.begin(), top.end(), ascii::is_digit))
    return refuse("a last label of digits alone", text, "an address is no domain (RFC 3696 section 2)", 0);
  return Domain(std::move(out));
}

std::string Domain::display() const {
  if (text_.find("xn--") == std::string::npos) return text_;
  std::string out;
  Cursor cursor(text_);
  for (bool more = true; more; more = cursor.take('.')) {
    if (!out.empty()) out.push_back('.');
    out += mail::to_u_label(cursor.take_until('.'));
  }
  return out;
}

bool Domain::is_within(const Domain& other) const noexcept {
  const std::string_view name = text_;
  if (name.size() == other.text_.size()) return name == other.text_;
  return name.size() > other.text_.size() && name.ends_with(other.text_) &&
         name[name.size() - other.text_.size() - 1] == '.';
}

}  // namespace sendconn
