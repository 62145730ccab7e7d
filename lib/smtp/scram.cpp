#include "lib/smtp/scram.hpp"

#include <algorithm>

#include <sendconn/crypto.hpp>

#include "lib/base/base64.hpp"
#include "lib/base/cursor.hpp"
#include "lib/base/utf8.hpp"
#include "lib/smtp/saslprep.hpp"

namespace sendconn::sasl {
namespace {

constexpr std::string_view own_gs2_header = "n,,";  // no channel binding, no other authorization identity

Error fail(Errc code, std::string_view what) {
  return Error{code, "SCRAM: " + std::string(what) + " (RFC 5802 section 5.1)"};
}

std::string exclusive_or(std::string_view a, std::string_view b) {
  std::string out(a);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<char>(out[i] ^ b[i]);
  return out;
}

/// saslname (RFC 5802 section 7): ',' and '=' travel as =2C and =3D.
Result<std::string> decode_name(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '=') {
      out += text[i];
      continue;
    }
    const std::string_view escape = text.substr(i, 3);
    if (escape != "=2C" && escape != "=3D") return fail(Errc::syntax, "'=' in a name begins =2C or =3D only");
    out += escape == "=2C" ? ',' : '=';
    i += 2;
  }
  if (out.empty() || utf8::find_fault(out) || out.find('\0') != std::string::npos) {
    return fail(Errc::syntax, "a name has at least one character and is UTF-8");
  }
  return out;
}

std::string encode_name(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c == ',') {
      out += "=2C";
    } else if (c == '=') {
      out += "=3D";
    } else {
      out += c;
    }
  }
  return out;
}

/// One "x=value", with the comma in front of it if it is not the first.
Result<std::string_view> take_attribute(Cursor& in, char name, bool first) {
  if (!first && !in.take(',')) return fail(Errc::syntax, std::string("the attribute '") + name + "' is missing");
  if (in.peek() == 'm' && in.peek(1) == '=') return fail(Errc::unsupported, "an unknown mandatory extension");
  if (!in.take(name) || !in.take('=')) {
    return fail(Errc::syntax, std::string("the attribute '") + name + "' is missing");
  }
  return in.take_until(',');
}

}  // namespace

bool is_nonce(std::string_view text) noexcept {
  return text.size() >= min_nonce_octets && text.size() <= max_nonce_octets &&
         std::all_of(text.begin(), text.end(), [](char c) { return ascii::is_vchar(c) && c != ','; });
}

// ── Server ─────────────────────────────────────────────────────────────────────────────────────────────────────────

Result<void> ScramServer::start(std::string_view client_first) {
  Cursor in(client_first);
  if (in.peek() == 'p' && in.peek(1) == '=') return fail(Errc::unsupported, "channel binding is not offered");
  if (!in.take('n') && !in.take('y')) return fail(Errc::syntax, "the message begins with n, y or p=");
  if (!in.take(',')) return fail(Errc::syntax, "',' is missing behind the channel binding flag");
  std::string authorization;
  if (in.peek() == 'a') {
    in.skip();
    if (!in.take('=')) return fail(Errc::syntax, "'=' is missing behind 'a'");
    Result<std::string> name = decode_name(in.take_until(','));
    if (!name) return std::move(name).error();
    authorization = *std::move(name);
  }
  if (!in.take(',')) return fail(Errc::syntax, "',' is missing behind the authorization identity");
  gs2_header_ = in.since(0);
  client_first_bare_ = in.rest();

  const Result<std::string_view> name = take_attribute(in, 'n', true);
  if (!name) return name.error();
  Result<std::string> user = decode_name(*name);
  if (!user) return std::move(user).error();
  const Result<std::string_view> nonce = take_attribute(in, 'r', false);
  if (!nonce) return nonce.error();
  const auto printable = [](char c) { return ascii::is_vchar(c); };
  if (nonce->empty() || nonce->size() > max_nonce_octets || !std::all_of(nonce->begin(), nonce->end(), printable)) {
    return fail(Errc::syntax, "the nonce is 1 to 1024 visible ASCII characters");
  }
  user_ = *std::move(user);
  client_nonce_ = *nonce;
  if (!authorization.empty() && authorization != user_) {
    return fail(Errc::invalid_argument, "the authorization identity is not the user");
  }
  return {};
}

std::string ScramServer::challenge(const ScramVerifier& verifier, std::string_view nonce) {
  verifier_ = verifier;
  nonce_ = client_nonce_ + std::string(nonce);
  server_first_ = "r=" + nonce_ + ",s=" + base64::encode(verifier.salt) + ",i=" + std::to_string(verifier.iterations);
  return server_first_;
}

Result<std::string> ScramServer::finish(std::string_view client_final) {
  Cursor in(client_final);
  const Result<std::string_view> binding = take_attribute(in, 'c', true);
  if (!binding) return binding.error();
  const Result<std::string_view> nonce = take_attribute(in, 'r', false);
  if (!nonce) return nonce.error();
  std::size_t proof_start = in.position();
  while (!in.at_end() && !(in.peek() == ',' && in.peek(1) == 'p' && in.peek(2) == '=')) {  // extensions, ignored
    in.skip();
    in.take_until(',');
    proof_start = in.position();
  }
  const std::string_view without_proof = client_final.substr(0, proof_start);
  const Result<std::string_view> proof_text = take_attribute(in, 'p', false);
  if (!proof_text) return proof_text.error();
  const Result<std::string> proof = base64::decode(*proof_text);
  if (!proof || !in.at_end()) return fail(Errc::syntax, "the proof is base64 and stands last");

  const std::string transcript = client_first_bare_ + "," + server_first_ + "," + std::string(without_proof);
  const auto client_signature = crypto::hmac_sha256(verifier_.stored_key, transcript);
  if (*binding != base64::encode(gs2_header_)) return fail(Errc::crypto, "the channel binding flag was changed");
  if (*nonce != nonce_) return fail(Errc::crypto, "the nonce was changed");
  if (proof->size() != client_signature.size()) return fail(Errc::crypto, "the proof is wrong");
  std::string client_key = exclusive_or(*proof, crypto::view(client_signature));
  const auto stored_key = crypto::sha256(client_key);
  crypto::wipe(client_key);
  if (!crypto::equal_secret(crypto::view(stored_key), verifier_.stored_key)) {
    return fail(Errc::crypto, "the proof is wrong");
  }
  return "v=" + base64::encode(crypto::view(crypto::hmac_sha256(verifier_.server_key, transcript)));
}

// ── Client ─────────────────────────────────────────────────────────────────────────────────────────────────────────

Result<ScramClient> ScramClient::make(std::string_view user, std::string_view password, std::string_view nonce) {
  if (!is_nonce(nonce)) return fail(Errc::invalid_argument, "the nonce is at least 18 visible characters without ','");
  const Result<std::string> name = saslprep(user);
  if (!name) return name.error();
  Result<std::string> secret = saslprep(password);
  if (!secret) return std::move(secret).error();
  if (name->empty() || secret->empty()) return fail(Errc::invalid_argument, "user and password must not be empty");
  ScramClient client;
  client.nonce_ = nonce;
  client.password_ = *std::move(secret);
  client.first_bare_ = "n=" + encode_name(*name) + ",r=" + client.nonce_;
  return client;
}

ScramClient::~ScramClient() { crypto::wipe(password_); }

std::string ScramClient::first() const { return std::string(own_gs2_header) + first_bare_; }

Result<std::string> ScramClient::answer(std::string_view server_first) {
  Cursor in(server_first);
  const Result<std::string_view> nonce = take_attribute(in, 'r', true);
  if (!nonce) return nonce.error();
  const Result<std::string_view> salt_text = take_attribute(in, 's', false);
  if (!salt_text) return salt_text.error();
  const Result<std::string_view> iteration_text = take_attribute(in, 'i', false);
  if (!iteration_text) return iteration_text.error();
  if (!nonce->starts_with(nonce_) || nonce->size() == nonce_.size()) {
    return fail(Errc::crypto, "the server's nonce does not begin with ours and add to it");
  }
  const Result<std::string> salt = base64::decode(*salt_text);
  if (!salt || salt->empty()) return fail(Errc::syntax, "the salt is not base64");
  const auto iterations = ascii::to_number<std::uint32_t>(*iteration_text);
  if (!iterations || *iterations < ScramVerifier::min_iterations || *iterations > ScramVerifier::max_iterations) {
    return Error{Errc::limit_exceeded, "SCRAM: the server asks for '" + std::string(iteration_text->substr(0, 20)) +
                                           "' iterations, taken are 4096 to 1000000 (RFC 7677 section 4)"};
  }

  const auto salted = crypto::pbkdf2_sha256(password_, *salt, *iterations);
  const auto client_key = crypto::hmac_sha256(crypto::view(salted), "Client Key");
  const auto stored_key = crypto::sha256(crypto::view(client_key));
  const auto server_key = crypto::hmac_sha256(crypto::view(salted), "Server Key");
  const std::string without_proof = "c=" + base64::encode(own_gs2_header) + ",r=" + std::string(*nonce);
  const std::string transcript = first_bare_ + "," + std::string(server_first) + "," + without_proof;
  const auto client_signature = crypto::hmac_sha256(crypto::view(stored_key), transcript);
  server_signature_ = crypto::view(crypto::hmac_sha256(crypto::view(server_key), transcript));
  return without_proof + ",p=" + base64::encode(exclusive_or(crypto::view(client_key), crypto::view(client_signature)));
}

Result<void> ScramClient::accept(std::string_view server_final) const {
  Cursor in(server_final);
  if (in.peek() == 'e') return fail(Errc::crypto, "the server ended the exchange with an error");
  const Result<std::string_view> text = take_attribute(in, 'v', true);
  if (!text) return text.error();
  const Result<std::string> signature = base64::decode(*text);
  if (!signature || server_signature_.empty() || !crypto::equal_secret(*signature, server_signature_)) {
    return fail(Errc::crypto, "the server did not prove that it knows the user's verifier");
  }
  return {};
}

}  // namespace sendconn::sasl
