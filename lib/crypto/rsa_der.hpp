// The two numbers of an RSA public key, out of its DER form. OpenSSL's own decoders find out by trial what they have in
// front of them, which takes five times as long as verifying a signature; a verifier has a new key for every message.
#pragma once

#include <string_view>

#include <sendconn/result.hpp>

namespace sendconn::crypto {

/// Big-endian, without leading zeros, not empty. Views into the text that was parsed.
struct RsaNumbers {
  std::string_view modulus;
  std::string_view exponent;
};

/// SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7, with the rsaEncryption of RFC 3279 section 2.3.1), or the
/// RSAPublicKey inside it alone (RFC 8017 appendix A.1.1). Strict DER, nothing behind it. Errc::syntax with the
/// position; Errc::unsupported for the key of another algorithm.
Result<RsaNumbers> parse_rsa_public_key(std::string_view der);

}  // namespace sendconn::crypto
