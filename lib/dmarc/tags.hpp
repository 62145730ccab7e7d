// The "tag=value" list of a DMARC record, read once: what counts goes to a Record, what is to be said to a list of
// findings, if somebody listens (RFC 9989 sections 4.7 and 4.8).
#pragma once

#include <string_view>
#include <vector>

#include <sendconn/dmarc.hpp>

namespace sendconn::dmarc {

/// As parse(); findings are appended to `findings` unless it is null.
Result<Record> read_record(std::string_view text, std::vector<Finding>* findings);

}  // namespace sendconn::dmarc
