// Token and Challenge: what is published to prove control of a domain.
#include <algorithm>

#include <sendconn/ownership.hpp>

#include "lib/base/ascii.hpp"

namespace sendconn::ownership {

Result<Token> Token::from_random(std::string_view random) {
  if (random.size() != octets)
    return Error{Errc::invalid_argument,
                 "an ownership token is made from 20 random octets, not from " + std::to_string(random.size())};
  return Token(ascii::to_hex(random));
}

Result<Token> Token::parse(std::string_view hex) {
  if (hex.size() != 2 * octets)
    return Error{Errc::syntax, "an ownership token has 40 hexadecimal digits, not " + std::to_string(hex.size()), 0};
  const auto bad = std::find_if_not(hex.begin(), hex.end(), ascii::is_hex);
  if (bad != hex.end())
    return Error{Errc::syntax, "an ownership token has hexadecimal digits alone",
                 static_cast<std::size_t>(bad - hex.begin())};
  return Token(ascii::to_lower(hex));
}

Result<Challenge> Challenge::of(std::string provider, Domain domain, Token token) {
  const auto allowed = [](char c) { return ascii::is_digit(c) || (c >= 'a' && c <= 'z') || c == '-'; };
  if (provider.empty() || provider.size() > max_provider_octets || provider.front() == '-' || provider.back() == '-' ||
      !std::all_of(provider.begin(), provider.end(), allowed))
    return Error{
        Errc::invalid_argument,
        ascii::quote(provider) + " is not a provider name: 1 to 52 lower-case letters, digits and inner hyphens"};
  return Challenge{std::move(provider), std::move(domain), std::move(token)};
}

Record Challenge::at_label() const { return {"_" + provider + "-challenge." + domain.text(), "token=" + token.text()}; }

Record Challenge::at_apex() const { return {domain.text(), provider + "-verification=" + token.text()}; }

Record Challenge::to_publish() const {
  Record record = at_label();
  return record.name.size() <= Domain::max_octets ? record : at_apex();
}

}  // namespace sendconn::ownership
