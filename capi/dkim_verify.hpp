// DKIM verification as the checks of a single part and of a whole message share it.
#pragma once

#include <sendconn/dkim_verify.hpp>

#include "capi/structs.hpp"

struct sendconn_dkim_key_cache {
  std::shared_ptr<sendconn::dkim::KeyCache> cache;
};

namespace sendconn::capi {

/// All but the time.
dkim::VerifyOptions verify_options(const sendconn_dkim_verify_options& given, const sendconn_dkim_key_cache* keys);

void fill(OutStruct<sendconn_dkim_result>& slot, const dkim::SignatureResult& result);

}  // namespace sendconn::capi
