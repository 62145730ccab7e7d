// Sends a file as an attachment over authenticated TLS, with a DKIM signature.
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>

#include <sendconn/mailer.hpp>

using namespace sendconn;

static std::string read_file(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

int main(int, char** arguments) {  // HOST PORT USER PASSWORD-FILE CA-FILE KEY-FILE FILE
  MailerOptions options;
  options.host = arguments[1];
  options.port = static_cast<std::uint16_t>(std::atoi(arguments[2]));
  options.login = MailerLogin{arguments[3], read_file(arguments[4])};
  options.authorities_file = arguments[5];
  const auto key = std::make_shared<const crypto::PrivateKey>(*crypto::PrivateKey::from_pem(read_file(arguments[6])));
  options.signatures = {{*Domain::parse("sender.example"), *dkim::Selector::parse("s1"), key, {}}};

  mime::Message message;
  message.from = {{"Ada Lovelace", *Address::parse("ada@sender.example")}};
  message.to = {{"Bob", *Address::parse("bob@elsewhere.example")}};
  message.subject = "Die Übersicht für März";
  message.text = "Hello Bob,\n\nthe overview is attached.\n";
  message.attachments = {{read_file(arguments[7]), "Übersicht.pdf", "application/pdf", ""}};

  auto mailer = Mailer::create(options);
  if (!mailer) return std::cerr << mailer.error().text << '\n', 2;
  const auto report = mailer->send(message);
  if (!report) return std::cerr << report.error().text << '\n', 2;
  for (const RecipientReport& one : report->recipients)
    std::cout << one.recipient.format() << ": " << (one.reply.code != 0 ? one.reply.summary() : one.reply.text) << '\n';
  return report->all_accepted() ? 0 : 1;
}
