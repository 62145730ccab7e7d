// A private key as a handle.
#pragma once

#include <memory>

#include <sendconn/crypto.hpp>

struct sendconn_key {
  std::shared_ptr<const sendconn::crypto::PrivateKey> key;
};
