// Does a published record belong to a private key? The proof is the one that counts: a signature by the key verifies
// with the record. So a bare RSAPublicKey and a SubjectPublicKeyInfo of the same key are both right.
#include <sendconn/dkim_key.hpp>

#include "lib/base/ascii.hpp"

namespace sendconn::dkim {

std::string_view format(KeyMatch match) {
  switch (match) {
    case KeyMatch::matches:
      return "matches";
    case KeyMatch::malformed:
      return "malformed";
    case KeyMatch::revoked:
      return "revoked";
    case KeyMatch::other_type:
      return "other type";
    case KeyMatch::other_key:
      return "other key";
    case KeyMatch::unusable:
      return "unusable";
  }
  return "malformed";
}

KeyComparison compare_key(const crypto::PrivateKey& key, std::string_view record) {
  const Result<KeyRecord> parsed = KeyRecord::parse(record);
  if (!parsed) return {KeyMatch::malformed, "the record cannot be read: " + parsed.error().text};
  if (parsed->revoked())
    return {KeyMatch::revoked, "the record has an empty p=, so the key is revoked (RFC 6376 section 3.6.1)"};
  const std::string_view type = key.type() == crypto::KeyType::rsa ? "rsa" : "ed25519";
  if (parsed->type != type)
    return {KeyMatch::other_type,
            "the record has k=" + ascii::quote(parsed->type, 40) + ", and the key is of type " + std::string(type)};
  const Result<crypto::PublicKey> published = crypto::PublicKey::from_octets(key.type(), parsed->key);
  if (!published) return {KeyMatch::malformed, "p= holds no key: " + published.error().text};
  const crypto::Sha256 probe = crypto::sha256("sendconn");
  const Result<std::string> signature = key.sign_digest(probe);
  if (!signature || !published->verifies(probe, *signature))
    return {KeyMatch::other_key, "the record holds another key than the one that signs"};
  if (!parsed->allows_hash("sha256"))
    return {KeyMatch::unusable, "the key is right, but h= does not allow sha256 (RFC 6376 section 3.6.1)"};
  if (!parsed->serves_mail())
    return {KeyMatch::unusable, "the key is right, but s= does not allow mail (RFC 6376 section 3.6.1)"};
  return {KeyMatch::matches, "the record holds the key that signs"};
}

}  // namespace sendconn::dkim
