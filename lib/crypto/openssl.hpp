// What every file of lib/crypto needs from OpenSSL: owners for its objects, the algorithms fetched once, and an error
// queue left as it was found (lib/tls asks that queue why a handshake failed; nothing of ours may stand in it).
#pragma once

#include <memory>
#include <new>

#include <openssl/err.h>
#include <openssl/evp.h>

namespace sendconn::crypto {

template <auto free_function>
struct Deleter {
  template <class T>
  void operator()(T* object) const noexcept {
    free_function(object);
  }
};

using DigestContext = std::unique_ptr<EVP_MD_CTX, Deleter<EVP_MD_CTX_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Deleter<EVP_PKEY_CTX_free>>;
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;

/// For calls that fail only without memory (or without the default provider, which no installation is).
inline void must(bool succeeded) {
  if (!succeeded) throw std::bad_alloc();
}

/// After a call that failed: for want of memory is no reason to blame a key.
inline void throw_if_out_of_memory() {
  for (const unsigned long entry : {ERR_peek_error(), ERR_peek_last_error()})
    if (entry != 0 && ERR_GET_REASON(entry) == ERR_R_MALLOC_FAILURE) throw std::bad_alloc();
}

template <class T>
T* required(T* made) {
  must(made != nullptr);
  return made;
}

/// A "digest sign" or "digest verify" of Ed25519, prepared once for many: OpenSSL 3.5 wants a context of its own for
/// each (3.0 took one again and again), and a copy costs less than a preparation. Used by one thread at a time.
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

/// SHA-256, fetched at first use and kept for the life of the process: a fetch takes a lock and a search by name.
/// Immutable, so any number of threads share it.
inline const EVP_MD* sha256_algorithm() {
  static EVP_MD* const algorithm = required(EVP_MD_fetch(nullptr, "SHA256", nullptr));
  return algorithm;
}

/// SHA-1, likewise; only for digests and signatures that are old.
inline const EVP_MD* sha1_algorithm() {
  static EVP_MD* const algorithm = required(EVP_MD_fetch(nullptr, "SHA1", nullptr));
  return algorithm;
}

/// Drops the errors that OpenSSL queued while this object lives.
class ErrorScope {
 public:
  ErrorScope() noexcept { ERR_set_mark(); }
  ~ErrorScope() { ERR_pop_to_mark(); }
  ErrorScope(const ErrorScope&) = delete;
  ErrorScope& operator=(const ErrorScope&) = delete;
};

}  // namespace sendconn::crypto
