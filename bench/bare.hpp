// What OpenSSL alone does with a key of its own and everything prepared: the measure for ours and for the peers.
#pragma once

#include <cstddef>

#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <sendconn/crypto.hpp>

namespace sendconn::bench {

/// Signatures over a digest. Thread-compatible.
class Bare {
 public:
  explicit Bare(crypto::KeyType type)
      : key_(type == crypto::KeyType::rsa ? EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{2048})
                                          : EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")) {
    if (type == crypto::KeyType::rsa) {
      rsa_ = EVP_PKEY_CTX_new(key_, nullptr);
      EVP_PKEY_sign_init(rsa_);
      EVP_PKEY_CTX_set_rsa_padding(rsa_, RSA_PKCS1_PADDING);
      EVP_PKEY_CTX_set_signature_md(rsa_, EVP_sha256());
      rsa_verify_ = EVP_PKEY_CTX_new(key_, nullptr);
      EVP_PKEY_verify_init(rsa_verify_);
      EVP_PKEY_CTX_set_rsa_padding(rsa_verify_, RSA_PKCS1_PADDING);
      EVP_PKEY_CTX_set_signature_md(rsa_verify_, EVP_sha256());
    } else {
      one_shot_ = EVP_MD_CTX_new();
      ed25519_ = EVP_MD_CTX_new();
      EVP_DigestSignInit(ed25519_, nullptr, nullptr, nullptr, key_);
      ed25519_verify_ = EVP_MD_CTX_new();
      EVP_DigestVerifyInit(ed25519_verify_, nullptr, nullptr, nullptr, key_);
    }
  }
  ~Bare() {
    EVP_PKEY_CTX_free(rsa_);
    EVP_PKEY_CTX_free(rsa_verify_);
    EVP_MD_CTX_free(one_shot_);
    EVP_MD_CTX_free(ed25519_);
    EVP_MD_CTX_free(ed25519_verify_);
    EVP_PKEY_free(key_);
  }
  Bare(const Bare&) = delete;
  Bare& operator=(const Bare&) = delete;

  bool sign(const crypto::Sha256& digest) {
    size_ = sizeof signature_;
    return rsa_ != nullptr ? EVP_PKEY_sign(rsa_, signature_, &size_, digest.data(), digest.size()) == 1
                           : EVP_MD_CTX_copy_ex(one_shot_, ed25519_) == 1 &&
                                 EVP_DigestSign(one_shot_, signature_, &size_, digest.data(), digest.size()) == 1;
  }
  /// What sign() made last.
  bool verify(const crypto::Sha256& digest) {
    return rsa_ != nullptr ? EVP_PKEY_verify(rsa_verify_, signature_, size_, digest.data(), digest.size()) == 1
                           : EVP_MD_CTX_copy_ex(one_shot_, ed25519_verify_) == 1 &&
                                 EVP_DigestVerify(one_shot_, signature_, size_, digest.data(), digest.size()) == 1;
  }

 private:
  EVP_PKEY* key_;
  EVP_PKEY_CTX* rsa_ = nullptr;
  EVP_PKEY_CTX* rsa_verify_ = nullptr;
  EVP_MD_CTX* one_shot_ = nullptr;  // OpenSSL 3.5 takes no context twice
  EVP_MD_CTX* ed25519_ = nullptr;
  EVP_MD_CTX* ed25519_verify_ = nullptr;
  unsigned char signature_[512] = {};
  std::size_t size_ = 0;
};

}  // namespace sendconn::bench
