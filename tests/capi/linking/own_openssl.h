/* What a program does that has an OpenSSL of its own. */
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <stdio.h>

static int use_own_openssl(void) {
  unsigned char digest[32];
  unsigned int size = 0;
  SSL_CTX* context = SSL_CTX_new(TLS_method());
  SSL* ssl = context != NULL ? SSL_new(context) : NULL;
  int good = ssl != NULL && EVP_Digest("abc", 3, digest, &size, EVP_sha256(), NULL) == 1 && digest[0] == 0xba;
  SSL_free(ssl);
  SSL_CTX_free(context);
  if (!good) fprintf(stderr, "the program's own OpenSSL fails\n");
  return good ? 0 : 1;
}
