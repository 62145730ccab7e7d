// A program of somebody else's: it sees the installed headers alone. It signs a message, verifies the signature and
// checks SPF with a zone file, and prints what came out; 0 if all is as it must be.
#include <cstdio>
#include <memory>
#include <string>

#include <sendconn/sendconn.hpp>

namespace {

const std::string message =
    "From: ada@example.org\r\nTo: bob@example.net\r\nDate: Mon, 2 Nov 2026 09:00:00 +0000\r\n"
    "Subject: installed\r\n\r\nHello\r\n";

std::string sign(const std::shared_ptr<const sendconn::crypto::PrivateKey>& key) {
  auto domain = sendconn::Domain::parse("example.org");
  auto selector = sendconn::dkim::Selector::parse("s1");
  auto signer = sendconn::dkim::Signer::create({{*domain, *selector, key, {}}}, {});
  if (!signer.ok() || !signer->update(message).ok()) return {};
  auto fields = signer->finish();
  return fields.ok() ? *fields + message : std::string();
}

}  // namespace

int main() {
  using namespace sendconn;
  auto generated = crypto::PrivateKey::generate(crypto::KeyType::ed25519);
  const auto key = std::make_shared<const crypto::PrivateKey>(*generated);
  const std::string signed_message = sign(key);
  auto zone = dns::Zone::parse("example.org. TXT \"v=spf1 ip4:192.0.2.1 -all\"\ns1._domainkey.example.org. TXT \"" +
                               dkim::format_key_record(*key) + "\"\n");
  if (signed_message.empty() || !zone.ok()) return 2;

  dkim::Verifier verifier{dkim::VerifyOptions{}};
  if (!verifier.update(signed_message).ok() || !verifier.finish().ok()) return 3;
  for (const dns::Question& question : verifier.questions()) verifier.answer(question, zone->lookup(question));
  if (!verifier.done() || verifier.results().size() != 1) return 4;

  auto check = spf::make_check();
  spf::Request request;
  request.client = *IpAddress::parse("192.0.2.1");
  request.helo = "mail.example.org";
  request.mail_from = "ada@example.org";
  check->start(request);
  while (!check->done()) {
    for (const dns::Question& question : check->questions()) check->answer(question, zone->lookup(question));
  }

  auto resolver = io::CaresResolver::open({}, [](const io::CaresResolver::Watch&) {});
  std::printf("dkim=%s spf=%s resolver=%s\n", std::string(dkim::format(verifier.results()[0].verdict)).c_str(),
              std::string(spf::format(check->verdict())).c_str(), resolver.ok() ? "yes" : "no");
  return verifier.results()[0].verdict == dkim::Verdict::pass && check->verdict() == spf::Verdict::pass ? 0 : 1;
}
