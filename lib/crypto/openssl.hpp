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

/// Drops the errors that OpenSSL queues while this object lives, and tells them from those that the host left before.
class ErrorScope {
 public:
  ErrorScope() noexcept : began_empty_(ERR_peek_error() == 0) {
    ERR_set_mark();
    if (is_out_of_memory(ERR_peek_last_error())) ERR_raise(ERR_LIB_USER, covering);
  }
  ~ErrorScope() { ERR_pop_to_mark(); }
  ErrorScope(const ErrorScope&) = delete;
  ErrorScope& operator=(const ErrorScope&) = delete;

  /// After a call that failed: for want of memory is no reason to blame a key. OpenSSL queues that reason first, and
  /// what its callers make of it after it; in a queue that began empty both ends are ours, else the last.
  void throw_if_out_of_memory() const {
    if (is_out_of_memory(ERR_peek_last_error()) || (began_empty_ && is_out_of_memory(ERR_peek_error())))
      throw std::bad_alloc();
  }

 private:
  static constexpr int covering = 1;  // the reason of an error that hides the host's last one

  static bool is_out_of_memory(unsigned long error) noexcept {
    return error != 0 && ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE;
  }

  bool began_empty_;
};

}  // namespace sendconn::crypto
