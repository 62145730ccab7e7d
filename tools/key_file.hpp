// Private keys in files.
#pragma once

#include <string>

#include <sendconn/crypto.hpp>
#include <sendconn/result.hpp>

namespace sendconn::tools {

/// The key in a PEM file; `passphrase_file` decrypts it, empty: none. Errc::io, or what PrivateKey::from_pem says; the
/// text names the file and holds nothing of what is in it.
Result<crypto::PrivateKey> read_key_file(const std::string& path, const std::string& passphrase_file);

}  // namespace sendconn::tools
