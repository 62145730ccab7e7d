// A TLS context as a handle.
#pragma once

#include <sendconn/tls.hpp>

struct sendconn_tls_context {
  sendconn::tls::Context context;
  sendconn::tls::Role role;
  bool verifies;
};
