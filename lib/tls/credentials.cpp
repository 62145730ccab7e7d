#include "lib/tls/credentials.hpp"

#include <cerrno>
#include <cstdio>
#include <ctime>
#include <new>
#include <system_error>
#include <utility>
#include <vector>

#include <openssl/crypto.h>
#include <openssl/pem.h>

namespace sendconn::tls {
namespace {

/// Of a PEM file. Our own bound: the system's whole authority store has 220 KB.
constexpr std::size_t max_pem_octets = 4 * 1024 * 1024;

/// The octets of a file, wiped when dropped: they may be a key.
class PemFile {
 public:
  PemFile(std::string what, const std::string& path) : name_(std::move(what) + " " + path) {}
  PemFile(const PemFile&) = delete;
  PemFile& operator=(const PemFile&) = delete;
  ~PemFile() { OPENSSL_cleanse(octets_.data(), octets_.size()); }

  Result<void> read(const std::string& path) {
    const std::unique_ptr<std::FILE, Deleter<std::fclose>> file(std::fopen(path.c_str(), "rb"));
    if (file == nullptr && errno == ENOMEM) throw std::bad_alloc();
    if (file == nullptr) return fault(Errc::io, "cannot be opened: " + last_error());
    std::setvbuf(file.get(), nullptr, _IONBF, 0);  // stdio's buffer would keep a copy of the key
    octets_.resize(max_pem_octets + 1);
    errno = 0;
    const std::size_t size = std::fread(octets_.data(), 1, octets_.size(), file.get());
    if (std::ferror(file.get()) != 0) return fault(Errc::io, "cannot be read: " + last_error());
    octets_.resize(size);
    if (size > max_pem_octets)
      return fault(Errc::limit_exceeded, "is larger than " + std::to_string(max_pem_octets) + " octets");
    return {};
  }

  [[nodiscard]] Error fault(Errc code, const std::string& what) const { return {code, name_ + " " + what}; }
  [[nodiscard]] BioPtr reader() const {
    return BioPtr(BIO_new_mem_buf(octets_.data(), static_cast<int>(octets_.size())));
  }
  [[nodiscard]] bool contains(std::string_view text) const { return octets_.find(text) != std::string::npos; }

 private:
  static std::string last_error() { return std::error_code(errno, std::generic_category()).message(); }

  std::string name_;
  std::string octets_;
};

/// OpenSSL's own default asks on the terminal.
int no_passphrase(char*, int, int, void*) { return -1; }

/// Every certificate in the file, in its order; an error if there is none, or one does not decode.
Result<std::vector<X509Ptr>> read_certificates(const PemFile& file) {
  const BioPtr reader = file.reader();
  std::vector<X509Ptr> certificates;
  ERR_clear_error();
  while (X509Ptr certificate{PEM_read_bio_X509_AUX(reader.get(), nullptr, no_passphrase, nullptr)})
    certificates.push_back(std::move(certificate));
  const unsigned long entry = ERR_peek_last_error();
  const bool at_end = ERR_GET_LIB(entry) == ERR_LIB_PEM && ERR_GET_REASON(entry) == PEM_R_NO_START_LINE;
  const std::string reason = reason_of(entry);
  ERR_clear_error();
  if (!at_end)
    return file.fault(Errc::syntax, "has a damaged certificate (number " + std::to_string(certificates.size() + 1) +
                                        " in it): " + reason);
  if (certificates.empty())
    return file.fault(Errc::syntax, "has no PEM certificate in it (\"-----BEGIN CERTIFICATE-----\" is required)");
  return certificates;
}

Result<PkeyPtr> read_key(const PemFile& file) {
  const BioPtr reader = file.reader();
  ERR_clear_error();
  PkeyPtr key(PEM_read_bio_PrivateKey(reader.get(), nullptr, no_passphrase, nullptr));
  ERR_clear_error();
  if (key != nullptr) return key;
  if (file.contains("ENCRYPTED"))
    return file.fault(Errc::unsupported, "is encrypted; a key without a passphrase is required");
  if (!file.contains("PRIVATE KEY-----"))
    return file.fault(Errc::syntax, "has no PEM private key in it (\"-----BEGIN PRIVATE KEY-----\" is required)");
  return file.fault(Errc::syntax, "has a private key that is damaged or of an unknown type");
}

int compare(const ASN1_TIME& time, const std::optional<UnixTime>& now) {
  if (!now) return X509_cmp_current_time(&time);
  std::time_t seconds = static_cast<std::time_t>(now->time_since_epoch().count());
  return X509_cmp_time(&time, &seconds);
}

/// X509_cmp_time: 0 is an unreadable time, negative is up to now, positive later.
Result<void> check_leaf(const PemFile& file, X509& leaf, const ContextOptions& options) {
  const ASN1_TIME& begin = *X509_get0_notBefore(&leaf);
  const ASN1_TIME& end = *X509_get0_notAfter(&leaf);
  if (compare(begin, options.now) >= 0)
    return file.fault(Errc::crypto, "is not valid before " + format_time(begin) + " (RFC 5280 section 4.1.2.5)");
  if (compare(end, options.now) <= 0)
    return file.fault(Errc::crypto, "expired on " + format_time(end) + " (RFC 5280 section 4.1.2.5)");
  const bool server = options.role == Role::server;
  if (X509_check_purpose(&leaf, server ? X509_PURPOSE_SSL_SERVER : X509_PURPOSE_SSL_CLIENT, 0) != 1)
    return file.fault(Errc::crypto, std::string("is a certificate that may not be used by a TLS ") +
                                        (server ? "server" : "client") +
                                        " (extended key usage, RFC 5280 section 4.2.1.12)");
  return {};
}

Result<void> check_key(const PemFile& file, const PemFile& key_file, const std::vector<X509Ptr>& certificates,
                       const EVP_PKEY& key, const ContextOptions& options) {
  std::size_t owner = 0;
  while (owner < certificates.size() && X509_check_private_key(certificates[owner].get(), &key) != 1) ++owner;
  ERR_clear_error();
  if (owner == 0) return {};
  if (owner == certificates.size())
    return key_file.fault(Errc::conflict, "does not belong to certificate file " + options.certificate_file);
  return file.fault(Errc::conflict, "does not begin with the certificate of key file " + options.key_file +
                                        ", which is number " + std::to_string(owner + 1) +
                                        " in it; the order is leaf first");
}

}  // namespace

std::string format_time(const ASN1_TIME& time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(&time, &parts) != 1) return "an unreadable time";
  char text[32];
  const std::size_t size = std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &parts);
  return {text, size};
}

Result<void> use_credentials(SSL_CTX& context, const ContextOptions& options) {
  PemFile certificate_file("certificate file", options.certificate_file);
  if (auto read = certificate_file.read(options.certificate_file); !read) return read;
  auto certificates = read_certificates(certificate_file);
  if (!certificates) return certificates.error();
  X509& leaf = *certificates->front();

  PemFile key_file("key file", options.key_file);
  if (auto read = key_file.read(options.key_file); !read) return read;
  auto key = read_key(key_file);
  if (!key) return key.error();

  if (auto matching = check_key(certificate_file, key_file, *certificates, **key, options); !matching) return matching;
  if (auto fit = check_leaf(certificate_file, leaf, options); !fit) return fit;

  if (SSL_CTX_use_certificate(&context, &leaf) != 1)
    return openssl_error("certificate file " + options.certificate_file + " is refused");
  for (std::size_t i = 1; i < certificates->size(); ++i)
    if (SSL_CTX_add1_chain_cert(&context, (*certificates)[i].get()) != 1)
      return openssl_error("certificate file " + options.certificate_file + " is refused at number " +
                           std::to_string(i + 1));
  if (SSL_CTX_use_PrivateKey(&context, key->get()) != 1)
    return openssl_error("key file " + options.key_file + " is refused");
  return {};
}

Result<void> use_authorities(SSL_CTX& context, const std::string& file) {
  PemFile pem("authorities file", file);
  if (auto read = pem.read(file); !read) return read;
  const auto certificates = read_certificates(pem);
  if (!certificates) return certificates.error();
  X509_STORE* const store = SSL_CTX_get_cert_store(&context);
  for (const X509Ptr& certificate : *certificates)
    if (X509_STORE_add_cert(store, certificate.get()) != 1) return openssl_error("authorities file " + file);
  return {};
}

}  // namespace sendconn::tls
