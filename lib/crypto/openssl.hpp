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
