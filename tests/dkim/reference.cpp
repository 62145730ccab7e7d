#include "tests/dkim/reference.hpp"

#include <algorithm>
#include <memory>

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "lib/base/ascii.hpp"
#include "lib/base/base64.hpp"

namespace sendconn::dkim::reference {
namespace {

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = text.find("\r\n");
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 2);
  }
  return lines;
}

std::string single_spaced(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool space = c == ' ' || c == '\t';
    if (!space || out.empty() || out.back() != ' ') out += space ? ' ' : c;
  }
  return out;
}

std::string without_last_space(std::string text) {
  if (!text.empty() && text.back() == ' ') text.pop_back();
  return text;
}

std::string join_without_empty_end(std::vector<std::string> lines) {
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
  std::string out;
  for (const std::string& line : lines) out += line + "\r\n";
  return out;
}

std::string erase(std::string text, std::string_view unwanted) {
  std::erase_if(text, [&](char c) { return unwanted.find(c) != std::string_view::npos; });
  return text;
}

std::vector<std::string> fields_of(std::string_view header) {
  std::vector<std::string> fields;
  for (const std::string& line : lines_of(header)) {
    if (!line.empty() && (line[0] == ' ' || line[0] == '\t') && !fields.empty())
      fields.back() += line + "\r\n";
    else
      fields.push_back(line + "\r\n");
  }
  return fields;
}

std::string name_of(std::string_view raw) { return ascii::to_lower(ascii::trim(raw.substr(0, raw.find(':')))); }

/// The field with the value of b= emptied, without its CRLF.
std::string unsigned_form(const std::string& raw) {
  std::string out = raw.substr(0, raw.find(':') + 1);
  std::string_view rest = std::string_view(raw).substr(out.size(), raw.size() - out.size() - 2);
  while (true) {
    const std::size_t semicolon = rest.find(';');
    const std::string_view tag = rest.substr(0, semicolon);
    out += ascii::trim(tag.substr(0, tag.find('='))) == "b" ? tag.substr(0, tag.find('=') + 1) : tag;
    if (semicolon == std::string_view::npos) return out;
    out += ';';
    rest.remove_prefix(semicolon + 1);
  }
}

std::string digest(std::string_view text) {
  std::string out(32, '\0');
  unsigned size = 32;
  EVP_Digest(text.data(), text.size(), reinterpret_cast<unsigned char*>(out.data()), &size, EVP_sha256(), nullptr);
  return out;
}

bool verifies(const Tags& record, const std::string& algorithm, const std::string& hash, const std::string& signature) {
  const std::string key = base64::decode_folded(record.at("p")).value();
  const auto* octets = reinterpret_cast<const unsigned char*>(key.data());
  const auto* sig = reinterpret_cast<const unsigned char*>(signature.data());
  const auto* data = reinterpret_cast<const unsigned char*>(hash.data());
  const bool rsa = algorithm == "rsa-sha256";
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> pub(
      rsa ? d2i_PUBKEY(nullptr, &octets, static_cast<long>(key.size()))
          : EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, octets, key.size()),
      EVP_PKEY_free);
  if (pub == nullptr) return false;
  if (!rsa) {
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    return EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, pub.get()) == 1 &&
           EVP_DigestVerify(context.get(), sig, signature.size(), data, hash.size()) == 1;
  }
  const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context(EVP_PKEY_CTX_new(pub.get(), nullptr),
                                                                            EVP_PKEY_CTX_free);
  return EVP_PKEY_verify_init(context.get()) == 1 &&
         EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING) == 1 &&
         EVP_PKEY_CTX_set_signature_md(context.get(), EVP_sha256()) == 1 &&
         EVP_PKEY_verify(context.get(), sig, signature.size(), data, hash.size()) == 1;
}

Verdict verify_one(const std::string& field, const std::vector<std::string>& fields, std::string_view body,
                   const std::map<std::string, std::string>& records) {
  Verdict verdict;
  verdict.tags = parse_tags(std::string_view(field).substr(field.find(':') + 1));
  Tags& tags = verdict.tags;
  const bool relaxed_header = tags["c"].starts_with("relaxed/");

  std::string canonical = tags["c"].ends_with("/relaxed") ? relaxed_body(body) : simple_body(body);
  if (tags.contains("l")) {
    const auto length = ascii::to_number<std::size_t>(tags["l"]);
    if (!length || *length > canonical.size()) return verdict;
    canonical.resize(*length);
  }
  verdict.body = base64::encode(digest(canonical)) == tags["bh"];

  std::string text;
  std::vector<bool> used(fields.size(), false);
  std::string names = tags["h"] + ":";
  for (std::size_t colon; (colon = names.find(':')) != std::string::npos; names.erase(0, colon + 1)) {
    const std::string name = ascii::to_lower(names.substr(0, colon));
    for (std::size_t i = fields.size(); i-- > 0;) {
      if (used[i] || name_of(fields[i]) != name) continue;
      used[i] = true;
      text += relaxed_header ? relaxed_field(fields[i]) : fields[i];
      break;
    }
  }
  const std::string own = unsigned_form(field);
  if (relaxed_header) {
    std::string canonical_own = relaxed_field(own + "\r\n");
    canonical_own.resize(canonical_own.size() - 2);
    text += canonical_own;
  } else {
    text += own;
  }
  const auto record = records.find(tags["s"] + "._domainkey." + tags["d"]);
  if (record == records.end()) return verdict;
  const auto signature = base64::decode(tags["b"]);
  verdict.signature = signature.ok() && verifies(parse_tags(record->second), tags["a"], digest(text), *signature);
  return verdict;
}

}  // namespace

std::string simple_body(std::string_view body) {
  const std::string kept = join_without_empty_end(lines_of(body));
  return kept.empty() ? "\r\n" : kept;
}

std::string relaxed_body(std::string_view body) {
  std::vector<std::string> lines = lines_of(body);
  for (std::string& line : lines) line = without_last_space(single_spaced(line));
  return join_without_empty_end(lines);
}

std::string relaxed_field(std::string_view raw) {
  const std::size_t colon = raw.find(':');
  const std::string value = single_spaced(erase(std::string(raw.substr(colon + 1)), "\r\n"));
  return name_of(raw) + ":" + without_last_space(value.starts_with(' ') ? value.substr(1) : value) + "\r\n";
}

Tags parse_tags(std::string_view text) {
  Tags tags;
  while (!text.empty()) {
    const std::size_t semicolon = text.find(';');
    const std::string_view tag = text.substr(0, semicolon);
    const std::size_t equals = tag.find('=');
    if (equals != std::string_view::npos)
      tags[std::string(ascii::trim(tag.substr(0, equals)))] = erase(std::string(tag.substr(equals + 1)), " \t\r\n");
    text.remove_prefix(semicolon == std::string_view::npos ? text.size() : semicolon + 1);
  }
  return tags;
}

std::vector<Verdict> verify(std::string_view message, const std::map<std::string, std::string>& records) {
  const std::size_t empty_line = message.find("\r\n\r\n");
  const bool has_body = empty_line != std::string_view::npos;
  const std::vector<std::string> fields = fields_of(has_body ? message.substr(0, empty_line + 2) : message);
  const std::string_view body = has_body ? message.substr(empty_line + 4) : std::string_view();
  std::vector<Verdict> verdicts;
  for (const std::string& field : fields)
    if (name_of(field) == "dkim-signature") verdicts.push_back(verify_one(field, fields, body, records));
  return verdicts;
}

}  // namespace sendconn::dkim::reference
