/* The header alone, as strict C99 and as C++20: nothing in front of it, nothing but it needed. */
#include "capi/sendconn.h"

/* Every _INIT macro initializes its struct, as a definition and without a warning about members that are left out. */
static const sendconn_finding finding = SENDCONN_FINDING_INIT;
static const sendconn_spf_request request = SENDCONN_SPF_REQUEST_INIT;

int main(void) {
  return finding.struct_size == sizeof finding && request.struct_size == sizeof request && request.client == 0 ? 0 : 1;
}
