// Commands on DKIM keys. A private key never leaves the relay.
#include <chrono>
#include <nlohmann/json.hpp>

#include "relay/admin/commands.hpp"
#include "relay/admin/protocol.hpp"

namespace sendconn::relay::admin {
namespace {

using nlohmann::json;

UnixTime now() { return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()); }

/// What every command here begins with.
struct Target {
  std::string account;
  Domain domain;
  dkim::Selector selector;
};

Result<Target> target_of(const std::string& account, const std::string& domain, const std::string& selector) {
  auto name = Domain::parse(domain);
  if (!name) return Error{Errc::invalid_argument, "'" + domain + "' is no domain: " + name.error().text};
  auto label = dkim::Selector::parse(selector);
  if (!label) return Error{Errc::invalid_argument, "'" + selector + "' is no selector: " + label.error().text};
  return Target{account, std::move(*name), std::move(*label)};
}

Result<crypto::PrivateKey> make_key(const std::string& type, std::uint64_t bits, const std::string& pem) {
  if (!pem.empty()) return crypto::PrivateKey::from_pem(pem);
  if (type != "rsa" && type != "ed25519") {
    return Error{Errc::invalid_argument, "the type of a key must be rsa or ed25519, got '" + type + "'"};
  }
  if (bits < crypto::PrivateKey::min_rsa_bits || bits > crypto::PrivateKey::max_rsa_bits) {
    return Error{Errc::invalid_argument, "an RSA key for DKIM must have " +
                                             std::to_string(crypto::PrivateKey::min_rsa_bits) + " to " +
                                             std::to_string(crypto::PrivateKey::max_rsa_bits) +
                                             " bits (RFC 8301 section 3.2), got " + std::to_string(bits)};
  }
  return crypto::PrivateKey::generate(type == "rsa" ? crypto::KeyType::rsa : crypto::KeyType::ed25519,
                                      static_cast<unsigned>(bits));
}

Result<json> dkim_keygen(const Context& context, Arguments& arguments) {
  const std::string domain = arguments.text("domain");
  const std::string selector = arguments.text("selector");
  const std::string account = arguments.text_or("account", "");
  const std::string type = arguments.text_or("type", "rsa");
  const std::uint64_t bits = arguments.number_or("bits", crypto::PrivateKey::default_rsa_bits);
  std::string pem = arguments.text_or("pem", "");
  if (auto read = arguments.finish(); !read) return std::move(read).error();
  const auto target = target_of(account, domain, selector);
  if (!target) return target.error();
  if (auto owned = context.store.domain(account, target->domain); !owned) return std::move(owned).error();
  auto key = make_key(type, bits, pem);
  crypto::wipe(pem);
  if (!key) return std::move(key).error();
  auto record = context.store.add_key(account, target->domain, target->selector, *key, now());
  if (!record) return std::move(record).error();
  return show(*record, &*key);
}

/// The stored record of a key, with the key.
Result<json> record_of(const Context& context, const Target& target) {
  auto owner = context.store.domain(target.account, target.domain);
  if (!owner) return std::move(owner).error();
  auto key = context.store.key(owner->account, target.domain, target.selector);
  if (!key) return std::move(key).error();
  auto records = context.store.keys(owner->account);
  if (!records) return std::move(records).error();
  for (const KeyRecord& one : *records) {
    if (one.domain == target.domain && one.selector == target.selector) return show(one, key->get());
  }
  return Error{Errc::not_found, "there is no such key"};
}

Result<json> dkim_record(const Context& context, Arguments& arguments) {
  const auto target = target_of(arguments.text_or("account", ""), arguments.text("domain"), arguments.text("selector"));
  if (auto read = arguments.finish(); !read) return std::move(read).error();
  if (!target) return target.error();
  return record_of(context, *target);
}

Result<json> dkim_list(const Context& context, Arguments& arguments) {
  const std::string account = arguments.text_or("account", "");
  if (auto read = arguments.finish(); !read) return std::move(read).error();
  auto keys = context.store.keys(account);
  if (!keys) return std::move(keys).error();
  json all = json::array();
  for (const KeyRecord& one : *keys) all.push_back(show(one));
  return json{{"keys", all}};
}

Result<json> dkim_remove(const Context& context, Arguments& arguments) {
  const auto target = target_of(arguments.text_or("account", ""), arguments.text("domain"), arguments.text("selector"));
  if (auto read = arguments.finish(); !read) return std::move(read).error();
  if (!target) return target.error();
  if (auto removed = context.store.remove_key(target->account, target->domain, target->selector); !removed) {
    return std::move(removed).error();
  }
  return json{{"removed", target->selector.text() + "._domainkey." + target->domain.text()}};
}

/// "relaxed/simple": header, then body.
Result<void> read_canonicalization(const std::string& text, dkim::SignatureOptions& options) {
  const std::size_t slash = text.find('/');
  const std::string header = text.substr(0, slash);
  const std::string body = slash == std::string::npos ? "simple" : text.substr(slash + 1);  // RFC 6376 section 3.5, c=
  for (const std::string& name : {header, body}) {
    if (name != "simple" && name != "relaxed") {
      return Error{Errc::invalid_argument,
                   "the canonicalization must be simple or relaxed for header and body, such as "
                   "relaxed/relaxed, got '" +
                       text + "'"};
    }
  }
  options.header = header == "simple" ? dkim::Canonicalization::simple : dkim::Canonicalization::relaxed;
  options.body = body == "simple" ? dkim::Canonicalization::simple : dkim::Canonicalization::relaxed;
  return {};
}

Result<json> dkim_sign(const Context& context, Arguments& arguments) {
  const auto target = target_of(arguments.text_or("account", ""), arguments.text("domain"), arguments.text("selector"));
  const std::string canonicalization = arguments.text_or("canonicalization", "relaxed/relaxed");
  const auto message = from_code_points(arguments.text("message"));
  if (auto read = arguments.finish(); !read) return std::move(read).error();
  if (!target) return target.error();
  if (!message) return message.error();
  dkim::SignatureOptions options;
  if (auto read = read_canonicalization(canonicalization, options); !read) return std::move(read).error();
  auto key = context.store.key(target->account, target->domain, target->selector);
  if (!key) return std::move(key).error();
  dkim::SignerOptions signer_options;
  signer_options.now = now();
  auto signer = dkim::Signer::create({{target->domain, target->selector, std::move(*key), options}}, signer_options);
  if (!signer) return std::move(signer).error();
  if (auto fed = signer->update(*message); !fed) return std::move(fed).error();
  auto fields = signer->finish();
  if (!fields) return std::move(fields).error();
  return json{{"fields", *fields}};
}

}  // namespace

const std::vector<Command>& key_commands() {
  static const std::vector<Command> all = {
      {"dkim keygen", true, dkim_keygen}, {"dkim list", false, dkim_list}, {"dkim record", false, dkim_record},
      {"dkim remove", true, dkim_remove}, {"dkim sign", false, dkim_sign},
  };
  return all;
}

}  // namespace sendconn::relay::admin
