#include "lib/tls/peer_check.hpp"

#include <exception>
#include <new>
#include <utility>

#include <sendconn/ip.hpp>

#include "lib/tls/credentials.hpp"

namespace sendconn::tls {
namespace {

/// Names quoted from a certificate that is not for the server asked for. Our own bound: an error is one sentence.
constexpr int max_names_quoted = 4;
/// RFC 1035 section 2.3.4, in text.
constexpr std::size_t max_name = 253;

std::string_view octets_of(const ASN1_STRING& string) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(&string)),
          static_cast<std::size_t>(ASN1_STRING_length(&string))};
}

std::string address_text(std::string_view octets) {
  const auto copy_to = [octets](auto array) {
    for (std::size_t i = 0; i < array.size(); ++i) array[i] = static_cast<std::uint8_t>(octets[i]);
    return array;
  };
  if (octets.size() == 4) return IpAddress::v4(copy_to(std::array<std::uint8_t, 4>{})).format();
  if (octets.size() == 16) return IpAddress::v6(copy_to(std::array<std::uint8_t, 16>{})).format();
  return "a malformed IP address";
}

/// The peer chose these octets, and the text goes to a log.
std::string name_text(std::string_view octets) {
  std::string text;
  for (const char c : octets.substr(0, max_name)) text += c > 0x20 && c < 0x7f ? c : '?';
  return text;
}

/// The DNS names and IP addresses that a certificate is for, as far as they fit a sentence.
std::string names_of(const X509& certificate) {
  const GeneralNamesPtr names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr)));
  const int count = names != nullptr ? sk_GENERAL_NAME_num(names.get()) : 0;
  std::string text;
  int quoted = 0;
  for (int i = 0; i < count; ++i) {
    const GENERAL_NAME* const name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_DNS && name->type != GEN_IPADD) continue;
    if (quoted == max_names_quoted) return text + " and others";
    if (quoted++ > 0) text += ", ";
    text +=
        name->type == GEN_DNS ? name_text(octets_of(*name->d.dNSName)) : address_text(octets_of(*name->d.iPAddress));
  }
  return quoted > 0 ? text : "no server (it has no subjectAltName)";
}

std::string describe(int fault, const X509* certificate, int depth, const std::string& name) {
  switch (fault) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return "it is for " + (certificate != nullptr ? names_of(*certificate) : std::string("other names")) +
             ", not for " + name + " (RFC 6125 section 6)";
    case X509_V_ERR_CERT_HAS_EXPIRED:
      if (certificate != nullptr)
        return (depth == 0 ? std::string("it") : "the authority at depth " + std::to_string(depth)) + " expired on " +
               format_time(*X509_get0_notAfter(certificate)) + " (RFC 5280 section 4.1.2.5)";
      break;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
      return "it is self-signed, and not among the trusted authorities (RFC 5280 section 6.1)";
    default:
      break;
  }
  return std::string(X509_verify_cert_error_string(fault)) + ", at depth " + std::to_string(depth) +
         " of the chain (RFC 5280 section 6.1)";
}

/// SSL_set_tlsext_host_name() is a macro with a cast of the old style in it.
bool send_name(SSL& ssl, std::string& name) {
  return SSL_ctrl(&ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data()) == 1;
}

}  // namespace

Result<void> PeerCheck::expect(SSL& ssl, std::string_view name, const std::optional<UnixTime>& now) {
  if (name.ends_with('.'))
    name.remove_suffix(1);  // absolute: certificates and SNI have it without (RFC 6066 section 3)
  name_ = name_text(name);
  SSL_set_app_data(&ssl, this);
  X509_VERIFY_PARAM* const param = SSL_get0_param(&ssl);
  if (now) X509_VERIFY_PARAM_set_time(param, static_cast<std::time_t>(now->time_since_epoch().count()));
  if (const auto address = IpAddress::parse(name)) {
    const std::string_view octets = address->octets();
    if (X509_VERIFY_PARAM_set1_ip(param, reinterpret_cast<const unsigned char*>(octets.data()), octets.size()) == 1)
      return {};
  } else if (!name.empty() && name.size() <= max_name && name_ == name) {
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    if (SSL_set1_host(&ssl, name_.c_str()) == 1 && send_name(ssl, name_)) return {};
  }
  take_reason();  // throws for want of memory, which is no fault of the name
  return Error{Errc::invalid_argument, "TLS: \"" + name_ + "\" is not a server's name in ASCII (RFC 6066 section 3)"};
}

bool PeerCheck::passed(const SSL& ssl) const {
  return !name_.empty() && SSL_get0_peer_certificate(&ssl) != nullptr && SSL_get_verify_result(&ssl) == X509_V_OK;
}

int PeerCheck::on_certificate(int good, X509_STORE_CTX* store) {
  if (good == 1) return 1;
  const auto* const ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto* const self = ssl != nullptr ? static_cast<PeerCheck*>(SSL_get_app_data(ssl)) : nullptr;
  if (self == nullptr || !self->fault_.empty()) return 0;
  try {  // no exception may pass through OpenSSL's frames; without memory the check fails without a text
    self->fault_ = describe(X509_STORE_CTX_get_error(store), X509_STORE_CTX_get_current_cert(store),
                            X509_STORE_CTX_get_error_depth(store), self->name_);
  } catch (const std::exception&) {
    self->lacked_memory_ = true;
  }
  return 0;
}

void PeerCheck::check_memory() {
  if (std::exchange(lacked_memory_, false)) throw std::bad_alloc();
}

}  // namespace sendconn::tls
