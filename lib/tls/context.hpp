// What a Context holds.
#pragma once

#include <sendconn/tls.hpp>

#include "lib/base/hidden.hpp"
#include "lib/tls/openssl.hpp"

namespace sendconn::tls {

struct SENDCONN_HIDDEN Context::Impl {
  Role role;
  Verify verify;
  BioMethodPtr pipe_method;
  SslCtxPtr ssl_ctx;
};

}  // namespace sendconn::tls
