// PrivateKey: one decoded key and a small stock of prepared signing contexts.
//
// OpenSSL keeps RSA blinding and Montgomery values inside the key and guards them with locks, so threads that share one
// EVP_PKEY wait for each other. Each context here therefore stands on a duplicate of its own; a signature borrows one
// for its duration.
#include <sendconn/crypto.hpp>

#include <utility>

#include <openssl/crypto.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "lib/base/hidden.hpp"
#include "lib/crypto/context_stock.hpp"
#include "lib/crypto/one_shot.hpp"
#include "lib/crypto/openssl.hpp"
#include "lib/crypto/pem.hpp"

namespace sendconn::crypto {
namespace {

/// Contexts kept when idle: more threads than a machine for mail has cores need no more. Each holds about 10 KB at
/// RSA-2048.
constexpr std::size_t max_idle_contexts = 64;

Error refused(const ErrorScope& errors, const char* what) {
  errors.throw_if_out_of_memory();
  return {Errc::crypto, std::string("private key: OpenSSL could not ") + what};
}

/// Ready to sign; used by one thread at a time.
struct SigningContext {
  Key key;
  KeyContext rsa;   // set for RSA
  OneShot ed25519;  // else, for Ed25519: PureEdDSA is a one-shot "digest sign" to OpenSSL

  static std::unique_ptr<SigningContext> create(EVP_PKEY& shared, KeyType type) {
    auto context = std::make_unique<SigningContext>();
    context->key.reset(EVP_PKEY_dup(&shared));
    if (context->key == nullptr) return nullptr;
    const bool ready = type == KeyType::rsa ? context->prepare_rsa() : context->ed25519.prepare_signing(*context->key);
    return ready ? std::move(context) : nullptr;
  }

  bool sign(const Sha256& digest, std::string& signature) const {
    auto* out = reinterpret_cast<unsigned char*>(signature.data());
    std::size_t size = signature.size();
    if (rsa != nullptr)
      return EVP_PKEY_sign(rsa.get(), out, &size, digest.data(), digest.size()) == 1 && size == signature.size();
    return EVP_DigestSign(&ed25519.fresh(), out, &size, digest.data(), digest.size()) == 1 && size == signature.size();
  }

 private:
  bool prepare_rsa() {
    rsa.reset(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
    return rsa != nullptr && EVP_PKEY_sign_init(rsa.get()) == 1 &&
           EVP_PKEY_CTX_set_rsa_padding(rsa.get(), RSA_PKCS1_PADDING) == 1 &&
           EVP_PKEY_CTX_set_signature_md(rsa.get(), sha256_algorithm()) == 1;
  }
};

bool verifies(EVP_PKEY& key, KeyType type, const Sha256& digest, const std::string& signature) {
  const auto* octets = reinterpret_cast<const unsigned char*>(signature.data());
  if (type == KeyType::ed25519) {
    const DigestContext context(EVP_MD_CTX_new());
    return context != nullptr && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, &key) == 1 &&
           EVP_DigestVerify(context.get(), octets, signature.size(), digest.data(), digest.size()) == 1;
  }
  const KeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, &key, nullptr));
  return context != nullptr && EVP_PKEY_verify_init(context.get()) == 1 &&
         EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING) == 1 &&
         EVP_PKEY_CTX_set_signature_md(context.get(), sha256_algorithm()) == 1 &&
         EVP_PKEY_verify(context.get(), octets, signature.size(), digest.data(), digest.size()) == 1;
}

/// Empty if OpenSSL cannot tell.
std::string encode_public(EVP_PKEY& key, KeyType type) {
  std::string octets;
  if (type == KeyType::ed25519) {
    std::size_t size = 32;
    octets.resize(size);
    if (EVP_PKEY_get_raw_public_key(&key, reinterpret_cast<unsigned char*>(octets.data()), &size) != 1) octets.clear();
    return octets;
  }
  const int size = i2d_PUBKEY(&key, nullptr);
  if (size <= 0) return octets;
  octets.resize(static_cast<std::size_t>(size));
  auto* out = reinterpret_cast<unsigned char*>(octets.data());
  if (i2d_PUBKEY(&key, &out) != size) octets.clear();
  return octets;
}

}  // namespace

struct SENDCONN_HIDDEN PrivateKey::Impl {
  Impl(Key decoded, KeyType kind, unsigned modulus_bits)
      : key(std::move(decoded)),
        type(kind),
        bits(modulus_bits),
        signature_octets(static_cast<std::size_t>(EVP_PKEY_get_size(key.get()))) {}

  /// Checks what OpenSSL decoded, and that it can sign.
  static Result<PrivateKey> accept(const ErrorScope& errors, Key decoded);

  Result<std::string> sign(const ErrorScope& errors, const Sha256& digest) const {
    auto context = contexts.borrow([this] { return SigningContext::create(*key, type); });
    if (context == nullptr) return refused(errors, "prepare a signature");
    std::string signature(signature_octets, '\0');
    if (!context->sign(digest, signature)) return refused(errors, "sign");  // and the context is not used again
    contexts.give_back(std::move(context));
    return signature;
  }

  Key key;  // never signs itself, so duplicating it needs no lock
  KeyType type;
  unsigned bits;
  std::size_t signature_octets;
  std::string public_octets;
  mutable ContextStock<SigningContext> contexts{max_idle_contexts};
};

Result<PrivateKey> PrivateKey::Impl::accept(const ErrorScope& errors, Key decoded) {
  const bool is_rsa = EVP_PKEY_is_a(decoded.get(), "RSA") == 1;
  if (!is_rsa && EVP_PKEY_is_a(decoded.get(), "ED25519") != 1)
    return Error{Errc::unsupported, "private key: DKIM signs with RSA or Ed25519 keys only (RFC 8463 section 3)"};
  const auto bits = is_rsa ? static_cast<unsigned>(EVP_PKEY_get_bits(decoded.get())) : 256U;
  if (is_rsa && (bits < min_rsa_bits || bits > max_rsa_bits))
    return Error{Errc::unsupported, "private key: RSA with " + std::to_string(bits) + " bits; needs " +
                                        std::to_string(min_rsa_bits) + " to " + std::to_string(max_rsa_bits) +
                                        " (RFC 8301 section 3.2)"};
  const auto impl = std::make_shared<Impl>(std::move(decoded), is_rsa ? KeyType::rsa : KeyType::ed25519, bits);
  impl->public_octets = encode_public(*impl->key, impl->type);
  if (impl->public_octets.empty()) return refused(errors, "encode its public half");
  // A key whose numbers do not belong together would sign, and no receiver would accept it.
  const Sha256 probe = sha256("sendconn");
  const Result<std::string> signature = impl->sign(errors, probe);
  if (!signature) return signature.error();
  if (!verifies(*impl->key, impl->type, probe, *signature)) {
    errors.throw_if_out_of_memory();
    return Error{Errc::crypto, "private key: its signature does not verify; the key is damaged"};
  }
  return PrivateKey(impl);
}

PrivateKey::PrivateKey(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
PrivateKey::~PrivateKey() = default;

Result<PrivateKey> PrivateKey::generate(KeyType type, unsigned rsa_bits) {
  const ErrorScope errors;
  if (type == KeyType::rsa && (rsa_bits < min_rsa_bits || rsa_bits > max_rsa_bits))
    return Error{Errc::invalid_argument, "private key: RSA with " + std::to_string(rsa_bits) + " bits; needs " +
                                             std::to_string(min_rsa_bits) + " to " + std::to_string(max_rsa_bits) +
                                             " (RFC 8301 section 3.2)"};
  Key key(type == KeyType::rsa ? EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", static_cast<std::size_t>(rsa_bits))
                               : EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  if (key == nullptr) return refused(errors, "generate a key");
  return Impl::accept(errors, std::move(key));
}

Result<PrivateKey> PrivateKey::from_pem(std::string_view pem, std::string_view passphrase) {
  const ErrorScope errors;
  Result<Key> key = pem::read(pem, passphrase);
  if (!key) return std::move(key).error();
  return Impl::accept(errors, std::move(key).value());
}

Result<std::string> PrivateKey::to_pem(std::string_view passphrase) const {
  return pem::write(*impl_->key, passphrase);
}

KeyType PrivateKey::type() const noexcept { return impl_->type; }
unsigned PrivateKey::bits() const noexcept { return impl_->bits; }
std::string PrivateKey::public_octets() const { return impl_->public_octets; }

Result<std::string> PrivateKey::sign_digest(const Sha256& digest) const {
  const ErrorScope errors;
  return impl_->sign(errors, digest);
}

}  // namespace sendconn::crypto
