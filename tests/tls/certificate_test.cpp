// Certificates good and bad: what a context refuses to start with, and what a client refuses to talk to.
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "tests/tls/wire.hpp"

namespace sendconn::tls {
namespace {

using std::chrono::days;

struct Freed {
  void operator()(X509* x) const { X509_free(x); }
  void operator()(EVP_PKEY* x) const { EVP_PKEY_free(x); }
  void operator()(BIO* x) const { BIO_free(x); }
  void operator()(SSL_CTX* x) const { SSL_CTX_free(x); }
  void operator()(SSL* x) const { SSL_free(x); }
};
template <class T>
using Owned = std::unique_ptr<T, Freed>;

struct Issued {
  Owned<EVP_PKEY> key;
  Owned<X509> certificate;

  [[nodiscard]] std::string certificate_pem() const {
    return pem([this](BIO* bio) { return PEM_write_bio_X509(bio, certificate.get()); });
  }
  [[nodiscard]] std::string key_pem() const { return key_pem(nullptr, ""); }
  [[nodiscard]] std::string key_pem(const EVP_CIPHER* cipher, std::string phrase) const {
    return pem([&](BIO* bio) {
      return PEM_write_bio_PKCS8PrivateKey(bio, key.get(), cipher, phrase.data(), static_cast<int>(phrase.size()),
                                           nullptr, nullptr);
    });
  }

 private:
  template <class Write>
  static std::string pem(Write write) {
    const Owned<BIO> bio(BIO_new(BIO_s_mem()));
    EXPECT_EQ(write(bio.get()), 1);
    char* data = nullptr;
    const auto size = static_cast<std::size_t>(BIO_get_mem_data(bio.get(), &data));
    return {data, size};
  }
};

struct Request {
  std::vector<std::pair<int, std::string>> extensions;
  UnixTime begin = now - days(1);
  UnixTime end = now + days(90);
  std::string common_name = "test";
};

/// A certificate signed by `issuer`, or by itself.
Issued issue(const Request& request, const Issued* issuer = nullptr) {
  Issued made{Owned<EVP_PKEY>(EVP_EC_gen("P-256")), Owned<X509>(X509_new())};
  X509* const c = made.certificate.get();
  X509_set_version(c, X509_VERSION_3);
  static long serial = 1;
  ASN1_INTEGER_set(X509_get_serialNumber(c), serial++);
  X509_NAME_add_entry_by_NID(X509_get_subject_name(c), NID_commonName, MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(request.common_name.data()),
                             static_cast<int>(request.common_name.size()), -1, 0);
  X509_set_issuer_name(c, X509_get_subject_name(issuer != nullptr ? issuer->certificate.get() : c));
  ASN1_TIME_set(X509_getm_notBefore(c), request.begin.time_since_epoch().count());
  ASN1_TIME_set(X509_getm_notAfter(c), request.end.time_since_epoch().count());
  X509_set_pubkey(c, made.key.get());
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer != nullptr ? issuer->certificate.get() : c, c, nullptr, nullptr, 0);
  for (const auto& [nid, value] : request.extensions) {
    X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
    EXPECT_NE(extension, nullptr) << value;
    X509_add_ext(c, extension, -1);
    X509_EXTENSION_free(extension);
  }
  EXPECT_GT(X509_sign(c, (issuer != nullptr ? issuer->key : made.key).get(), EVP_sha256()), 0);
  return made;
}

Issued make_authority(const std::string& name = "Test Authority") {
  return issue({.extensions = {{NID_basic_constraints, "critical,CA:TRUE"}, {NID_key_usage, "critical,keyCertSign"}},
                .common_name = name});
}

Request leaf_for(std::string san) {
  return {.extensions = {{NID_subject_alt_name, std::move(san)}, {NID_ext_key_usage, "serverAuth"}}};
}

struct Shaken {
  State client;
  State server;
  bool verified;
  std::string client_error;
  std::string server_error;
};

/// A handshake with a server that shows `leaf`, by a client that trusts `authority` and asks for `name`.
Shaken shake(const Issued& leaf, const std::string& chain, const std::string& trusted_pem, Verify verify,
             std::string_view name) {
  const Folder folder;
  ContextOptions server_options;
  server_options.role = Role::server;
  server_options.certificate_file = folder.write("cert.pem", leaf.certificate_pem() + chain);
  server_options.key_file = folder.write("key.pem", leaf.key_pem());
  server_options.now = UnixTime(std::chrono::seconds(0));
  // What the server would refuse to start with is here to be refused by the client: take a moment when it was valid.
  std::tm begin{};
  ASN1_TIME_to_tm(X509_get0_notBefore(leaf.certificate.get()), &begin);
  server_options.now = UnixTime(std::chrono::seconds(timegm(&begin) + 1));
  ContextOptions client_options;
  client_options.verify = verify;
  if (!trusted_pem.empty()) client_options.authorities_file = folder.write("ca.pem", trusted_pem);
  Endpoint server(must(Context::create(server_options)));
  Endpoint client(client_context(client_options), name, now);
  Wire{client, server}.run();
  return {client.state(), server.state(), client.peer_verified(), client.error().text, server.error().text};
}

TEST(Verify, AcceptsAChainToATrustedAuthorityWithTheName) {
  const Issued authority = make_authority();
  const Issued intermediate =
      issue({.extensions = {{NID_basic_constraints, "critical,CA:TRUE"}}, .common_name = "Intermediate"}, &authority);
  const Issued leaf =
      issue(leaf_for("DNS:*.sender.example,DNS:other.example,IP:192.0.2.7,IP:2001:db8::7"), &intermediate);
  for (const std::string_view name : {"mail.sender.example", "MAIL.Sender.Example", "mail.sender.example.",
                                      "other.example", "192.0.2.7", "2001:db8:0::7"}) {
    const auto got = shake(leaf, intermediate.certificate_pem(), authority.certificate_pem(), Verify::required, name);
    EXPECT_EQ(got.client, State::open) << name << ": " << got.client_error;
    EXPECT_EQ(got.server, State::open) << name << ": " << got.server_error;
    EXPECT_TRUE(got.verified);
  }
}

TEST(Verify, RefusesWithTheReason) {
  const Issued authority = make_authority();
  const Issued stranger = make_authority("Another Authority");
  const Issued impostor = make_authority();
  Request expired = leaf_for("DNS:mail.sender.example");
  expired.begin = now - days(100);
  expired.end = now - days(10);
  Request early = leaf_for("DNS:mail.sender.example");
  early.begin = now + days(2);
  Request client_only = leaf_for("DNS:mail.sender.example");
  Request common_name_only{.extensions = {}, .common_name = "mail.sender.example"};
  const struct {
    std::string_view attack;
    Issued leaf;
    const Issued* trusted;
    std::string_view name;
    std::string_view reason;
    std::string_view alert;
  } cases[] = {
      {"another name", issue(leaf_for("DNS:a.example,DNS:b.example"), &authority), &authority, host,
       "it is for a.example, b.example, not for mail.sender.example (RFC 6125 section 6)", "certificate"},
      {"a wildcard over two labels", issue(leaf_for("DNS:*.example"), &authority), &authority, host,
       "it is for *.example, not for mail.sender.example", "certificate"},
      {"a partial wildcard", issue(leaf_for("DNS:ma*.sender.example"), &authority), &authority, host, "not for",
       "certificate"},
      {"an IP address that is another", issue(leaf_for("IP:192.0.2.8"), &authority), &authority, "192.0.2.7",
       "it is for 192.0.2.8, not for 192.0.2.7", "certificate"},
      {"an IP address as a DNS name", issue(leaf_for("DNS:192.0.2.7"), &authority), &authority, "192.0.2.7", "not for",
       "certificate"},
      {"the name in the subject alone", issue(common_name_only, &authority), &authority, host, "no subjectAltName",
       "certificate"},
      {"expired", issue(expired, &authority), &authority, host, "it expired on 2026-11-", "expired"},
      {"not yet valid", issue(early, &authority), &authority, host, "not yet valid", "certificate"},
      {"an unknown authority", issue(leaf_for("DNS:mail.sender.example"), &stranger), &authority, host,
       "unable to get local issuer certificate", "unknown CA"},
      {"an authority that only has the same name", issue(leaf_for("DNS:mail.sender.example"), &impostor), &authority,
       host, "certificate signature failure", "decrypt error"},
      {"self-signed", issue(leaf_for("DNS:mail.sender.example")), &authority, host, "it is self-signed", "unknown CA"},
      {"hostile octets in a name", issue(leaf_for("DNS:a\x1b[2J\x07.example"), &authority), &authority, host,
       "it is for a?[2J?.example", "certificate"},
  };
  for (const auto& c : cases) {
    const auto got = shake(c.leaf, "", c.trusted->certificate_pem(), Verify::required, c.name);
    EXPECT_EQ(got.client, State::failed) << c.attack;
    EXPECT_EQ(got.server, State::failed) << c.attack;
    EXPECT_FALSE(got.verified) << c.attack;
    EXPECT_NE(got.client_error.find("TLS: we refused the server's certificate: "), std::string::npos)
        << got.client_error;
    EXPECT_NE(got.client_error.find(c.reason), std::string::npos) << c.attack << ": " << got.client_error;
    EXPECT_NE(got.server_error.find("the client ended the handshake with the alert"), std::string::npos)
        << got.server_error;
    EXPECT_NE(got.server_error.find(c.alert), std::string::npos) << got.server_error;

    const auto trusting = shake(c.leaf, "", c.trusted->certificate_pem(), Verify::none, c.name);
    EXPECT_EQ(trusting.client, State::open) << c.attack << ": " << trusting.client_error;
    EXPECT_FALSE(trusting.verified) << c.attack;
  }
}

TEST(Verify, NoneStillSaysWhenTheServerIsTheOneAskedFor) {
  const Issued authority = make_authority();
  const Issued leaf = issue(leaf_for("DNS:mail.sender.example"), &authority);
  EXPECT_TRUE(shake(leaf, "", authority.certificate_pem(), Verify::none, host).verified);
  EXPECT_FALSE(shake(leaf, "", authority.certificate_pem(), Verify::none, "").verified);
  EXPECT_FALSE(shake(leaf, "", "", Verify::none, host).verified);
}

/// Where the system keeps its authorities is OpenSSL's to know; these variables stand for it.
TEST(Verify, TrustsTheSystemsAuthoritiesIfNoneAreGiven) {
  const Issued authority = make_authority();
  const Issued leaf = issue(leaf_for("DNS:mail.sender.example"), &authority);
  EXPECT_EQ(shake(leaf, "", "", Verify::required, host).client, State::failed);
  const Folder folder;
  const std::string file = folder.write("authorities.pem", authority.certificate_pem());
  ASSERT_EQ(setenv(X509_get_default_cert_file_env(), file.c_str(), 1), 0);
  const auto by_file = shake(leaf, "", "", Verify::required, host);
  unsetenv(X509_get_default_cert_file_env());
  EXPECT_EQ(by_file.client, State::open) << by_file.client_error;

  char name[16];
  std::snprintf(name, sizeof name, "%08lx.0",
                X509_NAME_hash_ex(X509_get_subject_name(authority.certificate.get()), nullptr, nullptr, nullptr));
  const Folder hashed;
  hashed.write(name, authority.certificate_pem());
  ASSERT_EQ(setenv(X509_get_default_cert_dir_env(), hashed.path("").c_str(), 1), 0);
  const auto by_folder = shake(leaf, "", "", Verify::required, host);
  unsetenv(X509_get_default_cert_dir_env());
  EXPECT_EQ(by_folder.client, State::open) << by_folder.client_error;
}

TEST(Verify, RequiredNeedsANameThatACertificateCanHave) {
  ContextOptions options;
  options.verify = Verify::required;
  const Context context = client_context(options);
  for (const std::string_view name :
       {std::string_view(""), std::string_view("a b.example"), std::string_view("a\0b.example", 11),
        std::string_view("m\xc3\xbcller.example")}) {
    Endpoint client(context, name);
    EXPECT_EQ(client.state(), State::failed) << name;
    EXPECT_EQ(client.error().code, Errc::invalid_argument);
    EXPECT_TRUE(client.output().empty());
    std::string plain;
    EXPECT_FALSE(client.feed("x", plain));
    EXPECT_FALSE(client.write("x"));
    client.close();
    EXPECT_EQ(client.state(), State::failed);
  }
}

TEST(ContextCreate, SaysInOneSentenceWhatIsWrong) {
  const Folder folder;
  const Issued good = issue(leaf_for("DNS:mail.sender.example"));
  const Issued other = issue(leaf_for("DNS:mail.sender.example"));
  Request client_use = leaf_for("DNS:mail.sender.example");
  client_use.extensions[1].second = "clientAuth";
  const Issued client_only = issue(client_use);
  const std::string cert = folder.write("cert.pem", good.certificate_pem());
  const std::string key = folder.write("key.pem", good.key_pem());
  const std::string empty = folder.write("empty.pem", "");
  const std::string text = folder.write("text.pem", "hello\n");
  std::string broken_pem = good.certificate_pem();
  broken_pem.replace(100, 4, "!!!!");
  const std::string broken = folder.write("broken.pem", good.certificate_pem() + broken_pem);
  std::string broken_key = good.key_pem();
  broken_key.erase(60, 20);
  const std::string big = folder.write("big.pem", std::string(5 * 1024 * 1024, 'x'));
  const struct {
    std::string_view what;
    std::string certificate;
    std::string key;
    UnixTime when;
    std::string reason;
  } cases[] = {
      {"no certificate file", "", key, now, "a TLS server requires a certificate file and a key file"},
      {"no key file", cert, "", now, "a TLS server requires a certificate file and a key file"},
      {"missing", folder.path("none.pem"), key, now,
       "certificate file " + folder.path("none.pem") + " cannot be opened: No such file or directory"},
      {"missing key", cert, folder.path("none.pem"), now, "key file " + folder.path("none.pem") + " cannot be opened"},
      {"a folder", folder.path(""), key, now, "cannot be read: Is a directory"},
      {"empty", empty, key, now, "has no PEM certificate in it"},
      {"not PEM", text, key, now, "has no PEM certificate in it"},
      {"a key as a certificate", key, key, now, "has no PEM certificate in it"},
      {"damaged", broken, key, now, "has a damaged certificate (number 2 in it)"},
      {"too large", big, key, now, "is larger than 4194304 octets"},
      {"no key in it", cert, cert, now, "has no PEM private key in it"},
      {"damaged key", cert, folder.write("broken.key", broken_key), now, "a private key that is damaged"},
      {"encrypted key", cert, folder.write("secret.key", good.key_pem(EVP_aes_256_cbc(), "secret")), now,
       "is encrypted; a key without a passphrase is required"},
      {"mismatch", cert, folder.write("other.key", other.key_pem()), now,
       "does not belong to certificate file " + cert},
      {"leaf not first", folder.write("order.pem", other.certificate_pem() + good.certificate_pem()), key, now,
       "which is number 2 in it; the order is leaf first"},
      {"expired", cert, key, now + days(91), "certificate file " + cert + " expired on 2027-02-"},
      {"not yet", cert, key, now - days(2), "certificate file " + cert + " is not valid before 2026-11-"},
      {"a client's", folder.write("client.pem", client_only.certificate_pem()),
       folder.write("client.key", client_only.key_pem()), now, "may not be used by a TLS server"},
  };
  for (const auto& c : cases) {
    ContextOptions options;
    options.role = Role::server;
    options.certificate_file = c.certificate;
    options.key_file = c.key;
    options.now = c.when;
    const auto context = Context::create(options);
    ASSERT_FALSE(context) << c.what;
    EXPECT_NE(context.error().text.find(c.reason), std::string::npos) << c.what << ": " << context.error().text;
    EXPECT_EQ(context.error().text.find('\n'), std::string::npos);
    EXPECT_EQ(context.error().text.find("PRIVATE KEY-----\nM"), std::string::npos);
    EXPECT_EQ(ERR_peek_error(), 0UL) << c.what << " leaves nothing in the error queue";
  }
}

TEST(ContextCreate, RefusesOptionsThatContradict) {
  const SelfSignedServer files;
  ContextOptions server = files.options;
  server.verify = Verify::required;
  EXPECT_EQ(Context::create(server).error().code, Errc::unsupported);
  ContextOptions client;
  client.certificate_file = files.options.certificate_file;
  EXPECT_EQ(Context::create(client).error().code, Errc::invalid_argument);
  client = {};
  client.authorities_file = files.folder.path("none.pem");
  EXPECT_NE(Context::create(client).error().text.find("authorities file"), std::string::npos);
  client.authorities_file = files.options.key_file;
  EXPECT_NE(Context::create(client).error().text.find("has no PEM certificate"), std::string::npos);
}

TEST(MakeSelfSigned, GivesACertificateThatServesAndIsTrustedByItself) {
  for (const std::string& name :
       {std::string("relay.example"), std::string("Relay.Example"), std::string("192.0.2.25"),
        std::string("2001:db8::25"), std::string(63, 'a') + "." + std::string(63, 'b') + ".example"}) {
    const SelfSignedServer files(name);
    ContextOptions trust;
    trust.verify = Verify::required;
    trust.authorities_file = files.options.certificate_file;
    Endpoint server(files.context());
    Endpoint client(client_context(trust), name, now);
    Wire{client, server}.run();
    EXPECT_EQ(client.state(), State::open) << name << ": " << client.error().text;
    EXPECT_TRUE(client.peer_verified()) << name;
    Endpoint late_server(files.context());
    Endpoint late(client_context(trust), name, now + days(91));
    Wire{late, late_server}.run();
    EXPECT_NE(late.error().text.find("it expired on 2027-02-"), std::string::npos) << late.error().text;
  }
}

TEST(MakeSelfSigned, IsUniqueAndBackdatedByADay) {
  const SelfSigned a = must(make_self_signed(host, 1, now));
  const SelfSigned b = must(make_self_signed(host, 1, now));
  EXPECT_NE(a.certificate_pem, b.certificate_pem);
  EXPECT_NE(a.key_pem, b.key_pem);
  EXPECT_EQ(a.key_pem.find("-----BEGIN PRIVATE KEY-----"), 0U);
  const Owned<BIO> bio(BIO_new_mem_buf(a.certificate_pem.data(), static_cast<int>(a.certificate_pem.size())));
  const Owned<X509> certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  ASSERT_NE(certificate, nullptr);
  std::tm begin{};
  std::tm end{};
  ASN1_TIME_to_tm(X509_get0_notBefore(certificate.get()), &begin);
  ASN1_TIME_to_tm(X509_get0_notAfter(certificate.get()), &end);
  EXPECT_EQ(timegm(&begin), (now - days(1)).time_since_epoch().count());
  EXPECT_EQ(timegm(&end), (now + days(1)).time_since_epoch().count());
  const ASN1_INTEGER* const serial = X509_get0_serialNumber(certificate.get());
  EXPECT_EQ(ASN1_STRING_length(serial), 20) << "159 random bits";
}

TEST(MakeSelfSigned, RefusesWhatIsNoHostOrNoSpan) {
  const std::string long_name = std::string(254, 'a');
  for (const std::string_view name :
       {std::string_view(""), std::string_view("a b"), std::string_view(".example"), std::string_view("example."),
        std::string_view("a..b"), std::string_view("a,DNS:evil.example"), std::string_view("m\xc3\xbcller"),
        std::string_view("a\0b", 3), std::string_view("a\nb"), std::string_view(long_name)})
    EXPECT_FALSE(make_self_signed(name, 90, now)) << name;
  EXPECT_FALSE(make_self_signed(host, 0, now));
  EXPECT_FALSE(make_self_signed(host, max_self_signed_days + 1, now));
}

/// Drives one of OpenSSL's own clients, set up as an old program has it, against a server endpoint.
class RawClient {
 public:
  RawClient(int min_version, int max_version) : context_(SSL_CTX_new(TLS_client_method())) {
    SSL_CTX_set_security_level(context_.get(), 0);
    SSL_CTX_set_min_proto_version(context_.get(), min_version);
    SSL_CTX_set_max_proto_version(context_.get(), max_version);
    SSL_CTX_clear_options(context_.get(), SSL_OP_NO_RENEGOTIATION);
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(ssl_.get());
  }
  SSL* ssl() { return ssl_.get(); }
  /// Lets the client try `step` and carries what both say, until nothing more is said.
  template <class Step>
  void run(Endpoint& server, std::string& plain, Step step) {
    for (bool moved = true; moved;) {
      step(ssl());
      char octets[4096];
      const int size = BIO_read(SSL_get_wbio(ssl()), octets, sizeof octets);
      moved = size > 0;
      if (size > 0) static_cast<void>(server.feed({octets, static_cast<std::size_t>(size)}, plain));
      const std::string answer = drain(server);
      if (!answer.empty()) BIO_write(SSL_get_rbio(ssl()), answer.data(), static_cast<int>(answer.size()));
      moved = moved || !answer.empty();
    }
  }

 private:
  Owned<SSL_CTX> context_;
  Owned<SSL> ssl_;
};

TEST(Protocol, RefusesClientsOlderThanTls12) {
  const SelfSignedServer files;
  for (const int version : {TLS1_VERSION, TLS1_1_VERSION}) {
    Endpoint server(files.context());
    RawClient client(version, version);
    std::string plain;
    client.run(server, plain, SSL_do_handshake);
    EXPECT_EQ(server.state(), State::failed);
    EXPECT_EQ(server.error().text, "TLS: we ended the handshake with the client: unsupported protocol");
    EXPECT_NE(SSL_is_init_finished(client.ssl()), 1);
    ERR_clear_error();
  }
}

TEST(Protocol, SpeaksTls12UnlessToldNotTo) {
  SelfSignedServer files;
  Endpoint server(files.context());
  RawClient client(TLS1_2_VERSION, TLS1_2_VERSION);
  std::string plain;
  client.run(server, plain, SSL_do_handshake);
  EXPECT_EQ(server.state(), State::open) << server.error().text;
  EXPECT_EQ(server.protocol(), "TLSv1.2");
  EXPECT_EQ(server.cipher(), "ECDHE-ECDSA-AES256-GCM-SHA384");
  unsigned char material[32];
  const unsigned char none = 0;
  ASSERT_EQ(SSL_export_keying_material(client.ssl(), material, 32, "EXPORTER-Channel-Binding", 24, &none, 0, 1), 1);
  EXPECT_EQ(must(server.export_keying_material("EXPORTER-Channel-Binding", 32)),
            std::string(reinterpret_cast<char*>(material), 32));

  files.options.allow_tls_1_2 = false;
  Endpoint strict(files.context());
  RawClient refused(TLS1_2_VERSION, TLS1_2_VERSION);
  refused.run(strict, plain, SSL_do_handshake);
  EXPECT_EQ(strict.state(), State::failed);
  ERR_clear_error();
}

TEST(Protocol, ANewHandshakeInsideTheConnectionIsNotGranted) {
  const SelfSignedServer files;
  Endpoint server(files.context());
  RawClient client(TLS1_2_VERSION, TLS1_2_VERSION);
  std::string plain;
  client.run(server, plain, SSL_do_handshake);
  ASSERT_EQ(server.state(), State::open);
  ASSERT_EQ(SSL_renegotiate(client.ssl()), 1);
  int result = 1;
  client.run(server, plain, [&](SSL* ssl) { result = SSL_do_handshake(ssl); });
  EXPECT_NE(result, 1);
  EXPECT_NE(SSL_renegotiate_pending(client.ssl()), 0) << "the server did not take part";
  ERR_clear_error();
}

TEST(Protocol, SendsTheNameAsSniButNoAddress) {
  const Context context = client_context();
  const auto hello = [&](std::string_view name) {
    Endpoint client(context, name);
    return drain(client);
  };
  EXPECT_NE(hello("mail.sender.example.").find("mail.sender.example"), std::string::npos);
  EXPECT_EQ(hello("192.0.2.7").find("192.0.2.7"), std::string::npos);
}

TEST(Protocol, GivesOneTicketToResumeWith) {
  const SelfSignedServer files;
  Endpoint server(files.context());
  RawClient client(TLS1_3_VERSION, TLS1_3_VERSION);
  std::string plain;
  char octet;
  client.run(server, plain, [&](SSL* ssl) { SSL_read(ssl, &octet, 1); });
  ASSERT_EQ(server.state(), State::open);
  SSL_SESSION* const session = SSL_get1_session(client.ssl());
  EXPECT_EQ(SSL_SESSION_is_resumable(session), 1);
  SSL_SESSION_free(session);
}

}  // namespace
}  // namespace sendconn::tls
