// What the owner of a domain publishes so that others can verify (RFC 6376 section 3.6.1, RFC 8463 section 4.2).
#include <sendconn/dkim.hpp>

#include "lib/base/base64.hpp"

namespace sendconn::dkim {

std::string format_key_record(const crypto::PrivateKey& key) {
  const bool is_rsa = key.type() == crypto::KeyType::rsa;
  return std::string("v=DKIM1; k=") + (is_rsa ? "rsa" : "ed25519") +
         "; h=sha256; p=" + base64::encode(key.public_octets());
}

std::string format_key_zone_line(const Domain& domain, const Selector& selector, const crypto::PrivateKey& key) {
  constexpr std::size_t max_string_octets = 255;  // RFC 1035 section 3.3
  const std::string record = format_key_record(key);
  std::string line = selector.text() + "._domainkey." + domain.text() + ". IN TXT";
  for (std::size_t at = 0; at < record.size(); at += max_string_octets)
    line += " \"" + record.substr(at, max_string_octets) + "\"";
  return line;
}

}  // namespace sendconn::dkim
