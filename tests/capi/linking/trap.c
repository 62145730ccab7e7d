/* An OpenSSL that nobody may call: what a host's own, of another version and build, would be to the library. Linked
 * into a program that exports its symbols, they would take the place of the ones that the library means. */
#include <stdio.h>
#include <stdlib.h>

#define TRAP(name)                                                                          \
  void name(void);                                                                          \
  void name(void) {                                                                         \
    fprintf(stderr, "the library calls %s of the program that it is loaded into\n", #name); \
    abort();                                                                                \
  }

TRAP(OPENSSL_init_crypto)
TRAP(OPENSSL_init_ssl)
TRAP(OPENSSL_cleanse)
TRAP(CRYPTO_malloc)
TRAP(CRYPTO_zalloc)
TRAP(CRYPTO_free)
TRAP(ERR_set_mark)
TRAP(ERR_pop_to_mark)
TRAP(ERR_peek_error)
TRAP(ERR_clear_error)
TRAP(EVP_MD_fetch)
TRAP(EVP_MD_CTX_new)
TRAP(EVP_MD_CTX_free)
TRAP(EVP_DigestInit_ex2)
TRAP(EVP_DigestUpdate)
TRAP(EVP_DigestFinal_ex)
TRAP(EVP_PKEY_Q_keygen)
TRAP(EVP_PKEY_dup)
TRAP(EVP_PKEY_free)
TRAP(EVP_DigestSign)
TRAP(RAND_bytes)
TRAP(BIO_new)
TRAP(BIO_meth_new)
TRAP(SSL_CTX_new)
TRAP(SSL_CTX_free)
TRAP(SSL_new)
TRAP(SSL_free)
TRAP(SSL_do_handshake)
TRAP(TLS_client_method)
TRAP(X509_free)
