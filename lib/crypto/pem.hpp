// Private keys as PEM text: reading PKCS#1 and PKCS#8, writing PKCS#8. What kind and size of key is good enough is not
// decided here.
#pragma once

#include <string>
#include <string_view>

#include <sendconn/result.hpp>

#include "lib/crypto/openssl.hpp"

namespace sendconn::crypto::pem {

/// Our own bound: a 4096-bit RSA key takes 3.3 KB.
inline constexpr std::size_t max_octets = 65'536;

/// For keys that we encrypt. It costs about 10 ms at each loading, so that a relay with a thousand encrypted keys still
/// starts in seconds; a passphrase file can and should hold random octets, which need no stretching.
inline constexpr int pbkdf2_iterations = 20'000;

/// The first private key in `text`. Errors as PrivateKey::from_pem().
Result<Key> read(std::string_view text, std::string_view passphrase);

/// PKCS#8; PBES2 with PBKDF2 (HMAC-SHA-256) and AES-256-CBC if there is a passphrase. Errc::crypto.
Result<std::string> write(const EVP_PKEY& key, std::string_view passphrase);

}  // namespace sendconn::crypto::pem
