// Handles that every part hands out: octets, and findings of a lint.
#pragma once

#include <string>
#include <vector>

#include "capi/guard.hpp"

struct sendconn_bytes {
  std::string octets;
};

struct sendconn_findings {
  struct Finding {
    std::string code;
    std::string text;
    std::size_t position = 0;
    std::size_t length = 0;
    std::int32_t severity = SENDCONN_SEVERITY_NOTE;
  };
  std::vector<Finding> findings;
};

namespace sendconn::capi {

inline std::unique_ptr<sendconn_bytes> make_bytes(std::string octets) {
  auto bytes = std::make_unique<sendconn_bytes>();
  bytes->octets = std::move(octets);
  return bytes;
}

}  // namespace sendconn::capi
