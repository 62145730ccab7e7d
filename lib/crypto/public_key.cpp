// PublicKey: numbers out of a stranger's record, and one answer: does this signature belong to it?
//
// An RSA key is handed to OpenSSL as two numbers; its size is known, and bounded, before that. A key that verifies
// again and again, because a cache keeps it, uses contexts that were prepared before. Where RsaPower serves, it is
// asked first: its yes is proof enough, and a no is OpenSSL's to say.
#include <sendconn/crypto.hpp>

#include <algorithm>
#include <bit>
#include <mutex>
#include <optional>
#include <utility>

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/rsa.h>

#include "lib/base/hidden.hpp"
#include "lib/crypto/context_stock.hpp"
#include "lib/crypto/one_shot.hpp"
#include "lib/crypto/openssl.hpp"
#include "lib/crypto/rsa_der.hpp"
#include "lib/crypto/rsa_power.hpp"

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

/// What a good signature of 2048 bits over this digest becomes (EMSA-PKCS1-v1_5, RFC 8017 section 9.2; the octets in
/// front of the digest from its note 1). Comparing whole is the one way to verify that leaves nothing to a parser.
RsaPower::Octets encoded(const Digest& sha256_digest) noexcept {
  constexpr std::array<std::uint8_t, 19> digest_info{0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                                     0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};
  RsaPower::Octets message;
  message.fill(0xff);
  message[0] = 0x00;
  message[1] = 0x01;
  const auto digest = std::copy(sha256_digest.octets.rbegin(), sha256_digest.octets.rend(), message.rbegin());
  *std::copy(digest_info.rbegin(), digest_info.rend(), digest) = 0x00;
  return message;
}

/// Where the user wants validated cryptography alone (FIPS 140), all of it is OpenSSL's.
bool may_calculate() noexcept { return EVP_default_properties_is_fips_enabled(nullptr) == 0; }

/// Contexts kept when idle: a cache holds thousands of keys, and a verification is short. Each takes about 1 KB.
constexpr std::size_t max_idle_contexts = 4;

/// Ready to verify; used by one thread at a time. The key is shared: a public key has nothing that threads wait for.
struct VerifyingContext {
  KeyContext rsa;   // set for RSA
  OneShot ed25519;  // else, for Ed25519: PureEdDSA is a one-shot "digest verify" to OpenSSL

  static std::unique_ptr<VerifyingContext> create(EVP_PKEY& key, KeyType type, const EVP_MD* algorithm) {
    auto context = std::make_unique<VerifyingContext>();
    const bool ready =
        type == KeyType::rsa ? context->prepare_rsa(key, algorithm) : context->ed25519.prepare_verifying(key);
    return ready ? std::move(context) : nullptr;
  }

  [[nodiscard]] bool verifies(const Digest& digest, std::string_view signature) const {
    const auto* octets = reinterpret_cast<const unsigned char*>(signature.data());
    if (rsa != nullptr)
      return EVP_PKEY_verify(rsa.get(), octets, signature.size(), digest.octets.data(), digest.size) == 1;
    return EVP_DigestVerify(&ed25519.fresh(), octets, signature.size(), digest.octets.data(), digest.size) == 1;
  }

 private:
  bool prepare_rsa(EVP_PKEY& key, const EVP_MD* algorithm) {
    rsa.reset(EVP_PKEY_CTX_new_from_pkey(nullptr, &key, nullptr));
    return rsa != nullptr && EVP_PKEY_verify_init(rsa.get()) == 1 &&
           EVP_PKEY_CTX_set_rsa_padding(rsa.get(), RSA_PKCS1_PADDING) == 1 &&
           EVP_PKEY_CTX_set_signature_md(rsa.get(), algorithm) == 1;
  }
};

}  // namespace

struct SENDCONN_HIDDEN PublicKey::Impl {
  Impl(Key decoded, KeyType kind, unsigned size) : type(kind), bits(size), key(std::move(decoded)) {}
  explicit Impl(const RsaPower& prepared) : type(KeyType::rsa), bits(RsaPower::modulus_octets * 8), power(prepared) {}

  /// OpenSSL's form of the key: most signatures are good, and most keys with `power` are never asked for it. By a mutex
  /// and not std::call_once(), which some C libraries leave locked for ever when an exception goes through it.
  [[nodiscard]] EVP_PKEY& openssl_key() const {
    if (power) {
      const std::lock_guard lock(making);
      if (key == nullptr) key.reset(required(make_rsa(power->numbers()).release()));
    }
    return *key;
  }

  KeyType type;
  unsigned bits;
  std::optional<RsaPower> power;
  mutable std::mutex making;
  mutable Key key;
  mutable ContextStock<VerifyingContext> contexts{max_idle_contexts};
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
    if (key == nullptr) {
      errors.throw_if_out_of_memory();
      return Error{Errc::crypto, "Ed25519 public key: OpenSSL refuses it"};
    }
    return PublicKey(std::make_shared<const Impl>(std::move(key), type, 256U));
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
  if (may_calculate())
    if (const std::optional<RsaPower> power = RsaPower::create(*numbers))
      return PublicKey(std::make_shared<const Impl>(*power));
  Key key = make_rsa(*numbers);
  if (key == nullptr) {
    errors.throw_if_out_of_memory();
    return Error{Errc::crypto, "RSA public key: OpenSSL refuses it"};
  }
  return PublicKey(std::make_shared<const Impl>(std::move(key), type, bits));
}

KeyType PublicKey::type() const noexcept { return impl_->type; }
unsigned PublicKey::bits() const noexcept { return impl_->bits; }

bool PublicKey::verifies(const Digest& digest, std::string_view signature) const {
  if (impl_->power && digest.size == Sha256().size() && impl_->power->of(signature) == encoded(digest)) return true;
  const ErrorScope errors;
  EVP_PKEY& key = impl_->openssl_key();
  if (digest.size != Sha256().size()) {  // rare enough that nothing is kept for it
    const auto context = VerifyingContext::create(key, impl_->type, sha1_algorithm());
    const bool good = context != nullptr && context->verifies(digest, signature);
    if (!good) errors.throw_if_out_of_memory();  // else it would be the signature's fault
    return good;
  }
  auto context =
      impl_->contexts.borrow([&key, this] { return VerifyingContext::create(key, impl_->type, sha256_algorithm()); });
  const bool good = context != nullptr && context->verifies(digest, signature);
  if (!good) errors.throw_if_out_of_memory();
  if (context == nullptr) return false;
  impl_->contexts.give_back(std::move(context));
  return good;
}

}  // namespace sendconn::crypto
