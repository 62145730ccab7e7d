#include "tools/key_file.hpp"

#include "tools/file.hpp"
#include "tools/secret.hpp"

namespace sendconn::tools {

Result<crypto::PrivateKey> read_key_file(const std::string& path, const std::string& passphrase_file) {
  auto read = read_file(path, "the key file ");
  if (!read) return std::move(read).error();
  std::string pem = std::move(*read);
  std::string passphrase;
  if (!passphrase_file.empty()) {
    auto secret = read_secret(passphrase_file);
    if (!secret) return std::move(secret).error();
    passphrase = std::move(*secret);
  }
  auto key = crypto::PrivateKey::from_pem(pem, passphrase);
  crypto::wipe(pem);
  crypto::wipe(passphrase);
  if (!key) return Error{key.error().code, path + ": " + key.error().text};
  return key;
}

}  // namespace sendconn::tools
