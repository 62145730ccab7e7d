// Blocks are told apart by their label and decoded as exactly what the label says: one decoder and one sentence for
// each way to fail, and no code path on which OpenSSL would ask for a passphrase on the terminal.
#include "lib/crypto/pem.hpp"

#include <utility>

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

namespace sendconn::crypto::pem {
namespace {

using Bio = std::unique_ptr<BIO, Deleter<BIO_free_all>>;
using KeyInfo = std::unique_ptr<PKCS8_PRIV_KEY_INFO, Deleter<PKCS8_PRIV_KEY_INFO_free>>;
using EncryptedKeyInfo = std::unique_ptr<X509_SIG, Deleter<X509_SIG_free>>;

/// One block as PEM_read_bio() gives it. Wiped when it goes: the data is the key.
struct Block {
  char* label = nullptr;
  char* headers = nullptr;
  unsigned char* data = nullptr;
  long size = 0;

  Block() = default;
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  ~Block() {
    OPENSSL_free(label);
    OPENSSL_free(headers);
    OPENSSL_clear_free(data, static_cast<std::size_t>(size));
  }
  bool read(BIO& source) noexcept { return PEM_read_bio(&source, &label, &headers, &data, &size) == 1; }
};

Error no_key(const ErrorScope& errors, const char* why) {
  errors.throw_if_out_of_memory();
  return {Errc::syntax, std::string("private key: ") + why +
                            "; needs a PEM block \"PRIVATE KEY\", \"ENCRYPTED PRIVATE KEY\" or \"RSA PRIVATE KEY\""};
}

Result<Key> from_info(const ErrorScope& errors, const PKCS8_PRIV_KEY_INFO* info) {
  Key key(info == nullptr ? nullptr : EVP_PKCS82PKEY(info));
  if (key == nullptr) return no_key(errors, "the block holds no key of a known type");
  return key;
}

Result<Key> from_encrypted(const ErrorScope& errors, const Block& block, std::string_view passphrase) {
  const unsigned char* data = block.data;
  const EncryptedKeyInfo encrypted(d2i_X509_SIG(nullptr, &data, block.size));
  if (encrypted == nullptr) return no_key(errors, "the encrypted block cannot be decoded");
  if (passphrase.empty()) return Error{Errc::crypto, "private key: it is encrypted, and no passphrase was given"};
  const KeyInfo info(PKCS8_decrypt(encrypted.get(), passphrase.data(), static_cast<int>(passphrase.size())));
  if (info == nullptr) {
    errors.throw_if_out_of_memory();
    return Error{Errc::crypto, "private key: it cannot be decrypted; the passphrase is wrong or the block is damaged"};
  }
  return from_info(errors, info.get());
}

Result<Key> from_plain(const ErrorScope& errors, const Block& block) {
  const unsigned char* data = block.data;
  const KeyInfo info(d2i_PKCS8_PRIV_KEY_INFO(nullptr, &data, block.size));
  return from_info(errors, info.get());
}

Result<Key> from_pkcs1(const ErrorScope& errors, const Block& block) {
  if (block.headers != nullptr && *block.headers != '\0')
    return Error{
        Errc::unsupported,
        "private key: PKCS#1 with encryption of its own is obsolete; convert it with \"openssl pkcs8 -topk8\""};
  const unsigned char* data = block.data;
  Key key(d2i_PrivateKey(EVP_PKEY_RSA, nullptr, &data, block.size));
  if (key == nullptr) return no_key(errors, "the block \"RSA PRIVATE KEY\" cannot be decoded");
  return key;
}

EncryptedKeyInfo encrypt(PKCS8_PRIV_KEY_INFO& info, std::string_view passphrase) {
  X509_ALGOR* scheme = PKCS5_pbe2_set_iv(EVP_aes_256_cbc(), pbkdf2_iterations, nullptr, 0, nullptr, NID_hmacWithSHA256);
  if (scheme == nullptr) return nullptr;
  EncryptedKeyInfo encrypted(
      PKCS8_set0_pbe(passphrase.data(), static_cast<int>(passphrase.size()), &info, scheme));  // takes the scheme …
  if (encrypted == nullptr) X509_ALGOR_free(scheme);                                           // … if it succeeds
  return encrypted;
}

}  // namespace

Result<Key> read(std::string_view text, std::string_view passphrase) {
  const ErrorScope errors;
  if (text.size() > max_octets || passphrase.size() > max_octets)
    return Error{Errc::limit_exceeded,
                 "private key: the text is longer than " + std::to_string(max_octets) + " octets, the limit for a key"};
  const Bio source(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  must(source != nullptr);
  while (true) {
    Block block;
    if (!block.read(*source)) return no_key(errors, "the text holds none");
    const std::string_view label = block.label;
    if (label == PEM_STRING_PKCS8) return from_encrypted(errors, block, passphrase);
    if (label == PEM_STRING_PKCS8INF) return from_plain(errors, block);
    if (label == PEM_STRING_RSA) return from_pkcs1(errors, block);
    if (label == PEM_STRING_ECPRIVATEKEY || label == PEM_STRING_DSA)
      return Error{Errc::unsupported, "private key: DKIM signs with RSA or Ed25519 keys only (RFC 8463 section 3)"};
  }
}

Result<std::string> write(const EVP_PKEY& key, std::string_view passphrase) {
  const ErrorScope errors;
  if (passphrase.size() > max_octets)
    return Error{Errc::limit_exceeded,
                 "private key: the passphrase is longer than " + std::to_string(max_octets) + " octets"};
  const Bio sink(BIO_new(BIO_s_mem()));
  const KeyInfo info(EVP_PKEY2PKCS8(&key));
  must(sink != nullptr);
  bool written = false;
  if (passphrase.empty()) {
    written = info != nullptr && PEM_write_bio_PKCS8_PRIV_KEY_INFO(sink.get(), info.get()) == 1;
  } else {
    const EncryptedKeyInfo encrypted = info == nullptr ? nullptr : encrypt(*info, passphrase);
    written = encrypted != nullptr && PEM_write_bio_PKCS8(sink.get(), encrypted.get()) == 1;
  }
  if (!written) {
    errors.throw_if_out_of_memory();
    return Error{Errc::crypto, "private key: OpenSSL could not encode it as PKCS#8"};
  }
  char* data = nullptr;
  const long size = BIO_get_mem_data(sink.get(), &data);
  std::string text(data, static_cast<std::size_t>(size));
  OPENSSL_cleanse(data, static_cast<std::size_t>(size));
  return text;
}

}  // namespace sendconn::crypto::pem
