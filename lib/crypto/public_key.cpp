// PublicKey: numbers out of a stranger's record, and one answer: does this signature belong to it?
//
// An RSA key is handed to OpenSSL as two numbers; its size is known, and bounded, before that.
#include <sendconn/crypto.hpp>

#include <algorithm>
#include <bit>
#include <optional>
#include <utility>

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/rsa.h>

#include "lib/crypto/openssl.hpp"
#include "lib/crypto/rsa_der.hpp"

namespace sendconn::crypto {
namespace {

constexpr std::size_t ed25519_key_octets = 32;  // RFC 8032 section 5.1.5
constexpr std::size_t max_number_octets = PublicKey::max_rsa_bits / 8;

unsigned bits_of(std::string_view number) noexcept {
  const auto first = static_cast<unsigned char>(number.front());
  return static_cast<unsigned>((number.size() - 1) * 8) + static_cast<unsigned>(std::bit_width(first));
}

/// OSSL_PARAM wants numbers in the machine's order of octets.
struct NativeNumber {
  explicit NativeNumber(std::string_view big_endian) : size(big_endian.size()) {
    std::copy(big_endian.begin(), big_endian.end(), octets.begin());
    if constexpr (std::endian::native == std::endian::little)
      std::reverse(octets.begin(), octets.begin() + static_cast<std::ptrdiff_t>(size));
  }
  OSSL_PARAM parameter(const char* name) noexcept { return OSSL_PARAM_construct_BN(name, octets.data(), size); }

  std::array<unsigned char, max_number_octets> octets;
  std::size_t size;
};

Key make_rsa(const RsaNumbers& numbers) {
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  if (context == nullptr || EVP_PKEY_fromdata_init(context.get()) != 1) return nullptr;
  NativeNumber modulus(numbers.modulus);
  NativeNumber exponent(numbers.exponent);
  OSSL_PARAM parameters[] = {modulus.parameter(OSSL_PKEY_PARAM_RSA_N), exponent.parameter(OSSL_PKEY_PARAM_RSA_E),
                             OSSL_PARAM_construct_end()};
  EVP_PKEY* made = nullptr;
  EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, parameters);
  return Key(made);
}

bool verifies_rsa(EVP_PKEY& key, const Digest& digest, std::string_view signature) {
  const KeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, &key, nullptr));
  const EVP_MD* algorithm = digest.size == Sha256().size() ? sha256_algorithm() : sha1_algorithm();
  return context != nullptr && EVP_PKEY_verify_init(context.get()) == 1 &&
         EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING) == 1 &&
         EVP_PKEY_CTX_set_signature_md(context.get(), algorithm) == 1 &&
         EVP_PKEY_verify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()), signature.size(),
                         digest.octets.data(), digest.size) == 1;
}

bool verifies_ed25519(EVP_PKEY& key, const Digest& digest, std::string_view signature) {
  const DigestContext context(EVP_MD_CTX_new());
  return context != nullptr && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, &key) == 1 &&
         EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()), signature.size(),
                          digest.octets.data(), digest.size) == 1;
}

}  // namespace

struct PublicKey::Impl {
  Key key;
  KeyType type;
  unsigned bits;
};

PublicKey::PublicKey(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
PublicKey::~PublicKey() = default;

Result<PublicKey> PublicKey::from_octets(KeyType type, std::string_view octets) {
  const ErrorScope errors;
  if (type == KeyType::ed25519) {
    if (octets.size() != ed25519_key_octets)
      return Error{Errc::syntax,
                   "Ed25519 public key: " + std::to_string(octets.size()) + " octets; needs 32 (RFC 8463 section 4.2)",
                   std::min(octets.size(), ed25519_key_octets)};
    Key key(EVP_PKEY_new_raw_public_key_ex(nullptr, "ED25519", nullptr,
                                           reinterpret_cast<const unsigned char*>(octets.data()), octets.size()));
    if (key == nullptr) return Error{Errc::crypto, "Ed25519 public key: OpenSSL refuses it"};
    return PublicKey(std::make_shared<const Impl>(Impl{std::move(key), type, 256U}));
  }
  const Result<RsaNumbers> numbers = parse_rsa_public_key(octets);
  if (!numbers) return numbers.error();
  // The size of a string first: it comes from a stranger, and its bits must fit a number.
  if (numbers->modulus.size() > max_number_octets)
    return Error{Errc::unsupported, "RSA public key: more than " + std::to_string(max_rsa_bits) + " bits"};
  if (numbers->exponent.size() * 8 > max_exponent_bits)
    return Error{Errc::unsupported, "RSA public key: its exponent has more than " + std::to_string(max_exponent_bits) +
                                        " bits (RFC 6376 section 3.3.1 wants 65537)"};
  const unsigned bits = bits_of(numbers->modulus);
  Key key = make_rsa(*numbers);
  if (key == nullptr) return Error{Errc::crypto, "RSA public key: OpenSSL refuses it"};
  return PublicKey(std::make_shared<const Impl>(Impl{std::move(key), type, bits}));
}

KeyType PublicKey::type() const noexcept { return impl_->type; }
unsigned PublicKey::bits() const noexcept { return impl_->bits; }

bool PublicKey::verifies(const Digest& digest, std::string_view signature) const {
  const ErrorScope errors;
  return impl_->type == KeyType::rsa ? verifies_rsa(*impl_->key, digest, signature)
                                     : verifies_ed25519(*impl_->key, digest, signature);
}

}  // namespace sendconn::crypto
