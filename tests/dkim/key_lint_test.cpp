// What is said about a record, and where; and whether a key and a record belong together.
#include <gtest/gtest.h>

#include <sendconn/dkim_key.hpp>

#include "lib/base/base64.hpp"

namespace sendconn::dkim {
namespace {

std::string p_of(const crypto::PrivateKey& key) { return base64::encode(key.public_octets()); }

const crypto::PrivateKey& rsa(unsigned bits) {
  static const auto small = crypto::PrivateKey::generate(crypto::KeyType::rsa, 1024).value();
  static const auto usual = crypto::PrivateKey::generate(crypto::KeyType::rsa, 2048).value();
  return bits == 1024 ? small : usual;
}
const crypto::PrivateKey& ed25519() {
  static const auto key = crypto::PrivateKey::generate(crypto::KeyType::ed25519).value();
  return key;
}

/// 512 bits, and 8192 as n = 2^8191 + 1: a size is all that counts here.
constexpr std::string_view p512 =
    "MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBALgSoqXVSEmfcIsOzw7oRuCCOwsmtX/SJnTWxYyj2leFxfS/AVJ+dYfY+hXqMsT7l+MZvvh/R1WzN4MO/"
    "kI/"
    "7XsCAwEAAQ==";
std::string p8192() {
  std::string modulus(1025, '\0');
  modulus[1] = '\x80';
  modulus.back() = '\x01';
  const std::string numbers = std::string("\x02\x82\x04\x01", 4) + modulus + "\x02\x03\x01" + std::string("\0\x01", 2);
  return base64::encode(std::string("\x30\x82\x04\x0a", 4) + numbers);
}

struct LintCase {
  std::string text;
  Mistake mistake;
  Severity severity;
  std::string at;  ///< what stands at the position; empty: nothing is marked
};

std::vector<LintCase> cases() {
  using enum Mistake;
  using enum Severity;
  const std::string ok = "v=DKIM1; k=ed25519; p=" + p_of(ed25519());
  const std::string rest = "; k=ed25519; p=" + p_of(ed25519());
  const std::string zeros = "AAAA";
  const std::string rsa_record = "v=DKIM1; k=rsa; p=" + p_of(rsa(2048));
  return {
      {"", not_a_key_record, error, ""},
      {"v=spf1 include:x -all", not_a_key_record, error, "v=spf1"},
      {"v=DMARC1; p=none", not_a_key_record, error, "v=DMARC1"},
      {"V=spf1 include:x -all", not_a_key_record, error, "V=spf1"},
      {"V=spf1" + rest, unknown_tag, warning, "V"},
      {"s1.domainkey.provider.example", not_a_key_record, error, "s1.domainkey.provider.example"},
      {"hello world", not_a_key_record, error, "hello world"},
      {"\"" + ok + "\"", quotes, error, "\""},
      {"v=DKIM1\\; k=ed25519; p=", quotes, error, "\\"},
      {"v=DKIM1; p=" + p_of(rsa(2048)).substr(0, 100) + "\" \"" + p_of(rsa(2048)).substr(100), quotes, error, "\""},
      {ok + "; n=\"ours\"", quotes, warning, "\""},
      {ok + "; k=ed25519", duplicate_tag, error, "k"},
      {"v=DKIM1;; " + rest, syntax, error, ";"},
      {"v=DKIM1; k", syntax, error, ""},
      {"v=DKIM2" + rest, version, error, "DKIM2"},
      {"k=ed25519; v=DKIM1; p=" + p_of(ed25519()), version, error, "v"},
      {rest.substr(2), no_version, note, ""},
      {ok + "; x=y", unknown_tag, warning, "x"},
      {ok + "; g=*", obsolete_tag, note, "g"},
      {"v=DKIM1; k=rsa", no_key, error, ""},
      {"v=DKIM1; p=", revoked, error, "p"},
      {"v=DKIM1; p=AA!A", bad_base64, error, "!"},
      {"v=DKIM1; p=" + zeros, bad_key, error, zeros},
      {"v=DKIM1; p=" + p_of(ed25519()), bad_key, error, p_of(ed25519())},
      {rsa_record.substr(0, 255), cut_off, error, rsa_record.substr(254, 1)},
      {"v=DKIM1; k=dsa; p=AAAA", unknown_type, error, "dsa"},
      {"v=DKIM1; p=" + std::string(p512), key_below_1024_bits, error, std::string(p512)},
      {"v=DKIM1; p=" + p_of(rsa(1024)), key_below_2048_bits, warning, p_of(rsa(1024))},
      {"v=DKIM1; p=" + p8192(), key_above_4096_bits, warning, p8192()},
      {ok + "; h=sha1", no_sha256, error, "sha1"},
      {ok + "; h=sha1:sha256", sha1, note, "sha1"},
      {ok + "; h=sha256:sha512", unknown_hash, warning, "sha512"},
      {ok + "; h=sha256:a_b", syntax, error, "a_b"},
      {ok + "; s=web", not_for_mail, error, "web"},
      {ok + "; t=y", testing, warning, "y"},
      {ok + "; t=s:z", unknown_flag, warning, "z"},
      {ok + "; t=", syntax, error, ""},
      {rsa_record + "; n=" + std::string(20, 'n'), too_long, note, std::string(rsa_record.size() + 24 - 420, 'n')},
  };
}

TEST(KeyLint, names_each_mistake_and_its_place) {
  for (const LintCase& given : cases()) {
    const std::vector<Finding> findings = lint_key_record(given.text);
    bool found = false;
    std::string all;
    for (const Finding& finding : findings) {
      all +=
          std::string(format(finding.mistake)) + " at " + std::to_string(finding.position) + ": " + finding.text + "\n";
      ASSERT_LE(finding.position + finding.length, given.text.size()) << given.text;
      EXPECT_FALSE(finding.text.empty());
      if (finding.mistake != given.mistake || finding.severity != given.severity) continue;
      found = true;
      if (given.at.empty()) continue;
      EXPECT_EQ(given.text.substr(finding.position, finding.length), given.at) << given.text;
    }
    EXPECT_TRUE(found) << given.text << "\nhas no " << format(given.mistake) << ", but\n" << all;
  }
}

TEST(KeyLint, has_nothing_to_say_about_what_we_publish) {
  EXPECT_TRUE(lint_key_record(format_key_record(ed25519())).empty());
  EXPECT_TRUE(lint_key_record(format_key_record(rsa(2048))).empty());
  EXPECT_TRUE(lint_key_record("v=DKIM1; h=sha256; t=s; p=" + p_of(rsa(2048))).empty());
}

TEST(KeyLint, calls_it_an_error_if_and_only_if_no_signature_verifies) {
  for (const LintCase& given : cases()) {
    bool error = false;
    for (const Finding& finding : lint_key_record(given.text)) error = error || finding.severity == Severity::error;
    const Result<KeyRecord> parsed = KeyRecord::parse(given.text);
    const bool usable = parsed && !parsed->revoked() && parsed->allows_hash("sha256") && parsed->serves_mail() &&
                        (parsed->type == "rsa" || parsed->type == "ed25519") && [&] {
                          const auto type = parsed->type == "rsa" ? crypto::KeyType::rsa : crypto::KeyType::ed25519;
                          const auto key = crypto::PublicKey::from_octets(type, parsed->key);
                          return key && key->bits() >= (type == crypto::KeyType::rsa ? 1024U : 256U);
                        }();
    EXPECT_EQ(error, !usable) << given.text;
  }
}

TEST(KeyRecord, gives_its_tags_and_their_defaults) {
  const KeyRecord record =
      KeyRecord::parse("v=DKIM1; k=rsa; h=sha1 : sha256; n=a=20note; s=email:tlsrpt; t=y:s; p=A AAA; zz=1").value();
  EXPECT_EQ(record.type, "rsa");
  EXPECT_EQ(record.hashes, (std::vector<std::string>{"sha1", "sha256"}));
  EXPECT_EQ(record.services, (std::vector<std::string>{"email", "tlsrpt"}));
  EXPECT_EQ(record.notes, "a note");
  EXPECT_EQ(record.key, std::string(3, '\0'));
  EXPECT_TRUE(record.testing() && record.strict() && record.serves_mail() && !record.revoked());
  const KeyRecord least = KeyRecord::parse("p=").value();
  EXPECT_EQ(least.type, "rsa");
  EXPECT_FALSE(least.hashes.has_value());
  EXPECT_TRUE(least.allows_hash("anything") && least.serves_mail() && least.revoked());
  EXPECT_FALSE(least.testing() || least.strict());
}

TEST(KeyComparison, says_whether_a_record_belongs_to_a_key) {
  const std::string p = p_of(rsa(2048));
  const std::string bare = base64::encode(rsa(2048).public_octets().substr(24));
  struct Case {
    std::string record;
    KeyMatch match;
  };
  const Case given[] = {{format_key_record(rsa(2048)), KeyMatch::matches},
                        {"p=" + p, KeyMatch::matches},
                        {"p=" + bare, KeyMatch::matches},
                        {"p=" + p_of(rsa(1024)), KeyMatch::other_key},
                        {"p=", KeyMatch::revoked},
                        {format_key_record(ed25519()), KeyMatch::other_type},
                        {"v=spf1 -all", KeyMatch::malformed},
                        {"p=AAAA", KeyMatch::malformed},
                        {"h=sha1; p=" + p, KeyMatch::unusable},
                        {"s=web; p=" + p, KeyMatch::unusable}};
  for (const Case& one : given) {
    const KeyComparison comparison = compare_key(rsa(2048), one.record);
    EXPECT_EQ(comparison.match, one.match) << one.record << ": " << comparison.explanation;
    EXPECT_FALSE(comparison.explanation.empty());
  }
  EXPECT_EQ(compare_key(ed25519(), format_key_record(ed25519())).match, KeyMatch::matches);
}

}  // namespace
}  // namespace sendconn::dkim
