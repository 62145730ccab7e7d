#include <ctime>

#include <openssl/pem.h>

#include <sendconn/ip.hpp>
#include <sendconn/tls.hpp>

#include "lib/base/ascii.hpp"
#include "lib/tls/openssl.hpp"

namespace sendconn::tls {
namespace {

/// RFC 5280 section 4.1.2.2: at most 20 octets, positive, so the top bit stays clear.
constexpr int serial_bits = 159;
/// RFC 5280 appendix A.1, ub-common-name.
constexpr std::size_t max_common_name = 64;
/// RFC 1035 section 2.3.4, in text.
constexpr std::size_t max_hostname = 253;
/// Clients whose clocks are behind must be able to use it at once.
constexpr auto backdated = std::chrono::days(1);

bool is_hostname(std::string_view name) {
  if (name.empty() || name.size() > max_hostname || name.front() == '.' || name.back() == '.') return false;
  for (const char c : name)
    if (!ascii::is_alnum(c) && c != '-' && c != '.') return false;
  return name.find("..") == std::string_view::npos;
}

std::time_t seconds(UnixTime time) { return static_cast<std::time_t>(time.time_since_epoch().count()); }

bool set_serial(X509& certificate) {
  const BignumPtr serial(BN_new());
  return serial != nullptr && BN_rand(serial.get(), serial_bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
         BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(&certificate)) != nullptr;
}

/// A name too long for the subject stands in the subjectAltName alone, which counts anyway (RFC 6125 section 6.4.4).
bool set_names(X509& certificate, const std::string& hostname) {
  X509_NAME* const name = X509_get_subject_name(&certificate);
  if (hostname.size() <= max_common_name &&
      X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_ASC,
                                 reinterpret_cast<const unsigned char*>(hostname.data()),
                                 static_cast<int>(hostname.size()), -1, 0) != 1)
    return false;
  return X509_set_issuer_name(&certificate, name) == 1;
}

bool add_extension(X509& certificate, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, &certificate, &certificate, nullptr, nullptr, 0);
  const ExtensionPtr extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  return extension != nullptr && X509_add_ext(&certificate, extension.get(), -1) == 1;
}

Result<std::string> pem_text(const BioPtr& bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  if (size <= 0) return openssl_error("a self-signed certificate cannot be written");
  return std::string(data, static_cast<std::size_t>(size));
}

}  // namespace

Result<SelfSigned> make_self_signed(std::string_view hostname, unsigned days, UnixTime now) {
  const auto address = IpAddress::parse(hostname);
  if (!address && !is_hostname(hostname))
    return Error{Errc::invalid_argument,
                 "a self-signed certificate needs a host name in ASCII (letters, digits, \"-\" and "
                 "\".\", at most 253) or an IP address (RFC 5280 section 4.2.1.6)"};
  if (days == 0 || days > max_self_signed_days)
    return Error{Errc::invalid_argument, "a self-signed certificate is valid for 1 to " +
                                             std::to_string(max_self_signed_days) + " days, not " +
                                             std::to_string(days)};
  const std::string name = address ? address->format() : ascii::to_lower(hostname);

  ERR_clear_error();
  const PkeyPtr key(EVP_EC_gen("P-256"));
  const X509Ptr certificate(X509_new());
  if (key == nullptr || certificate == nullptr) return openssl_error("a self-signed certificate cannot be made");
  X509& c = *certificate;
  const bool crowded = name.size() > max_common_name;  // an empty subject makes the subjectAltName critical
  const bool made =
      X509_set_version(&c, X509_VERSION_3) == 1 && set_serial(c) && set_names(c, name) &&
      ASN1_TIME_set(X509_getm_notBefore(&c), seconds(now - backdated)) != nullptr &&
      ASN1_TIME_set(X509_getm_notAfter(&c), seconds(now + std::chrono::days(days))) != nullptr &&
      X509_set_pubkey(&c, key.get()) == 1 && add_extension(c, NID_basic_constraints, "critical,CA:FALSE") &&
      add_extension(c, NID_key_usage, "critical,digitalSignature") &&
      add_extension(c, NID_ext_key_usage, "serverAuth") && add_extension(c, NID_subject_key_identifier, "hash") &&
      add_extension(c, NID_subject_alt_name,
                    (crowded ? "critical," : "") + std::string(address ? "IP:" : "DNS:") + name) &&
      X509_sign(&c, key.get(), EVP_sha256()) > 0;
  if (!made) return openssl_error("a self-signed certificate cannot be made");

  const BioPtr certificate_bio(BIO_new(BIO_s_mem()));
  const BioPtr key_bio(BIO_new(BIO_s_secmem()));
  if (certificate_bio == nullptr || key_bio == nullptr || PEM_write_bio_X509(certificate_bio.get(), &c) != 1 ||
      PEM_write_bio_PKCS8PrivateKey(key_bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1)
    return openssl_error("a self-signed certificate cannot be written");
  auto certificate_pem = pem_text(certificate_bio);
  if (!certificate_pem) return certificate_pem.error();
  auto key_pem = pem_text(key_bio);
  if (!key_pem) return key_pem.error();
  return SelfSigned{std::move(*certificate_pem), std::move(*key_pem)};
}

}  // namespace sendconn::tls
