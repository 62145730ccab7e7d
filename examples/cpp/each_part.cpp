// Each part of the library once, without any event loop or network: a message is made, signed, handed from a client to
// a server, and looked at as its receiver does. A zone in memory stands for the DNS.
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>

#include <sendconn/sendconn.hpp>

using namespace sendconn;

namespace {

/// Ends the program for an error: what is written here is right.
template <class T>
T need(Result<T> result) {
  if (result) return std::move(*result);
  std::cerr << result.error().text << '\n';
  std::exit(1);
}

void need(const Result<void>& result) {
  if (result) return;
  std::cerr << result.error().text << '\n';
  std::exit(1);
}

/// Any check: its questions are answered until it has a verdict.
template <class Check>
void run(Check& check, const dns::Zone& zone) {
  while (!check.done())
    for (const dns::Question& question : check.questions()) check.answer(question, zone.lookup(question));
}

/// What the client gives goes to the server, and back, until nobody has anything to say. The message as it arrived.
std::string hand_over(const std::string& message) {
  const Instant now{};
  smtp::ServerOptions options;
  options.hostname = "mx.example";
  options.require_tls = options.require_auth = options.offer_starttls = false;
  options.mechanisms = 0;
  smtp::ServerSession server(options, now);
  smtp::ClientOptions client_options;
  client_options.hello_name = "mail.example.org";
  client_options.tls = smtp::TlsMode::off;
  smtp::ClientSession client(client_options, now);
  std::string arrived;
  for (bool moved = true; moved;) {
    moved = false;
    for (bool more = true; more;) {
      const smtp::ServerEvent event = server.next_event();
      if (std::holds_alternative<smtp::Greeting>(event)) {
        server.reply({220, {}, {}}, now);
      } else if (std::holds_alternative<smtp::Mail>(event) || std::holds_alternative<smtp::Rcpt>(event) ||
                 std::holds_alternative<smtp::MessageEnd>(event)) {
        server.reply({250, {2, 0, 0}, "ok"}, now);
      } else if (std::holds_alternative<smtp::DataStart>(event)) {
        server.reply({354, {}, "go on"}, now);
      } else if (const auto* content = std::get_if<smtp::Content>(&event)) {
        arrived += content->octets;
      } else if (std::holds_alternative<smtp::NeedInput>(event) || std::holds_alternative<smtp::Closed>(event)) {
        const std::size_t taken = server.feed(client.output(), now);
        client.consumed_output(taken);
        more = taken != 0;
        moved = moved || more;
      }
    }
    for (bool more = true; more;) {
      const smtp::ClientEvent event = client.next_event();
      if (std::holds_alternative<smtp::Ready>(event)) {
        smtp::Envelope envelope;
        envelope.reverse_path = need(Address::parse("ada@example.org"));
        envelope.recipients = {need(Address::parse("bob@elsewhere.example"))};
        need(client.begin(envelope, now));
      } else if (std::holds_alternative<smtp::SendContent>(event)) {
        client.content(message, now);
        client.end_content(now);
      } else if (const auto* done = std::get_if<smtp::MessageDone>(&event)) {
        std::cout << "smtp: " << done->reply.summary() << '\n';
        client.quit(now);
      } else if (std::holds_alternative<smtp::NeedInput>(event) || std::holds_alternative<smtp::Closed>(event)) {
        const std::size_t taken = client.feed(server.output(), now);
        server.consumed_output(taken);
        more = taken != 0;
        moved = moved || more;
      }
    }
  }
  return arrived;
}

}  // namespace

int main() {
  const UnixTime now{std::chrono::seconds(1'795'359'770)};
  const Domain domain = need(Domain::parse("example.org"));
  const auto key =
      std::make_shared<const crypto::PrivateKey>(need(crypto::PrivateKey::generate(crypto::KeyType::ed25519)));
  const ownership::Token token = need(ownership::Token::from_random(crypto::random_octets(ownership::Token::octets)));
  const ownership::Challenge challenge = need(ownership::Challenge::of("acme", domain, token));
  const ownership::Record proof = challenge.to_publish();

  const dns::Zone zone =
      need(dns::Zone::parse("example.org.                 TXT \"v=spf1 ip4:192.0.2.25 -all\"\n"
                            "_dmarc.example.org.          TXT \"v=DMARC1; p=reject\"\n"
                            "s1._domainkey.example.org.   TXT \"" +
                            dkim::format_key_record(*key) + "\"\n" + proof.name + ". TXT \"" + proof.text + "\"\n"));

  // Is the domain the customer's, and may it send now?
  ownership::Check owner(challenge);
  run(owner, zone);
  std::cout << "ownership: " << ownership::format(owner.outcome().verdict) << '\n';
  limit::TokenBucket bucket(need(limit::Rate::parse("100/min, burst 20")), Instant{});
  std::cout << "limit: " << (bucket.take(1, Instant{}) ? "granted" : "refused") << '\n';

  // A message, and its signature in front of it.
  mime::Message draft;
  draft.from = {{"Ada Lovelace", need(Address::parse("ada@example.org"))}};
  draft.to = {{"Bob", need(Address::parse("bob@elsewhere.example"))}};
  draft.subject = "Die Übersicht für März";
  draft.text = "Hello Bob\n";
  mime::ComposeOptions compose;
  compose.now = now;
  compose.random = crypto::random_octets(mime::min_random_octets);
  const std::string message = need(mime::compose(draft, compose)).octets;
  dkim::SignerOptions signing;
  signing.now = now;
  auto signer = need(dkim::Signer::create({{domain, need(dkim::Selector::parse("s1")), key, {}}}, signing));
  need(signer.update(message));
  const std::string arrived = hand_over(need(signer.finish()) + message);

  // What a receiver finds: each check by itself, then all of them at once.
  const auto spf_check = spf::make_check();
  spf::Request request;
  request.client = need(IpAddress::parse("192.0.2.25"));
  request.mail_from = "ada@example.org";
  spf_check->start(request);
  run(*spf_check, zone);
  std::cout << "spf: " << spf::format(spf_check->verdict()) << '\n';

  authenticate::Envelope envelope;
  envelope.client = request.client;
  envelope.helo = "mail.example.org";
  envelope.mail_from = request.mail_from;
  envelope.now = now;
  authenticate::Check check(envelope);
  check.update(arrived);
  check.finish();
  run(check, zone);
  const authenticate::Results& found = check.results();
  std::cout << "dkim: " << dkim::format(found.dkim.at(0).verdict) << " for " << found.dkim.at(0).domain << '\n'
            << "dmarc: " << dmarc::format(found.dmarc.verdict) << '\n';
  const std::string field = need(authres::format(authenticate::to_authres(found, "mx.example")));
  std::cout << field.substr(0, field.find(';')) << '\n';

  const mail::Header header = need(mail::Header::parse(arrived.substr(0, arrived.find("\r\n\r\n") + 2)));
  std::cout << "header: " << header.fields().size() << " fields\n";
}
