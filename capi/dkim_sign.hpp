// A signature to be made, as signers and the mailer read it.
#pragma once

#include <sendconn/dkim.hpp>

#include "capi/structs.hpp"

namespace sendconn::capi {

/// Of a struct that was read already.
dkim::Signature signature_of(const sendconn_dkim_signature& given);

}  // namespace sendconn::capi
