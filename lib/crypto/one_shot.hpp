// OneShot: Ed25519 as OpenSSL offers it, a "digest sign" or "digest verify" of the whole message in one call, prepared
// once for many. OpenSSL 3.5 wants a context of its own for each (3.0 took one again and again), and a copy costs less
// than a preparation.
#pragma once

#include "lib/crypto/openssl.hpp"

namespace sendconn::crypto {

/// Used by one thread at a time.
class OneShot {
 public:
  [[nodiscard]] bool prepare_signing(EVP_PKEY& key) {
    make();
    return EVP_DigestSignInit(prepared_.get(), nullptr, nullptr, nullptr, &key) == 1;
  }
  [[nodiscard]] bool prepare_verifying(EVP_PKEY& key) {
    make();
    return EVP_DigestVerifyInit(prepared_.get(), nullptr, nullptr, nullptr, &key) == 1;
  }
  /// The one to use now, until the next. Throws without memory: OpenSSL does not say in its errors that it was that,
  /// and a signature would be blamed for it.
  [[nodiscard]] EVP_MD_CTX& fresh() const {
    must(EVP_MD_CTX_copy_ex(used_.get(), prepared_.get()) == 1);
    return *used_;
  }

 private:
  void make() {
    prepared_.reset(required(EVP_MD_CTX_new()));
    used_.reset(required(EVP_MD_CTX_new()));
  }

  DigestContext prepared_;
  DigestContext used_;
};

}  // namespace sendconn::crypto
