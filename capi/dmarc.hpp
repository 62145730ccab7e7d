// DMARC as the checks of a single part and of a whole message share it.
#pragma once

#include <string>

#include <sendconn/dmarc.hpp>

#include "capi/structs.hpp"

namespace sendconn::capi {

dmarc::Options dmarc_options(const sendconn_dmarc_options& given);

/// An outcome with the one text that is not in it.
struct DmarcView {
  const dmarc::Outcome* outcome = nullptr;
  std::string record;

  explicit DmarcView(const dmarc::Outcome& from)
      : outcome(&from), record(from.record ? dmarc::format(*from.record) : std::string()) {}
};

void fill(OutStruct<sendconn_dmarc_outcome>& slot, const DmarcView& view);

}  // namespace sendconn::capi
