/* A program that is linked with the C interface; with OWN_OPENSSL it uses the OpenSSL that is linked into it, too. */
#include "tests/capi/linking/sign.h"

#ifdef OWN_OPENSSL
#include "tests/capi/linking/own_openssl.h"
#else
static int use_own_openssl(void) { return 0; }
#endif

int main(void) {
  struct sendconn_functions functions;
#define LINK(name) functions.name = sendconn_##name;
  SENDCONN_FOR_EACH_FUNCTION(LINK)
  for (int round = 0; round < 3; ++round)
    if (use_own_openssl() != 0 || do_some_work(&functions) != 0 || use_own_openssl() != 0) return 1;
  return 0;
}
