// Keys, digests and key derivation, as far as mail needs them. No OpenSSL name shows here.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <sendconn/result.hpp>

#pragma GCC visibility push(default)

namespace sendconn::crypto {

using Sha256 = std::array<std::uint8_t, 32>;

/// `size` octets from the system's cryptographic random source. Terminates if there is none. Thread-safe.
/// The machines of lib/ never call it; it is for those who drive them.
std::string random_octets(std::size_t size);

Sha256 sha256(std::string_view octets);
Sha256 hmac_sha256(std::string_view key, std::string_view octets);
/// PBKDF2 with HMAC-SHA-256 (RFC 8018), 32 octets out. Costs about a microsecond for every 2 iterations; 0 counts as 1.
/// Thread-safe.
Sha256 pbkdf2_sha256(std::string_view password, std::string_view salt, std::uint32_t iterations);
/// Compares in a time that depends on the sizes alone.
bool equal_secret(std::string_view a, std::string_view b) noexcept;
/// Overwrites with zeros, the unused capacity too, in a way the compiler keeps; leaves it empty.
void wipe(std::string& secret) noexcept;

inline std::string_view view(const Sha256& digest) noexcept {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

/// SHA-1 is here only for whoever has to read what is old: RFC 8301 section 3.1 forbids it in signatures.
enum class HashAlgorithm : std::uint8_t { sha1, sha256 };

/// A digest by either algorithm.
struct Digest {
  std::array<std::uint8_t, 32> octets{};
  std::size_t size = 0;  ///< 20 or 32 of them count; the rest is zero

  Digest() = default;
  Digest(const Sha256& digest) : octets(digest), size(digest.size()) {}  // NOLINT(google-explicit-constructor)
  friend bool operator==(const Digest&, const Digest&) = default;
};

inline std::string_view view(const Digest& digest) noexcept {
  return {reinterpret_cast<const char*>(digest.octets.data()), digest.size};
}

/// A digest over pieces. Thread-compatible.
class HashStream {
 public:
  explicit HashStream(HashAlgorithm algorithm);
  HashStream(HashStream&&) noexcept;
  HashStream& operator=(HashStream&&) noexcept;
  ~HashStream();
  void update(std::string_view octets);
  /// The digest of all pieces; the stream starts anew.
  Digest finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// SHA-256 over pieces. Thread-compatible.
class Sha256Stream {
 public:
  Sha256Stream();
  Sha256Stream(Sha256Stream&&) noexcept;
  Sha256Stream& operator=(Sha256Stream&&) noexcept;
  ~Sha256Stream();
  void update(std::string_view octets);
  /// The digest of all pieces; the stream starts anew.
  Sha256 finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

enum class KeyType : std::uint8_t { rsa, ed25519 };

/// A private key for signing, decoded once and shared. Immutable and thread-safe: any number of threads sign with it at
/// once.
class PrivateKey {
 public:
  /// RFC 8301 section 3.2: signers use at least 1024 bits, should use 2048; verifiers handle up to 4096.
  static constexpr unsigned min_rsa_bits = 1024;
  static constexpr unsigned max_rsa_bits = 4096;
  static constexpr unsigned default_rsa_bits = 2048;

  /// Errors: Errc::invalid_argument (a size outside the limits), Errc::crypto.
  static Result<PrivateKey> generate(KeyType type, unsigned rsa_bits = default_rsa_bits);
  /// The first key in a PEM text: PKCS#1 ("RSA PRIVATE KEY") or PKCS#8 ("PRIVATE KEY", or "ENCRYPTED PRIVATE KEY" with
  /// `passphrase`). It signs once to prove itself, so loading costs about a millisecond.
  /// Errors: Errc::syntax (no key in it), Errc::crypto (wrong passphrase, damaged key), Errc::unsupported (another
  /// type, or a size outside the limits), Errc::limit_exceeded (above 64 KB). The text never holds any of the input.
  static Result<PrivateKey> from_pem(std::string_view pem, std::string_view passphrase = {});
  /// PKCS#8 PEM; encrypted (PBES2, AES-256) if a passphrase is given.
  [[nodiscard]] Result<std::string> to_pem(std::string_view passphrase = {}) const;

  [[nodiscard]] KeyType type() const noexcept;
  [[nodiscard]] unsigned bits() const noexcept;  ///< RSA: the modulus; Ed25519: 256
  /// What DKIM publishes as p=: RSA: SubjectPublicKeyInfo in DER (RFC 6376 section 3.6.1); Ed25519: the 32 octets (RFC
  /// 8463 section 4).
  [[nodiscard]] std::string public_octets() const;
  /// RSA: RSASSA-PKCS1-v1_5 with SHA-256 over a message whose digest is given. Ed25519: PureEdDSA over the digest
  /// itself, as RFC 8463 section 3 defines ed25519-sha256. Deterministic. Errc::crypto.
  [[nodiscard]] Result<std::string> sign_digest(const Sha256& digest) const;

  PrivateKey(const PrivateKey&) = default;
  PrivateKey(PrivateKey&&) noexcept = default;
  PrivateKey& operator=(const PrivateKey&) = default;
  PrivateKey& operator=(PrivateKey&&) noexcept = default;
  ~PrivateKey();

 private:
  struct Impl;
  explicit PrivateKey(std::shared_ptr<const Impl> impl);
  std::shared_ptr<const Impl> impl_;
};

/// A public key for verifying, decoded once and shared. Immutable and thread-safe.
class PublicKey {
 public:
  /// Our own bound on what a stranger may make us calculate; OpenSSL stops at 16384 bits.
  static constexpr unsigned max_rsa_bits = 8192;
  /// RSA exponents in use are 3, 17 and 65537; OpenSSL allows 64 bits for large keys, and so do we for all.
  static constexpr unsigned max_exponent_bits = 64;

  /// What DKIM publishes as p=. RSA: SubjectPublicKeyInfo, or a bare RSAPublicKey (RFC 8017 appendix A.1.1), in DER
  /// with nothing behind it. Ed25519: the 32 octets. Errc::syntax with the position; Errc::unsupported (another type of
  /// key inside, a size outside the limits); Errc::crypto.
  static Result<PublicKey> from_octets(KeyType type, std::string_view octets);

  [[nodiscard]] KeyType type() const noexcept;
  [[nodiscard]] unsigned bits() const noexcept;  ///< RSA: the modulus; Ed25519: 256
  /// `signature` was made over `digest`, in the forms of PrivateKey::sign_digest; for RSA also over SHA-1. Whatever is
  /// wrong with it, it is false.
  [[nodiscard]] bool verifies(const Digest& digest, std::string_view signature) const;

  PublicKey(const PublicKey&) = default;
  PublicKey(PublicKey&&) noexcept = default;
  PublicKey& operator=(const PublicKey&) = default;
  PublicKey& operator=(PublicKey&&) noexcept = default;
  ~PublicKey();

 private:
  struct Impl;
  explicit PublicKey(std::shared_ptr<const Impl> impl);
  std::shared_ptr<const Impl> impl_;
};

}  // namespace sendconn::crypto

#pragma GCC visibility pop
