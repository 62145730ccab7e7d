// dkim-sign-tool: dkim::Signer as a filter, for tests that let other programs verify.
//
//   dkim-sign-tool generate rsa|ed25519 [bits]          prints a new key as PEM
//   dkim-sign-tool record KEYFILE                       prints the text of its TXT record
//   dkim-sign-tool sign SIGNATURE [+ SIGNATURE]...      reads a message from standard input, prints it signed
//
// A SIGNATURE is: KEYFILE DOMAIN SELECTOR HEADER/BODY [option=value]..., the forms being simple or relaxed and the
// options identity=, expires= (s), length= (octets), copy=yes. Before the first one may stand time= (s since 1970) and
// piece= (octets given to the signer at a time).
#include <charconv>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sendconn/dkim.hpp>

namespace {

using namespace sendconn;

int fail(const std::string& text) {
  std::cerr << "dkim-sign-tool: " << text << '\n';
  return 1;
}

std::string read_all(std::istream& in) {
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::optional<crypto::PrivateKey> load(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  Result<crypto::PrivateKey> key = crypto::PrivateKey::from_pem(read_all(in));
  if (key) return *key;
  fail(file + ": " + key.error().text);
  return std::nullopt;
}

std::int64_t number(std::string_view text) {
  std::int64_t value = -1;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

using Arguments = std::vector<std::string>;

/// "name=value" at `at`: the value, and `at` moves on.
std::optional<std::string> option(const Arguments& arguments, std::size_t& at, std::string_view name) {
  if (at >= arguments.size() || !arguments[at].starts_with(name)) return std::nullopt;
  return arguments[at++].substr(name.size());
}

int generate(const Arguments& arguments) {
  const bool rsa = arguments.at(1) == "rsa";
  const unsigned bits = arguments.size() > 2 ? static_cast<unsigned>(number(arguments[2])) : 2048;
  const auto key = crypto::PrivateKey::generate(rsa ? crypto::KeyType::rsa : crypto::KeyType::ed25519, bits);
  if (!key) return fail(key.error().text);
  std::cout << key->to_pem().value();
  return 0;
}

int record(const Arguments& arguments) {
  const auto key = load(arguments.at(1));
  if (!key) return 1;
  std::cout << dkim::format_key_record(*key) << '\n';
  return 0;
}

std::optional<dkim::Signature> parse_signature(const Arguments& arguments, std::size_t& at) {
  if (at + 4 > arguments.size()) return std::nullopt;
  const auto key = load(arguments[at]);
  const auto domain = Domain::parse(arguments[at + 1]);
  const auto selector = dkim::Selector::parse(arguments[at + 2]);
  if (!key || !domain || !selector) return std::nullopt;
  const std::string& forms = arguments[at + 3];
  at += 4;
  dkim::Signature signature{*domain, *selector, std::make_shared<const crypto::PrivateKey>(*key), {}};
  using enum dkim::Canonicalization;
  signature.options.header = forms.starts_with("simple/") ? simple : relaxed;
  signature.options.body = forms.ends_with("/simple") ? simple : relaxed;
  while (at < arguments.size() && arguments[at] != "+") {
    if (const auto identity = option(arguments, at, "identity="))
      signature.options.identity = *identity;
    else if (const auto expires = option(arguments, at, "expires="))
      signature.options.expires_in = std::chrono::seconds(number(*expires));
    else if (const auto length = option(arguments, at, "length="))
      signature.options.force_body_length = static_cast<std::uint64_t>(number(*length));
    else if (option(arguments, at, "copy="))
      signature.options.copy_fields = true;
    else
      return std::nullopt;
  }
  ++at;
  return signature;
}

int sign(const Arguments& arguments) {
  std::size_t at = 1;
  dkim::SignerOptions options;
  options.now = UnixTime(std::chrono::seconds(1'700'000'000));
  if (const auto time = option(arguments, at, "time=")) options.now = UnixTime(std::chrono::seconds(number(*time)));
  std::size_t piece = 65'536;
  if (const auto octets = option(arguments, at, "piece=")) piece = static_cast<std::size_t>(number(*octets));
  std::vector<dkim::Signature> signatures;
  while (at < arguments.size()) {
    auto signature = parse_signature(arguments, at);
    if (!signature) return fail("a signature is: KEYFILE DOMAIN SELECTOR HEADER/BODY [option=value]...");
    signatures.push_back(std::move(*signature));
  }
  auto signer = dkim::Signer::create(std::move(signatures), options);
  if (!signer) return fail(signer.error().text);
  const std::string message = read_all(std::cin);
  for (std::size_t start = 0; start < message.size(); start += piece)
    if (const auto done = signer->update(std::string_view(message).substr(start, piece)); !done)
      return fail(done.error().text);
  const auto fields = signer->finish();
  if (!fields) return fail(fields.error().text);
  std::cout << *fields << message;
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments(argv + 1, argv + argc);
  if (arguments.size() >= 2 && arguments[0] == "generate") return generate(arguments);
  if (arguments.size() == 2 && arguments[0] == "record") return record(arguments);
  if (arguments.size() >= 2 && arguments[0] == "sign") return sign(arguments);
  return fail("usage: generate rsa|ed25519 [bits] | record KEYFILE | sign SIGNATURE [+ SIGNATURE]...");
}
