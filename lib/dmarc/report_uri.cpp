// Where reports go: the URIs of rua= and ruf= (RFC 9989 section 4.6, RFC 3986, RFC 6068).
#include <sendconn/dmarc.hpp>

#include <algorithm>

#include "lib/base/ascii.hpp"
#include "lib/base/cursor.hpp"

namespace sendconn::dmarc {
namespace {

Error fault(std::string_view text, std::string_view what, std::size_t position) {
  return {Errc::syntax, "report address " + ascii::quote(text) + ": " + std::string(what), position};
}

/// RFC 3986 section 2: unreserved, reserved and the percent sign; commas and exclamation points must be encoded here.
constexpr bool is_uri_octet(char c) noexcept {
  return ascii::is_alnum(c) || std::string_view("-._~:/?#[]@$&'()*+;=%").find(c) != std::string_view::npos;
}

/// Where "!10m" begins, which old records have (RFC 9989 section 4.8, obs-dmarc-report-size); the end if it is absent.
std::size_t find_size(std::string_view text) noexcept {
  const std::size_t mark = text.rfind('!');
  if (mark == std::string_view::npos) return text.size();
  std::string_view size = text.substr(mark + 1);
  if (!size.empty() && std::string_view("kmgt").find(ascii::lower(size.back())) != std::string_view::npos)
    size.remove_suffix(1);
  return !size.empty() && std::all_of(size.begin(), size.end(), ascii::is_digit) ? mark : text.size();
}

Result<std::string> percent_decode(std::string_view text, std::size_t start) {
  std::string out;
  for (Cursor cursor(text); !cursor.at_end();) {
    const std::size_t position = start + cursor.position();
    if (!cursor.take('%')) {
      out += cursor.peek();
      cursor.skip();
      continue;
    }
    const int high = ascii::hex_value(cursor.peek());
    const int low = ascii::hex_value(cursor.peek(1));
    if (high < 0 || low < 0)
      return Error{Errc::syntax, "report address: \"%\" without two hexadecimal digits (RFC 3986 section 2.1)",
                   position};
    out += static_cast<char>(high * 16 + low);
    cursor.skip(2);
  }
  return out;
}

/// The host behind "//", without user and port. Not for people's eyes: whether it is a Domain is asked elsewhere.
std::optional<Domain> host_of(std::string_view rest) {
  if (rest.substr(0, 2) != "//") return std::nullopt;
  rest.remove_prefix(2);
  rest = rest.substr(0, rest.find_first_of("/?#"));
  if (const std::size_t at = rest.rfind('@'); at != std::string_view::npos) rest.remove_prefix(at + 1);
  const auto domain = Domain::parse(rest.substr(0, rest.find(':')));
  return domain ? std::optional(*domain) : std::nullopt;
}

}  // namespace

Result<ReportUri> parse_report_uri(std::string_view text) {
  ReportUri uri;
  const std::string_view published = text.substr(0, find_size(text));
  Cursor cursor(published);
  // RFC 3986 section 3.1.
  const std::string_view scheme =
      cursor.take_while([](char c) { return ascii::is_alnum(c) || c == '+' || c == '-' || c == '.'; });
  if (scheme.empty() || !ascii::is_alpha(scheme.front()) || !cursor.take(':'))
    return fault(text, "no scheme; \"mailto:\" and an address are required (RFC 9989 section 4.7)", cursor.position());
  const std::size_t start = cursor.position();
  const std::string_view rest = cursor.take_while(is_uri_octet);
  if (!cursor.at_end())
    return fault(text,
                 ascii::quote(cursor.rest().substr(0, 1)) + " must be percent-encoded in a URI (RFC 3986 section 2.1)",
                 cursor.position());
  uri.text = std::string(published);
  uri.scheme = ascii::to_lower(scheme);
  if (uri.scheme != "mailto") {
    uri.host = host_of(rest);
    return uri;
  }
  auto decoded = percent_decode(rest.substr(0, rest.find('?')), start);
  if (!decoded) return decoded.error();
  auto mailbox = Address::parse(*decoded);
  if (!mailbox) return fault(text, mailbox.error().text, start);
  uri.host = mailbox->domain();
  uri.mailbox = *std::move(mailbox);
  return uri;
}

}  // namespace sendconn::dmarc
