// SHA-256 and what is built on it. A one-shot digest reuses one context per thread; HMAC and PBKDF2 take fresh
// contexts, so that no secret stays behind in them.
#include <sendconn/crypto.hpp>

#include <algorithm>
#include <utility>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include "lib/base/hidden.hpp"
#include "lib/crypto/openssl.hpp"

namespace sendconn::crypto {
namespace {

using MacContext = std::unique_ptr<EVP_MAC_CTX, Deleter<EVP_MAC_CTX_free>>;
using KdfContext = std::unique_ptr<EVP_KDF_CTX, Deleter<EVP_KDF_CTX_free>>;

EVP_MAC* hmac_algorithm() {
  static EVP_MAC* const algorithm = required(EVP_MAC_fetch(nullptr, "HMAC", nullptr));
  return algorithm;
}

EVP_KDF* pbkdf2_algorithm() {
  static EVP_KDF* const algorithm = required(EVP_KDF_fetch(nullptr, "PBKDF2", nullptr));
  return algorithm;
}

DigestContext make_context(const EVP_MD* algorithm = sha256_algorithm()) {
  DigestContext context(EVP_MD_CTX_new());
  must(context != nullptr && EVP_DigestInit_ex2(context.get(), algorithm, nullptr) == 1);
  return context;
}

/// Takes the digest and starts the context anew with the algorithm it already has.
Sha256 take_digest(EVP_MD_CTX* context) {
  Sha256 digest{};
  must(EVP_DigestFinal_ex(context, digest.data(), nullptr) == 1);
  must(EVP_DigestInit_ex2(context, nullptr, nullptr) == 1);
  return digest;
}

/// OpenSSL reads a null pointer as "no argument given"; an empty view is an argument.
const unsigned char* octets_of(std::string_view text) noexcept {
  static constexpr unsigned char none = 0;
  return text.empty() ? &none : reinterpret_cast<const unsigned char*>(text.data());
}

/// OSSL_PARAM carries only mutable pointers, and OpenSSL only reads through these.
void* parameter(std::string_view text) noexcept {
  return const_cast<unsigned char*>(octets_of(text));  // NOLINT(cppcoreguidelines-pro-type-const-cast)
}

OSSL_PARAM sha256_parameter() noexcept {
  static char name[] = "SHA256";
  return OSSL_PARAM_construct_utf8_string(OSSL_ALG_PARAM_DIGEST, name, 0);
}

}  // namespace

std::string random_octets(std::size_t size) {
  std::string octets(size, '\0');
  std::size_t done = 0;
  while (done < size) {
    const std::size_t step = std::min<std::size_t>(size - done, 1U << 20U);  // RAND_bytes counts in int
    must(RAND_bytes(reinterpret_cast<unsigned char*>(octets.data() + done), static_cast<int>(step)) == 1);
    done += step;
  }
  return octets;
}

Sha256 sha256(std::string_view octets) {
  static thread_local const DigestContext context = make_context();
  must(EVP_DigestUpdate(context.get(), octets.data(), octets.size()) == 1);
  return take_digest(context.get());
}

Sha256 hmac_sha256(std::string_view key, std::string_view octets) {
  const MacContext context(EVP_MAC_CTX_new(hmac_algorithm()));
  must(context != nullptr);
  const OSSL_PARAM parameters[] = {sha256_parameter(), OSSL_PARAM_construct_end()};
  Sha256 digest{};
  std::size_t size = 0;
  must(EVP_MAC_init(context.get(), octets_of(key), key.size(), parameters) == 1);
  must(EVP_MAC_update(context.get(), octets_of(octets), octets.size()) == 1);
  must(EVP_MAC_final(context.get(), digest.data(), &size, digest.size()) == 1 && size == digest.size());
  return digest;
}

Sha256 pbkdf2_sha256(std::string_view password, std::string_view salt, std::uint32_t iterations) {
  const KdfContext context(EVP_KDF_CTX_new(pbkdf2_algorithm()));
  must(context != nullptr);
  std::uint64_t rounds = std::max<std::uint32_t>(iterations, 1);
  // RFC 8018's bounds, not those of NIST SP 800-132: the peer of a SCRAM exchange chooses salt and count.
  int pkcs5_bounds = 1;
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PASSWORD, parameter(password), password.size()),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, parameter(salt), salt.size()),
      OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_ITER, &rounds),
      sha256_parameter(),
      OSSL_PARAM_construct_int(OSSL_KDF_PARAM_PKCS5, &pkcs5_bounds),
      OSSL_PARAM_construct_end()};
  Sha256 derived{};
  must(EVP_KDF_derive(context.get(), derived.data(), derived.size(), parameters) == 1);
  return derived;
}

bool equal_secret(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && CRYPTO_memcmp(octets_of(a), octets_of(b), a.size()) == 0;
}

void wipe(std::string& secret) noexcept {
  secret.resize(secret.capacity());  // an earlier, longer value may stand behind the end
  OPENSSL_cleanse(secret.data(), secret.size());
  secret.clear();
}

struct SENDCONN_HIDDEN HashStream::Impl {
  explicit Impl(HashAlgorithm algorithm)
      : context(make_context(algorithm == HashAlgorithm::sha1 ? sha1_algorithm() : sha256_algorithm())),
        size(algorithm == HashAlgorithm::sha1 ? 20 : 32) {}
  DigestContext context;
  std::size_t size;
};

HashStream::HashStream(HashAlgorithm algorithm) : impl_(std::make_unique<Impl>(algorithm)) {}
HashStream::HashStream(HashStream&&) noexcept = default;
HashStream& HashStream::operator=(HashStream&&) noexcept = default;
HashStream::~HashStream() = default;

void HashStream::update(std::string_view octets) {
  must(EVP_DigestUpdate(impl_->context.get(), octets.data(), octets.size()) == 1);
}

Digest HashStream::finish() {
  Digest digest;
  digest.size = impl_->size;
  digest.octets = take_digest(impl_->context.get());  // the octets behind a shorter digest stay zero
  return digest;
}

struct SENDCONN_HIDDEN Sha256Stream::Impl {
  DigestContext context = make_context();
};

Sha256Stream::Sha256Stream() : impl_(std::make_unique<Impl>()) {}
Sha256Stream::Sha256Stream(Sha256Stream&&) noexcept = default;
Sha256Stream& Sha256Stream::operator=(Sha256Stream&&) noexcept = default;
Sha256Stream::~Sha256Stream() = default;

void Sha256Stream::update(std::string_view octets) {
  must(EVP_DigestUpdate(impl_->context.get(), octets.data(), octets.size()) == 1);
}

Sha256 Sha256Stream::finish() { return take_digest(impl_->context.get()); }

}  // namespace sendconn::crypto
