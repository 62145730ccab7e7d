// OpenSSL's objects as owned values, and its error queue as text. For lib/tls alone.
#pragma once

#include <memory>
#include <new>
#include <string>
#include <string_view>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <sendconn/result.hpp>

namespace sendconn::tls {

template <auto Free>
struct Deleter {
  template <class T>
  void operator()(T* object) const noexcept {
    Free(object);
  }
};

using BioPtr = std::unique_ptr<BIO, Deleter<BIO_free>>;
using BioMethodPtr = std::unique_ptr<BIO_METHOD, Deleter<BIO_meth_free>>;
using BignumPtr = std::unique_ptr<BIGNUM, Deleter<BN_free>>;
using ExtensionPtr = std::unique_ptr<X509_EXTENSION, Deleter<X509_EXTENSION_free>>;
using GeneralNamesPtr = std::unique_ptr<GENERAL_NAMES, Deleter<GENERAL_NAMES_free>>;
using PkeyPtr = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using SslCtxPtr = std::unique_ptr<SSL_CTX, Deleter<SSL_CTX_free>>;
using SslPtr = std::unique_ptr<SSL, Deleter<SSL_free>>;
using X509Ptr = std::unique_ptr<X509, Deleter<X509_free>>;

/// What OpenSSL says about an entry of its error queue.
inline std::string reason_of(unsigned long entry) {
  const char* const reason = ERR_reason_error_string(entry);
  return reason != nullptr ? std::string(reason) : "OpenSSL error " + std::to_string(entry);
}

/// The entry of this thread's error queue that tells most, and 0 if there is none: the oldest of the TLS layer, else
/// the oldest at all (a forged signature leaves the hash's complaint in front of "certificate verify failed"). Empties
/// the queue.
/// Want of memory is thrown as what it is, std::bad_alloc.
inline unsigned long take_reason() {
  unsigned long best = 0;
  bool out_of_memory = false;
  while (const unsigned long entry = ERR_get_error()) {
    out_of_memory = out_of_memory || ERR_GET_REASON(entry) == ERR_R_MALLOC_FAILURE;
    const bool better = ERR_GET_LIB(entry) == ERR_LIB_SSL && ERR_GET_LIB(best) != ERR_LIB_SSL;
    if (best == 0 || better) best = entry;
  }
  if (out_of_memory) throw std::bad_alloc();
  return best;
}

inline Error openssl_error(std::string_view what) {
  const unsigned long entry = take_reason();
  return {Errc::crypto, std::string(what) + ": " + (entry != 0 ? reason_of(entry) : "OpenSSL gives no reason")};
}

}  // namespace sendconn::tls
