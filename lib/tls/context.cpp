#include "lib/tls/context.hpp"

#include "lib/tls/credentials.hpp"
#include "lib/tls/peer_check.hpp"
#include "lib/tls/pipe.hpp"

namespace sendconn::tls {
namespace {

/// OpenSSL's security levels. 2 refuses what has less than 112 bits (RSA below 2048, SHA-1 signatures); 1 takes 80
/// bits, for peers that nobody checks: the alternative there is clear text (RFC 7435 section 3).
constexpr int strong = 2;
constexpr int opportunistic = 1;

/// For each handshake in TLS 1.3. A second one serves clients that open connections in parallel, and costs every other
/// client a record.
constexpr std::size_t tickets = 1;

}  // namespace

Result<Context> Context::create(const ContextOptions& options) {
  const bool server = options.role == Role::server;
  if (server && (options.certificate_file.empty() || options.key_file.empty()))
    return Error{Errc::invalid_argument, "a TLS server requires a certificate file and a key file"};
  if (options.certificate_file.empty() != options.key_file.empty())
    return Error{Errc::invalid_argument, "a certificate file and a key file go together; only one of them is given"};
  if (server && (options.verify == Verify::required || !options.authorities_file.empty()))
    return Error{Errc::unsupported, "a TLS server does not ask for certificates of its clients"};

  ERR_clear_error();
  auto impl = std::make_shared<Impl>(Impl{options.role, options.verify, Pipe::make_method(),
                                          SslCtxPtr(SSL_CTX_new(server ? TLS_server_method() : TLS_client_method()))});
  if (impl->pipe_method == nullptr || impl->ssl_ctx == nullptr) return openssl_error("TLS cannot be set up");
  SSL_CTX& context = *impl->ssl_ctx;

  const bool checked = server || options.verify == Verify::required;
  SSL_CTX_set_security_level(&context, checked ? strong : opportunistic);
  // RFC 8996: nothing older than 1.2.
  if (SSL_CTX_set_min_proto_version(&context, options.allow_tls_1_2 ? TLS1_2_VERSION : TLS1_3_VERSION) != 1 ||
      SSL_CTX_set_max_proto_version(&context, 0) != 1)
    return openssl_error("TLS cannot be set up");
  SSL_CTX_set_options(&context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  // Buffers of 17 KB each are given back whenever they are empty.
  SSL_CTX_set_mode(&context, SSL_MODE_RELEASE_BUFFERS);
  // Resumption is by tickets, which the clients keep.
  SSL_CTX_set_session_cache_mode(&context, SSL_SESS_CACHE_OFF);

  if (!options.certificate_file.empty())
    if (auto used = use_credentials(context, options); !used) return used.error();
  if (server) {
    SSL_CTX_set_num_tickets(&context, tickets);
    return Context(std::move(impl));
  }

  SSL_CTX_set_options(&context, SSL_OP_NO_TICKET);  // an endpoint has no memory of an earlier session to resume
  if (options.authorities_file.empty()) {
    // File and folder by hash. SSL_CTX_set_default_verify_paths() adds a third way, which lists the whole folder for
    // each certificate of an unknown authority: a third of a millisecond in each handshake with a self-signed server.
    if (SSL_CTX_set_default_verify_file(&context) != 1 || SSL_CTX_set_default_verify_dir(&context) != 1)
      return openssl_error("the system's authorities");
  } else if (auto used = use_authorities(context, options.authorities_file); !used) {
    return used.error();
  }
  SSL_CTX_set_verify(&context, options.verify == Verify::required ? SSL_VERIFY_PEER : SSL_VERIFY_NONE,
                     PeerCheck::on_certificate);
  return Context(std::move(impl));
}

}  // namespace sendconn::tls
