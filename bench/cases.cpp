#include "bench/cases.hpp"

#include <cstdio>
#include <filesystem>
#include <fstream>

#include <sendconn/dkim.hpp>
#include <sendconn/dkim_key.hpp>

namespace sendconn::bench {
namespace {

using dns::RecordType;

std::string networks(int first, int count) {
  std::string record = "v=spf1";
  for (int i = 0; i < count; ++i) record += " ip4:198.51." + std::to_string(first + i) + ".0/24";
  return record;
}

std::string zone_text(const std::vector<ZoneRecord>& zone) {
  std::string text;
  for (const ZoneRecord& record : zone)
    text += record.name + " " + std::string(dns::format(record.type)) + " " + record.text + "\n";
  return text;
}

}  // namespace

const std::vector<Scenario>& spf_scenarios() {
  static const std::vector<Scenario> all = {
      {"ip4_first", {{"example.org", RecordType::txt, "v=spf1 ip4:192.0.2.7 -all"}}},
      {"three_includes",
       {{"example.org", RecordType::txt,
         "v=spf1 include:a.example.net include:b.example.net include:c.example.net -all"},
        {"a.example.net", RecordType::txt, networks(0, 8) + " ~all"},
        {"b.example.net", RecordType::txt, networks(16, 8) + " ~all"},
        {"c.example.net", RecordType::txt, networks(32, 7) + " ip4:192.0.2.0/24 ~all"}}},
      {"mx_of_four",
       {{"example.org", RecordType::txt, "v=spf1 mx -all"},
        {"example.org", RecordType::mx, "mx1.example.org"},
        {"example.org", RecordType::mx, "mx2.example.org"},
        {"example.org", RecordType::mx, "mx3.example.org"},
        {"example.org", RecordType::mx, "mx4.example.org"},
        {"mx1.example.org", RecordType::a, "198.51.100.1"},
        {"mx2.example.org", RecordType::a, "198.51.100.2"},
        {"mx3.example.org", RecordType::a, "198.51.100.3"},
        {"mx4.example.org", RecordType::a, "192.0.2.7"}}}};
  return all;
}

Answers::Answers(const std::vector<ZoneRecord>& zone) {
  std::size_t size = 1;
  while (size < 2 * zone.size() + 1) size *= 2;  // half of it stays open at least
  places_.resize(size);
  for (const ZoneRecord& record : zone) {
    const dns::Question question{record.name, record.type};
    std::size_t at = hash(question);
    while (places_[at % size].taken && places_[at % size].question != question) ++at;
    Place& place = places_[at % size];
    place.taken = true;
    place.question = question;
    place.answer.ttl = std::chrono::seconds(300);
    dns::Record data;
    if (record.type == RecordType::a) {
      data.address = IpAddress::parse(record.text).value();
    } else {
      data.text = record.text;
      data.preference = 10;
    }
    place.answer.records.push_back(data);
  }
  nothing_.status = dns::Status::no_such_name;
}

const std::string& message() {
  static const std::string text = [] {
    std::string out =
        "Received: from client.example.org (client.example.org [192.0.2.1])\r\n\tby mail.example.org with ESMTPSA;\r\n"
        "\tFri, 11 Jul 2025 21:01:54 +0000\r\n"
        "From: Joe SixPack <joe@example.org>\r\nTo: Suzie Q <suzie@shopping.example.net>\r\n"
        "Subject: Is dinner ready?\r\nDate: Fri, 11 Jul 2025 21:00:37 +0000\r\n"
        "Message-ID: <20250711210037.46341.5F8J@example.org>\r\nMIME-Version: 1.0\r\n"
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
        "User-Agent: Mozilla/5.0\r\n\r\n";
    while (out.size() < 4'096 - 2) out += "We lost the game. Are you hungry yet? It will be late, and it rains.\r\n";
    return out;
  }();
  return text;
}

const std::shared_ptr<const crypto::PrivateKey>& key_of(const Signer& signer) {
  static std::map<std::string, std::shared_ptr<const crypto::PrivateKey>> keys;
  auto& key = keys[signer.selector + "." + signer.domain];
  if (key == nullptr)
    key = std::make_shared<const crypto::PrivateKey>(crypto::PrivateKey::generate(signer.type).value());
  return key;
}

std::string sign_message(const std::vector<Signer>& signers) {
  std::vector<dkim::Signature> signatures;
  for (const Signer& signer : signers)
    signatures.push_back(
        {Domain::parse(signer.domain).value(), dkim::Selector::parse(signer.selector).value(), key_of(signer), {}});
  dkim::SignerOptions options;
  options.now = signed_at;
  dkim::Signer signer = std::move(dkim::Signer::create(std::move(signatures), std::move(options))).value();
  if (!signer.update(message())) return {};
  return signer.finish().value() + message();
}

const std::vector<ZoneRecord>& verdict_zone() {
  static const std::vector<ZoneRecord> zone = [] {
    std::vector<ZoneRecord> records = spf_scenarios()[1].zone;
    records.push_back({"_dmarc.example.org", RecordType::txt, "v=DMARC1; p=reject; rua=mailto:dmarc@example.org"});
    for (const Signer& signer : {author_rsa, author_ed25519, provider_rsa, list_rsa})
      records.push_back({signer.selector + "._domainkey." + signer.domain, RecordType::txt,
                         dkim::format_key_record(*key_of(signer))});
    return records;
  }();
  return zone;
}

const std::map<std::string, std::vector<Signer>>& verdict_messages() {
  static const std::map<std::string, std::vector<Signer>> all = {
      {"three_rsa", {author_rsa, provider_rsa, list_rsa}},
      {"two_rsa_ed25519", {author_rsa, author_ed25519, provider_rsa}}};
  return all;
}

bool write_cases(const std::string& folder) {
  std::map<std::string, std::string> files;
  for (const Scenario& scenario : spf_scenarios()) files[scenario.name + ".zone"] = zone_text(scenario.zone);
  files["verdict.zone"] = zone_text(verdict_zone());
  files["plain.eml"] = message();
  files["rsa2048.eml"] = sign_message({author_rsa});
  files["ed25519.eml"] = sign_message({author_ed25519});
  for (const auto& [name, signers] : verdict_messages()) files[name + ".eml"] = sign_message(signers);
  files["rsa.pem"] = key_of(author_rsa)->to_pem().value();
  files["ed25519.pem"] = key_of(author_ed25519)->to_pem().value();
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  for (const auto& [name, text] : files) {
    std::ofstream out(folder + "/" + name, std::ios::binary);
    out << text;
    if (!out.flush()) {
      std::fprintf(stderr, "auth-bench: cannot write %s/%s\n", folder.c_str(), name.c_str());
      return false;
    }
  }
  return true;
}

}  // namespace sendconn::bench
