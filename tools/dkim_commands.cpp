// dkim: keys that the relay keeps, and signing a file. What checks others is in dkim_verify_command.cpp and
// dkim_lint_command.cpp, what replaces a key in dkim_rotate_command.cpp.
#include <CLI/CLI.hpp>
#include <chrono>
#include <iostream>
#include <memory>

#include <sendconn/dkim.hpp>

#include "tools/command.hpp"
#include "tools/commands.hpp"
#include "tools/key_file.hpp"
#include "tools/message_file.hpp"
#include "tools/show.hpp"

namespace sendconn::tools {
namespace {

struct Inputs {
  std::string account;
  std::string domain;
  std::string selector;
  std::string type = "rsa";
  unsigned bits = crypto::PrivateKey::default_rsa_bits;
  std::string key_file;
  std::string passphrase_file;
  std::string message_file = "-";
  std::string canonicalization = "relaxed/relaxed";
  bool fields_only = false;
};

/// `domain`: "--domain" alone, or "domain,--domain" where it may also stand without the option's name.
void key_options(CLI::App& command, Inputs& in, const char* domain = "domain,--domain") {
  command.add_option(domain, in.domain, "The signing domain (d=)")->type_name("DOMAIN")->required();
  command.add_option("--selector", in.selector, "The selector (s=)")->type_name("NAME")->required();
  command.add_option("--account", in.account, "The account, where several have added the domain")->type_name("NAME");
}

Request key_request(const Inputs& in) {
  return Request().put("domain", in.domain).put("selector", in.selector).put("account", in.account);
}

Result<dkim::Canonicalization> canonicalization_of(const std::string& name) {
  if (name == "simple") return dkim::Canonicalization::simple;
  if (name == "relaxed") return dkim::Canonicalization::relaxed;
  return Error{Errc::invalid_argument,
               "the canonicalization must be simple or relaxed, for the header and then the body, "
               "such as relaxed/simple, got '" +
                   name + "'"};
}

/// The fields, made here with a key from a file.
Result<std::string> sign(const Inputs& in, const std::string& message) {
  auto key = read_key_file(in.key_file, in.passphrase_file);
  if (!key) return std::move(key).error();
  auto domain = Domain::parse(in.domain);
  if (!domain) return std::move(domain).error();
  auto selector = dkim::Selector::parse(in.selector);
  if (!selector) return std::move(selector).error();
  const std::size_t slash = in.canonicalization.find('/');
  auto header = canonicalization_of(in.canonicalization.substr(0, slash));
  auto body = canonicalization_of(slash == std::string::npos ? "simple" : in.canonicalization.substr(slash + 1));
  if (!header) return std::move(header).error();
  if (!body) return std::move(body).error();
  dkim::Signature signature{*domain, *selector, std::make_shared<const crypto::PrivateKey>(std::move(*key)), {}};
  signature.options.header = *header;
  signature.options.body = *body;
  dkim::SignerOptions options;
  options.now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  auto signer = dkim::Signer::create({std::move(signature)}, options);
  if (!signer) return std::move(signer).error();
  if (auto fed = signer->update(message); !fed) return std::move(fed).error();
  return signer->finish();
}

void run_sign(const Inputs& in, Session& session) {
  auto message = read_message(in.message_file);
  if (!message) return session.fail(message.error());
  std::string fields;
  if (!in.key_file.empty()) {
    auto made = sign(in, *message);
    if (!made) return session.fail(made.error());
    fields = std::move(*made);
  } else {
    const auto result = session.ask_quietly("dkim sign", key_request(in)
                                                             .put("canonicalization", in.canonicalization)
                                                             .put("message", to_code_points(*message))
                                                             .arguments());
    if (!result) return;
    fields = result->value("fields", "");
  }
  if (session.json) return session.print({{"fields", fields}}, nullptr);
  const std::string output = in.fields_only ? fields : fields + *message;
  std::cout.write(output.data(), static_cast<std::streamsize>(output.size()));
  std::cout.flush();
  if (!std::cout) session.fail(exit_failed, "io", "standard output cannot be written");
}

void add_keygen(CLI::App& group, Session& session) {
  auto in = std::make_shared<Inputs>();
  CLI::App* command = add_command(group, "keygen", "Make a key, keep it in the relay, and show the record to publish",
                                  "  sendconn dkim keygen --domain example.org --selector s2026\n"
                                  "  sendconn dkim keygen --domain example.org --selector e1 --type ed25519\n"
                                  "  sendconn dkim keygen --domain example.org --selector old --from-file old.pem\n");
  key_options(*command, *in);
  auto* type = command->add_option("--type", in->type, "rsa or ed25519")->capture_default_str();
  type->type_name("TYPE")->check(CLI::IsMember({"rsa", "ed25519"}).description(""));
  command->add_option("--bits", in->bits, "Of an RSA key, 1024 to 4096")->type_name("N")->capture_default_str();
  command->add_option("--from-file", in->key_file, "Take the key from this PEM file instead of making one")
      ->type_name("FILE")
      ->excludes(type);
  command->add_option("--passphrase-file", in->passphrase_file, "Decrypts the PEM file")->type_name("FILE");
  command->callback([in, &session] {
    Request request = key_request(*in);
    if (in->key_file.empty()) {
      request.put("type", in->type).put_number("bits", in->bits);
    } else {
      auto key = read_key_file(in->key_file, in->passphrase_file);
      if (!key) return session.fail(key.error());
      auto pem = key->to_pem();
      if (!pem) return session.fail(pem.error());
      request.put("pem", *pem);
      crypto::wipe(*pem);
    }
    session.ask("dkim keygen", request.arguments(), show::key_made);
  });
}

void add_sign(CLI::App& group, Session& session) {
  auto in = std::make_shared<Inputs>();
  CLI::App* command =
      add_command(group, "sign", "Sign a message and print it",
                  "  sendconn dkim sign message.eml --domain example.org --selector s2026 > signed.eml\n"
                  "  sendconn dkim sign message.eml --domain example.org --selector s1 --key private.pem\n"
                  "Line ends become CRLF, as mail has them.\n");
  command->add_option("file", in->message_file, "The message; -: standard input")->type_name("")->capture_default_str();
  key_options(*command, *in, "--domain");
  auto* key = command->add_option("--key", in->key_file, "Sign with this PEM file instead of a key of the relay");
  key->type_name("FILE");
  command->add_option("--passphrase-file", in->passphrase_file, "Decrypts the PEM file")->type_name("FILE")->needs(key);
  command->add_option("--canonicalization", in->canonicalization, "Of header/body: simple or relaxed")
      ->type_name("C")
      ->capture_default_str();
  command->add_flag("--fields-only", in->fields_only, "Print the DKIM-Signature field alone");
  command->callback([in, &session] { run_sign(*in, session); });
}

}  // namespace

void add_dkim_commands(CLI::App& program, Session& session) {
  CLI::App& group = *add_group(program, "dkim", "DKIM keys and their records, signing, verifying");
  add_keygen(group, session);
  {
    auto in = std::make_shared<Inputs>();
    CLI::App* command = add_command(group, "list", "List the keys", "  sendconn dkim list --account acme\n");
    command->add_option("--account", in->account, "Only of this account")->type_name("NAME");
    command->callback(
        [in, &session] { session.ask("dkim list", Request().put("account", in->account).arguments(), show::keys); });
  }
  {
    auto in = std::make_shared<Inputs>();
    CLI::App* command =
        add_command(group, "record", "Print the record to publish, as a line of a zone file",
                    "  sendconn dkim record --domain example.org --selector s2026 >> example.org.zone\n");
    key_options(*command, *in);
    command->callback([in, &session] { session.ask("dkim record", key_request(*in).arguments(), show::key_record); });
  }
  {
    auto in = std::make_shared<Inputs>();
    CLI::App* command =
        add_command(group, "remove", "Remove a key; mail signed with it verifies as long as its record stays",
                    "  sendconn dkim remove --domain example.org --selector old\n");
    key_options(*command, *in);
    command->callback([in, &session] { session.ask("dkim remove", key_request(*in).arguments(), show::removed); });
  }
  add_sign(group, session);
  add_dkim_verify_command(group, session);
  add_dkim_lint_command(group, session);
  add_dkim_rotate_command(group, session);
}

}  // namespace sendconn::tools
