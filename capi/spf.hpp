// SPF as the checks of a single part and of a whole message share it.
#pragma once

#include <sendconn/spf.hpp>

#include "capi/structs.hpp"

namespace sendconn::capi {

spf::Options spf_options(const sendconn_spf_options& given);

/// The texts are the outcome's. Steps and trace are left to who can hand them out.
sendconn_spf_outcome to_struct(const spf::Outcome& outcome);

}  // namespace sendconn::capi
