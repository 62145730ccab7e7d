// The verifier, tag by tag and key by key: signatures made by hand, so that each is right except for the one thing that
// a row of a table names.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <random>

#include <sendconn/dkim_key.hpp>

#include "lib/base/ascii.hpp"
#include "lib/base/base64.hpp"
#include "tests/dkim/drive.hpp"
#include "tests/dkim/reference.hpp"
#include "tests/heap/heap.hpp"

namespace sendconn::dkim {
namespace {

constexpr std::int64_t now = 1'790'000'000;
constexpr std::string_view from = "From: Joe <joe@example.com>\r\n";
constexpr std::string_view subject = "Subject: Is dinner ready?\r\n";
constexpr std::string_view body = "Hi.\r\n\r\nWe lost the game.\r\n";

const crypto::PrivateKey& ed25519_key() {
  static const auto key = crypto::PrivateKey::generate(crypto::KeyType::ed25519).value();
  return key;
}
const crypto::PrivateKey& rsa_key(unsigned bits = 1024) {
  static std::map<unsigned, crypto::PrivateKey> keys;
  const auto known = keys.find(bits);
  return known != keys.end()
             ? known->second
             : keys.emplace(bits, crypto::PrivateKey::generate(crypto::KeyType::rsa, bits).value()).first->second;
}

std::string p_of(const crypto::PrivateKey& key) { return base64::encode(key.public_octets()); }

using TagMap = std::vector<std::pair<std::string, std::string>>;

std::string bh_of(std::string_view canonical) { return base64::encode(crypto::view(crypto::sha256(canonical))); }

TagMap usual_tags() {
  return {{"v", "1"},   {"a", "ed25519-sha256"}, {"c", "simple/simple"}, {"d", "example.com"},
          {"s", "sel"}, {"h", "from:subject"},   {"bh", bh_of(body)}};
}

TagMap with(const std::string& name, const std::string& value) {
  TagMap tags = usual_tags();
  const auto tag = std::find_if(tags.begin(), tags.end(), [&](const auto& known) { return known.first == name; });
  if (tag == tags.end())
    tags.emplace_back(name, value);
  else
    tag->second = value;
  return tags;
}

TagMap without(const std::string& name) {
  TagMap tags = usual_tags();
  std::erase_if(tags, [&](const auto& tag) { return tag.first == name; });
  return tags;
}

std::string join(const TagMap& tags) {
  std::string text;
  for (const auto& [name, value] : tags) text += name + "=" + value + "; ";
  return text;
}

/// A field with these tags and a b= that is right for "simple" over `covered`.
std::string sign_by_hand(const std::string& tags, std::string_view covered = std::string(from) + std::string(subject),
                         const crypto::PrivateKey& key = ed25519_key()) {
  const std::string unsigned_field = "DKIM-Signature: " + tags + "b=";
  const auto signature = key.sign_digest(crypto::sha256(std::string(covered) + unsigned_field)).value();
  return unsigned_field + base64::encode(signature) + "\r\n";
}

std::string message_with(const std::string& fields) {
  return fields + std::string(from) + std::string(subject) + "\r\n" + std::string(body);
}

FakeDns usual_dns() {
  return {{"sel._domainkey.example.com", {{"v=DKIM1; k=ed25519; p=" + p_of(ed25519_key())}}},
          {"rsa._domainkey.example.com", {{"p=" + p_of(rsa_key())}}}};
}

VerifyOptions usual_options() {
  VerifyOptions options;
  options.now = UnixTime(std::chrono::seconds(now));
  return options;
}

std::vector<SignatureResult> verify(const std::string& message, const FakeDns& dns = usual_dns(),
                                    const VerifyOptions& options = usual_options()) {
  Result<Driven> driven = drive({message}, dns, options);
  EXPECT_TRUE(driven.ok()) << driven.error().text;
  return driven ? std::move(driven->results) : std::vector<SignatureResult>();
}

SignatureResult verify_one(const std::string& fields, const FakeDns& dns = usual_dns(),
                           const VerifyOptions& options = usual_options()) {
  std::vector<SignatureResult> results = verify(message_with(fields), dns, options);
  EXPECT_EQ(results.size(), 1U);
  return results.empty() ? SignatureResult() : results.front();
}

testing::AssertionResult ends(const SignatureResult& result, Reason reason) {
  if (result.reason == reason && result.verdict == verdict_of(reason)) {
    const bool explained = reason == Reason::verified
                               ? result.explanation.empty()
                               : result.explanation.find("RFC ") != std::string::npos || !option_of(reason).empty();
    if (!explained) return testing::AssertionFailure() << "explanation: " << result.explanation;
    if (!std::all_of(result.explanation.begin(), result.explanation.end(),
                     [](char c) { return ascii::is_vchar(c) || c == ' '; }))
      return testing::AssertionFailure() << "not one printable line: " << testing::PrintToString(result.explanation);
    return testing::AssertionSuccess();
  }
  return testing::AssertionFailure() << format(result.reason) << ": " << result.explanation;
}

// ---------------------------------------------------------------- the field

struct FieldCase {
  std::string what;
  std::string tags;
  Reason reason;
};

std::vector<FieldCase> field_cases() {
  using enum Reason;
  const std::string long_label(63, 'a');
  const std::string long_name = long_label + "." + long_label + "." + long_label + ".";
  return {
      {"the usual tags", join(usual_tags()), verified},
      {"an unknown tag", join(with("future", "any/thing, at all")), verified},
      {"white space and folds around everything",
       "\r\n v = 1 ;\r\n\ta=\r\n ed25519-sha256 ; c = simple/simple; d =example.com\r\n ;s= sel;h = from\r\n : subject "
       ";bh= " +
           bh_of(body).substr(0, 9) + "\r\n\t " + bh_of(body).substr(9) + " ;\r\n ",
       verified},
      {"names in upper case", join(with("h", "FROM:Subject")), verified},
      {"upper case in a domain", join(with("d", "EXAMPLE.com")), verified},
      {"upper case in a selector", join(with("s", "SEL")), verified},
      {"q with other methods", join(with("q", "http/x : dns/txt:dns/other")), verified},
      {"i of a subdomain", join(with("i", "joe=20s@mail.Example.com")), verified},
      {"i without local part", join(with("i", "@example.com")), verified},
      {"i in UTF-8", join(with("i", "j\xc3\xb6rg@example.com")), verified},
      {"t and x far apart", join(with("t", "1000000000; x=999999999999")), verified},
      {"x of more than 12 digits means never", join(with("x", "1000000000000")), verified},
      {"z with copies", join(with("z", "From:joe=40example.com|Subject:a=3Bb")), verified},

      {"nothing but b", "", missing_tag},
      {"no tag list", "hello ", syntax},
      {"a tag without =", "v=1; a; ", syntax},
      {"an empty tag", "v=1;; a=rsa-sha256; ", syntax},
      {"a tag's name that begins with a digit", join(with("1x", "y")), syntax},
      {"a tag's name with a hyphen", join(with("x-y", "z")), syntax},
      {"a tag twice", "v=1; " + join(usual_tags()), syntax},
      {"an unknown tag twice", join(with("x1", "a; x1=b")), syntax},
      {"a control character", join(with("x1", "a\x01")), syntax},
      {"octets that are no UTF-8", join(with("x1", "\xff")), syntax},
      {"v missing", join(without("v")), missing_tag},
      {"v=2", join(with("v", "2")), version},
      {"v=0.5", join(with("v", "0.5")), version},
      {"v=01", join(with("v", "01")), version},
      {"v empty", join(with("v", "")), version},
      {"a missing", join(without("a")), missing_tag},
      {"a in upper case", join(with("a", "ED25519-SHA256")), unknown_algorithm},
      {"a unknown", join(with("a", "rsa-sha512")), unknown_algorithm},
      {"a empty", join(with("a", "")), unknown_algorithm},
      {"c unknown for the header", join(with("c", "nofws/simple")), unknown_canonicalization},
      {"c unknown for the body", join(with("c", "simple/nofws")), unknown_canonicalization},
      {"c with three parts", join(with("c", "simple/simple/simple")), unknown_canonicalization},
      {"c in upper case", join(with("c", "Simple/simple")), unknown_canonicalization},
      {"c empty", join(with("c", "")), unknown_canonicalization},
      {"d missing", join(without("d")), missing_tag},
      {"d empty", join(with("d", "")), syntax},
      {"d of one label", join(with("d", "com")), syntax},
      {"d with a trailing dot", join(with("d", "example.com.")), syntax},
      {"d with an empty label", join(with("d", "example..com")), syntax},
      {"d is an address", join(with("d", "192.0.2.1")), syntax},
      {"d with a space", join(with("d", "example .com")), syntax},
      {"s missing", join(without("s")), missing_tag},
      {"s empty", join(with("s", "")), syntax},
      {"s with an empty label", join(with("s", "a..b")), syntax},
      {"s with a trailing dot", join(with("s", "sel.")), syntax},
      {"s so long that the key has no name", join(with("s", long_name + long_label.substr(0, 40))), syntax},
      {"h missing", join(without("h")), missing_tag},
      {"h empty", join(with("h", "")), syntax},
      {"h with an empty name", join(with("h", "from::subject")), syntax},
      {"h with a space in a name", join(with("h", "from:sub ject")), syntax},
      {"h without From", join(with("h", "subject:to")), from_not_signed},
      {"h with a name that From begins", join(with("h", "from2:xfrom")), from_not_signed},
      {"bh missing", join(without("bh")), missing_tag},
      {"bh empty", join(with("bh", "")), syntax},
      {"bh no base64", join(with("bh", "!!!!")), syntax},
      {"bh without padding", join(with("bh", bh_of(body).substr(0, 43))), syntax},
      {"i without @", join(with("i", "joe")), syntax},
      {"i with a bad code", join(with("i", "joe=4@example.com")), syntax},
      {"i with a code in lower case", join(with("i", "joe=3b@example.com")), syntax},
      {"i that decodes to a line end", join(with("i", "joe=0D=0A@example.com")), syntax},
      {"i without domain", join(with("i", "joe@")), syntax},
      {"i of another domain", join(with("i", "joe@example.org")), identity_outside_domain},
      {"i of a parent domain", join(with("i", "joe@com.com")), identity_outside_domain},
      {"i of a domain that ends alike", join(with("i", "joe@badexample.com")), identity_outside_domain},
      {"l negative", join(with("l", "-1")), syntax},
      {"l empty", join(with("l", "")), syntax},
      {"l with a sign", join(with("l", "+5")), syntax},
      {"l of 77 digits", join(with("l", std::string(77, '0'))), syntax},
      {"l of 76 digits", join(with("l", std::string(76, '9'))), length_beyond_body},
      {"l of one octet more than there are", join(with("l", std::to_string(body.size() + 1))), length_beyond_body},
      {"l of all there is", join(with("l", std::to_string(body.size()))), verified},
      {"q unknown", join(with("q", "http")), unknown_query},
      {"q=dns of the drafts", join(with("q", "dns")), unknown_query},
      {"q empty", join(with("q", "")), unknown_query},
      {"t no number", join(with("t", "now")), syntax},
      {"x no number", join(with("x", "1e9")), syntax},
      {"x equal to t", join(with("t", "1800000000; x=1800000000")), expires_before_it_was_signed},
      {"z with a bad code", join(with("z", "From:=GG")), syntax},
      {"bh of another body", join(with("bh", bh_of("x\r\n"))), body_differs},
      {"bh too short", join(with("bh", "AAAA")), body_differs},
  };
}

TEST(SignatureField, is_read_as_meticulously_as_section_6_1_1_demands) {
  for (const FieldCase& given : field_cases()) {
    const SignatureResult result = verify_one(sign_by_hand(given.tags));
    EXPECT_TRUE(ends(result, given.reason)) << given.what;
  }
}

TEST(SignatureField, has_a_bound_on_its_tags) {
  const auto tags = [](std::size_t count) {
    std::string text = join(usual_tags());  // 7, and b= behind them
    for (std::size_t i = 8; i < count; ++i) text += "x" + std::to_string(i) + "=; ";
    return text;
  };
  EXPECT_TRUE(ends(verify_one(sign_by_hand(tags(100))), Reason::verified));
  const SignatureResult over = verify_one(sign_by_hand(tags(101)));
  EXPECT_EQ(over.reason, Reason::syntax);
  EXPECT_NE(over.explanation.find("more than 100 tags"), std::string::npos) << over.explanation;
}

TEST(SignatureField, is_reported_as_far_as_it_can_be_read) {
  const SignatureResult result =
      verify_one(sign_by_hand(join(with("i", "Joe=40home@Mail.Example.COM; t=1500000000; x=1900000000; l=3"))));
  EXPECT_TRUE(ends(result, Reason::body_differs));
  EXPECT_EQ(result.domain, "example.com");
  EXPECT_EQ(result.selector, "sel");
  EXPECT_EQ(result.identity, "Joe@home@mail.example.com");
  EXPECT_EQ(result.algorithm, "ed25519-sha256");
  EXPECT_EQ(result.signed_at, UnixTime(std::chrono::seconds(1'500'000'000)));
  EXPECT_EQ(result.expires_at, UnixTime(std::chrono::seconds(1'900'000'000)));
  EXPECT_EQ(result.body_length, 3U);
  EXPECT_EQ(result.unsigned_octets, body.size() - 3);
  EXPECT_EQ(result.key_bits, 256U);
  EXPECT_EQ(result.signature.size(), 88U);
  const SignatureResult unknown = verify_one(sign_by_hand(join(with("a", "new-hash"))));
  EXPECT_EQ(unknown.domain, "example.com");
  EXPECT_EQ(unknown.identity, "@example.com");
  EXPECT_EQ(unknown.algorithm, "new-hash");
}

TEST(SignatureField, may_have_its_domain_in_U_labels) {  // RFC 8616 section 5
  TagMap tags = with("d",
                     "b\xc3\xbc"
                     "cher.example");
  tags.emplace_back("i",
                    "@mail.b\xc3\xbc"
                    "cher.example");
  const FakeDns dns = {{"sel._domainkey.xn--bcher-kva.example", {{"k=ed25519; p=" + p_of(ed25519_key())}}}};
  const SignatureResult result = verify_one(sign_by_hand(join(tags)), dns);
  EXPECT_TRUE(ends(result, Reason::verified));
  EXPECT_EQ(result.domain, "xn--bcher-kva.example");
  EXPECT_EQ(result.identity, "@mail.xn--bcher-kva.example");
}

TEST(SignatureField, may_have_a_selector_that_is_a_number_or_has_an_underscore) {
  for (const std::string selector : {"20230601", "a_b", "2024.news"}) {
    const FakeDns dns = {{selector + "._domainkey.example.com", {{"k=ed25519; p=" + p_of(ed25519_key())}}}};
    EXPECT_TRUE(ends(verify_one(sign_by_hand(join(with("s", selector))), dns), Reason::verified)) << selector;
  }
}

TEST(SignatureField, loses_the_value_of_b_and_the_white_space_around_it) {  // RFC 6376 section 3.7
  const std::string tags = join(usual_tags());
  const std::string covered = std::string(from) + std::string(subject);
  const auto field = [&](const std::string& before, const std::string& gap, const std::string& behind) {
    const std::string start = "DKIM-Signature: " + before + "b=";
    const auto b = base64::encode(ed25519_key().sign_digest(crypto::sha256(covered + start + behind)).value());
    return start + gap + b.substr(0, 20) + "\r\n\t" + b.substr(20) + gap + behind + "\r\n";
  };
  for (const std::string gap : {"", " ", "\r\n ", " \t \r\n\t"})
    for (const std::string behind : {"", ";", "; x1=y", ";\r\n x1 = y "}) {
      EXPECT_TRUE(ends(verify_one(field(tags, gap, behind)), Reason::verified)) << testing::PrintToString(gap + behind);
      EXPECT_TRUE(ends(verify_one(field("", gap, "; " + tags.substr(0, tags.size() - 2) + behind)), Reason::verified))
          << testing::PrintToString(gap + behind);
    }
  // The "=" sign's own white space is no part of the value.
  const std::string spaced = "DKIM-Signature: " + tags + "b =";
  const auto b = base64::encode(ed25519_key().sign_digest(crypto::sha256(covered + spaced)).value());
  EXPECT_TRUE(ends(verify_one(spaced + " " + b + "\r\n"), Reason::verified));
}

// ---------------------------------------------------------------- which fields are covered

TEST(CoveredFields, are_the_lowest_of_each_name_in_the_order_of_h) {
  const std::string header = "X: 1\r\nFrom: Joe <joe@example.com>\r\nX: 2\r\nx: 3\r\nY: a\r\n";
  const auto verdict = [&](const std::string& h, const std::string& covered) {
    const std::string field = sign_by_hand(join(with("h", h)), covered);
    return verify(field + header + "\r\n" + std::string(body)).at(0);
  };
  const std::string f = std::string(from);
  EXPECT_TRUE(ends(verdict("from:x", f + "x: 3\r\n"), Reason::verified));
  EXPECT_TRUE(ends(verdict("x:from:x", "x: 3\r\n" + f + "X: 2\r\n"), Reason::verified));
  EXPECT_TRUE(ends(verdict("x:x:x:from", "x: 3\r\nX: 2\r\nX: 1\r\n" + f), Reason::verified));
  EXPECT_TRUE(ends(verdict("x:x:x:x:from", "x: 3\r\nX: 2\r\nX: 1\r\n" + f), Reason::verified));
  EXPECT_TRUE(ends(verdict("from:from:z", f), Reason::verified));
  EXPECT_TRUE(ends(verdict("from:x", f + "X: 1\r\n"), Reason::signature_differs));
  EXPECT_TRUE(ends(verdict("x:from", f + "x: 3\r\n"), Reason::signature_differs));
}

TEST(CoveredFields, may_be_other_signatures_but_never_the_signature_itself) {  // RFC 6376 section 3.5
  const std::string below = "DKIM-Signature: v=1; a=rsa-sha256; b=xyz\r\n";
  const std::string above = "DKIM-Signature: above\r\n";
  const std::string own = sign_by_hand(join(with("h", "from:dkim-signature")), std::string(from) + below);
  EXPECT_TRUE(
      ends(verify(above + own + below + std::string(from) + "\r\n" + std::string(body)).at(1), Reason::verified));
  const std::string two =
      sign_by_hand(join(with("h", "dkim-signature:dkim-signature:from")), below + above + std::string(from));
  EXPECT_TRUE(
      ends(verify(above + two + below + std::string(from) + "\r\n" + std::string(body)).at(1), Reason::verified));
  const std::string lowest = sign_by_hand(join(with("h", "dkim-signature:from")), above + std::string(from));
  EXPECT_TRUE(ends(verify(above + lowest + std::string(from) + "\r\n" + std::string(body)).at(1), Reason::verified));
}

TEST(CoveredFields, that_leave_a_From_out_are_reported_and_may_be_refused) {  // RFC 6376 section 8.15
  const std::string added = "From: Boss <boss@bank.example>\r\n";
  const std::string message = message_with(added + sign_by_hand(join(usual_tags())));
  const SignatureResult reported = verify(message).at(0);
  EXPECT_TRUE(ends(reported, Reason::verified));
  EXPECT_TRUE(reported.unsigned_from);
  VerifyOptions options = usual_options();
  options.policy.refuse_unsigned_from = true;
  EXPECT_TRUE(ends(verify(message, usual_dns(), options).at(0), Reason::unsigned_from));
  EXPECT_FALSE(verify_one(sign_by_hand(join(usual_tags())), usual_dns(), options).unsigned_from);
  const std::string oversigned = sign_by_hand(join(with("h", "from:from:subject")));
  EXPECT_TRUE(ends(verify(message_with(added + oversigned)).at(0), Reason::signature_differs));
}

// ---------------------------------------------------------------- policy

TEST(Policy, sets_the_time_when_a_signature_ends_with_the_skew_on_top) {
  const auto at = [](std::int64_t expires, std::chrono::seconds skew, bool refuse = true) {
    VerifyOptions options = usual_options();
    options.policy.clock_skew = skew;
    options.policy.refuse_expired = refuse;
    return verify_one(sign_by_hand(join(with("x", std::to_string(expires)))), usual_dns(), options);
  };
  using std::chrono::seconds;
  EXPECT_TRUE(ends(at(now, seconds(0)), Reason::verified));
  EXPECT_TRUE(ends(at(now - 1, seconds(0)), Reason::expired));
  EXPECT_TRUE(ends(at(now - 300, seconds(300)), Reason::verified));
  EXPECT_TRUE(ends(at(now - 301, seconds(300)), Reason::expired));
  EXPECT_TRUE(ends(at(now - 301, seconds(300), false), Reason::verified));
}

TEST(Policy, may_refuse_the_future) {
  VerifyOptions options = usual_options();
  const auto at = [&](std::int64_t time) {
    return verify_one(sign_by_hand(join(with("t", std::to_string(time)))), usual_dns(), options);
  };
  EXPECT_TRUE(ends(at(now + 301), Reason::verified));
  options.policy.refuse_future = true;
  EXPECT_TRUE(ends(at(now + 300), Reason::verified));
  EXPECT_TRUE(ends(at(now + 301), Reason::from_future));
}

TEST(Policy, decides_what_a_body_length_may_leave_open) {
  const std::string all = join(with("l", std::to_string(body.size())));
  TagMap tags = with("l", "3");
  tags[6].second = bh_of("Hi.");
  const std::string part = join(tags);
  VerifyOptions options = usual_options();
  EXPECT_TRUE(ends(verify_one(sign_by_hand(part), usual_dns(), options), Reason::verified));
  EXPECT_EQ(verify_one(sign_by_hand(part), usual_dns(), options).unsigned_octets, body.size() - 3);
  EXPECT_EQ(verify_one(sign_by_hand(all), usual_dns(), options).unsigned_octets, 0U);
  options.policy.body_length = BodyLength::refuse_unsigned_content;
  EXPECT_TRUE(ends(verify_one(sign_by_hand(part), usual_dns(), options), Reason::unsigned_content));
  EXPECT_TRUE(ends(verify_one(sign_by_hand(all), usual_dns(), options), Reason::verified));
  options.policy.body_length = BodyLength::refuse;
  EXPECT_TRUE(ends(verify_one(sign_by_hand(part), usual_dns(), options), Reason::length_refused));
  EXPECT_TRUE(ends(verify_one(sign_by_hand(all), usual_dns(), options), Reason::length_refused));
}

TEST(Policy, takes_drafts_only_if_told) {
  VerifyOptions options = usual_options();
  options.policy.allow_drafts = true;
  for (const TagMap& tags : {without("v"), with("v", "0.5"), with("q", "dns")})
    EXPECT_TRUE(ends(verify_one(sign_by_hand(join(tags)), usual_dns(), options), Reason::verified));
  EXPECT_TRUE(ends(verify_one(sign_by_hand(join(with("v", "2"))), usual_dns(), options), Reason::version));
}

TEST(Policy, bounds_the_size_of_RSA_keys_at_both_ends) {
  const auto of_bits = [](unsigned bits, unsigned min, unsigned max) {
    VerifyOptions options = usual_options();
    options.policy.min_rsa_bits = min;
    options.policy.max_rsa_bits = max;
    TagMap tags = with("a", "rsa-sha256");
    const std::string field = sign_by_hand(join(tags), std::string(from) + std::string(subject), rsa_key(bits));
    const FakeDns dns = {{"sel._domainkey.example.com", {{"p=" + p_of(rsa_key(bits))}}}};
    return verify_one(field, dns, options);
  };
  EXPECT_TRUE(ends(of_bits(1024, 1024, 4096), Reason::verified));
  EXPECT_TRUE(ends(of_bits(1024, 1025, 4096), Reason::key_too_short));
  EXPECT_TRUE(ends(of_bits(1032, 1024, 1032), Reason::verified));
  EXPECT_TRUE(ends(of_bits(1032, 1024, 1031), Reason::key_too_long));
  EXPECT_EQ(of_bits(1032, 1024, 1031).key_bits, 1032U);
}

TEST(Policy, looks_at_so_many_signatures_and_no_more) {
  std::string fields;
  for (int i = 0; i < 3; ++i) fields += sign_by_hand(join(usual_tags()));
  const std::string malformed = "DKIM-Signature: v=1\r\n";
  VerifyOptions options = usual_options();
  options.policy.max_signatures = 3;
  for (const SignatureResult& result : verify(message_with(fields), usual_dns(), options))
    EXPECT_TRUE(ends(result, Reason::verified));
  options.policy.max_signatures = 2;
  const auto results = verify(message_with(malformed + fields), usual_dns(), options);
  ASSERT_EQ(results.size(), 4U);
  EXPECT_TRUE(ends(results[0], Reason::missing_tag)) << "it does not count";
  EXPECT_TRUE(ends(results[1], Reason::verified));
  EXPECT_TRUE(ends(results[2], Reason::verified));
  EXPECT_TRUE(ends(results[3], Reason::too_many_signatures));
}

TEST(Policy, names_the_option_for_each_refusal_and_for_nothing_else) {
  for (unsigned i = 0; i <= static_cast<unsigned>(Reason::signature_differs); ++i) {
    const auto reason = static_cast<Reason>(i);
    EXPECT_EQ(option_of(reason).empty(), verdict_of(reason) != Verdict::policy) << format(reason);
    EXPECT_FALSE(format(reason).empty());
  }
}

// ---------------------------------------------------------------- keys

struct KeyCase {
  std::string what;
  std::vector<std::string> records;
  Reason reason;
};

std::vector<KeyCase> key_cases() {
  using enum Reason;
  const std::string p = "p=" + p_of(ed25519_key());
  const std::string other = "p=" + p_of(crypto::PrivateKey::generate(crypto::KeyType::ed25519).value());
  const std::string k = "k=ed25519; ";
  return {
      {"the least", {k + p}, verified},
      {"all tags", {"v=DKIM1; h=sha1:sha256; " + k + "n=any=20note; " + p + "; s=email; t=x"}, verified},
      {"unknown tags", {k + p + "; g=*; zzz=;"}, verified},
      {"notes in any octets", {k + p + "; n=\xff=zz"}, verified},
      {"white space everywhere", {" " + k + " p = " + p.substr(2, 7) + " \t" + p.substr(9) + " ; "}, verified},
      {"s=* among others", {k + p + "; s=web:*"}, verified},
      {"h with unknown ones", {k + p + "; h=sha512 : sha256"}, verified},
      {"t=s and i in the domain itself", {k + p + "; t=y:s"}, verified},

      {"nothing there", {}, no_key},
      {"empty", {""}, key_syntax},
      {"SPF by a wildcard", {"v=spf1 -all"}, key_syntax},
      {"another version", {"v=DKIM2; " + k + p}, key_syntax},
      {"version in lower case", {"v=dkim1; " + k + p}, key_syntax},
      {"version not first", {k + "v=DKIM1; " + p}, key_syntax},
      {"a tag twice", {k + k + p}, key_syntax},
      {"no p", {"v=DKIM1; k=ed25519"}, key_syntax},
      {"p no base64", {k + "p=!"}, key_syntax},
      {"p cut off", {k + p.substr(0, 40)}, key_syntax},
      {"t without value", {k + p + "; t"}, key_syntax},
      {"t empty", {k + p + "; t="}, key_syntax},
      {"revoked", {"v=DKIM1; k=ed25519; p="}, key_revoked},
      {"revoked, with white space", {"k=ed25519; p= \t"}, key_revoked},
      {"k missing means rsa", {p}, key_type_differs},
      {"k unknown", {"k=dsa; " + p}, key_type_differs},
      {"k in upper case", {"k=Ed25519; " + p}, key_type_differs},
      {"h without sha256", {k + p + "; h=sha1"}, key_forbids_hash},
      {"s without mail", {k + p + "; s=tlsrpt"}, key_not_for_mail},
      {"a key of 31 octets", {"k=ed25519; p=" + base64::encode(ed25519_key().public_octets().substr(1))}, key_unusable},
      {"a key in SubjectPublicKeyInfo", {"k=ed25519; p=" + p_of(rsa_key())}, key_unusable},
      {"another key", {k + other}, signature_differs},

      {"several, the second is it", {k + other, k + p}, verified},
      {"several, behind other records", {"v=spf1 -all", "hello", k + p}, verified},
      {"several, none of them", {"v=spf1 -all", "hello"}, key_syntax},
      {"several, the one that came furthest", {"k=ed25519; p=", k + other, p}, signature_differs},
      {"four other keys first", {k + other, k + other, k + other, k + other, k + p}, signature_differs},
      {"three other keys first", {k + other, k + other, k + other, k + p}, verified},
  };
}

TEST(Key, is_read_and_judged_by_section_6_1_2) {
  const std::string field = sign_by_hand(join(usual_tags()));
  for (const KeyCase& given : key_cases()) {
    const SignatureResult result = verify_one(field, {{"sel._domainkey.example.com", {given.records}}});
    EXPECT_TRUE(ends(result, given.reason)) << given.what;
  }
}

TEST(Key, of_RSA_may_be_bare_or_in_SubjectPublicKeyInfo) {
  const std::string field =
      sign_by_hand(join(with("a", "rsa-sha256")), std::string(from) + std::string(subject), rsa_key());
  const std::string info = rsa_key().public_octets();
  const auto with_key = [&](const std::string& octets) {
    return verify_one(field, {{"sel._domainkey.example.com", {{"p=" + base64::encode(octets)}}}});
  };
  EXPECT_TRUE(ends(with_key(info), Reason::verified));
  EXPECT_TRUE(ends(with_key(info.substr(22)), Reason::verified)) << "RFC 6376 section 3.6.1 has RSAPublicKey alone";
  EXPECT_TRUE(ends(with_key(info + "x"), Reason::key_unusable));
  EXPECT_TRUE(ends(with_key(info.substr(0, 100)), Reason::key_unusable));
  EXPECT_TRUE(ends(with_key("x"), Reason::key_unusable));
}

TEST(Key, with_t_s_is_not_for_subdomains) {
  const std::string record = "k=ed25519; p=" + p_of(ed25519_key());
  const auto strict = [&](const std::string& identity) {
    return verify_one(sign_by_hand(join(with("i", identity))), {{"sel._domainkey.example.com", {{record + "; t=s"}}}});
  };
  EXPECT_TRUE(ends(strict("joe@example.com"), Reason::verified));
  EXPECT_TRUE(ends(strict("joe@mail.example.com"), Reason::key_forbids_subname));
  EXPECT_TRUE(strict("joe@example.com").strict);
  EXPECT_FALSE(strict("joe@example.com").testing);
}

TEST(Key, that_is_tested_is_reported) {
  const SignatureResult result =
      verify_one(sign_by_hand(join(usual_tags())),
                 {{"sel._domainkey.example.com", {{"k=ed25519; t=y; p=" + p_of(ed25519_key())}}}});
  EXPECT_TRUE(ends(result, Reason::verified));
  EXPECT_TRUE(result.testing);
}

TEST(Key, that_the_DNS_does_not_give_is_temporary_or_not_there) {
  const std::string field = sign_by_hand(join(usual_tags()));
  for (const auto& [status, reason] : {std::pair{dns::Status::timeout, Reason::key_unavailable},
                                       {dns::Status::server_failure, Reason::key_unavailable},
                                       {dns::Status::malformed, Reason::key_unavailable},
                                       {dns::Status::no_such_name, Reason::no_key},
                                       {dns::Status::no_data, Reason::no_key}})
    EXPECT_TRUE(ends(verify_one(field, {{"sel._domainkey.example.com", {{}, status}}}), reason));
}

TEST(Key, is_asked_for_once_however_many_signatures_need_it) {
  std::string fields;
  for (int i = 0; i < 4; ++i) fields += sign_by_hand(join(usual_tags()));
  fields += sign_by_hand(join(with("s", "other")));
  const auto driven = drive({message_with(fields)}, usual_dns(), usual_options());
  ASSERT_TRUE(driven.ok());
  ASSERT_EQ(driven->asked.size(), 2U);
  EXPECT_EQ(driven->asked[0], (dns::Question{"sel._domainkey.example.com", dns::RecordType::txt}));
  EXPECT_EQ(driven->asked[1].name, "other._domainkey.example.com");
  EXPECT_TRUE(ends(driven->results[3], Reason::verified));
  EXPECT_TRUE(ends(driven->results[4], Reason::no_key));
}

TEST(Key, is_not_asked_for_where_nothing_depends_on_it) {
  const auto driven = drive({message_with(sign_by_hand(join(with("a", "rsa-sha1"))) +
                                          sign_by_hand(join(with("x", "1"))) + "DKIM-Signature: x\r\n")},
                            usual_dns(), usual_options());
  ASSERT_TRUE(driven.ok());
  EXPECT_TRUE(driven->asked.empty());
  EXPECT_TRUE(ends(driven->results[0], Reason::sha1_refused));
}

TEST(Key, of_64_KB_is_refused_and_one_octet_more_too) {
  const std::string field = sign_by_hand(join(with("a", "rsa-sha256")));
  for (const std::size_t octets : {max_key_record_octets, max_key_record_octets + 1}) {
    std::string record = "p=" + std::string(octets / 4 * 4 - 8, 'A');
    record += "; n=" + std::string(octets - record.size() - 4, 'n');
    ASSERT_EQ(record.size(), octets);
    const auto start = std::chrono::steady_clock::now();
    const SignatureResult result = verify_one(field, {{"sel._domainkey.example.com", {{record}}}});
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(200));
    EXPECT_EQ(result.reason, octets == max_key_record_octets ? Reason::key_unusable : Reason::key_syntax);
  }
}

// ---------------------------------------------------------------- the machine

TEST(Verifier, does_not_care_when_answers_come_or_where_the_message_is_cut) {
  const std::string fields = sign_by_hand(join(usual_tags())) + sign_by_hand(join(with("s", "missing"))) +
                             sign_by_hand(join(with("c", "relaxed/relaxed"))) + "DKIM-Signature: bad\r\n" +
                             sign_by_hand(join(with("l", "7"))) +
                             sign_by_hand(join([] {
                                            TagMap tags = with("a", "rsa-sha256");
                                            tags[4].second = "rsa";
                                            return tags;
                                          }()),
                                          std::string(from) + std::string(subject), rsa_key());
  const std::string message = message_with(fields);
  const std::string expected = describe(verify(message));
  EXPECT_NE(expected.find("pass (good signature)"), std::string::npos);
  for (const auto when : {AnswerTime::as_asked, AnswerTime::at_the_end, AnswerTime::reversed_at_the_end}) {
    for (std::size_t cut = 0; cut <= message.size(); ++cut) {
      const auto driven = drive({std::string_view(message).substr(0, cut), std::string_view(message).substr(cut)},
                                usual_dns(), usual_options(), when);
      ASSERT_TRUE(driven.ok());
      ASSERT_EQ(describe(driven->results), expected) << "cut at " << cut;
    }
    std::vector<std::string_view> octets;
    for (std::size_t i = 0; i < message.size(); ++i) octets.push_back(std::string_view(message).substr(i, 1));
    ASSERT_EQ(describe(drive(octets, usual_dns(), usual_options(), when)->results), expected);
  }
}

TEST(Verifier, has_no_results_for_a_message_without_signatures) {
  for (const std::string& text : {std::string("From: a@b.example\r\n\r\nx\r\n"), std::string("From: a@b.example\r\n"),
                                  std::string("\r\nbody\r\n"), std::string()})
    EXPECT_TRUE(verify(text).empty());
}

TEST(Verifier, verifies_a_message_without_body) {
  const std::string field = sign_by_hand(join(with("bh", bh_of("\r\n"))));
  const std::string header = field + std::string(from) + std::string(subject);
  EXPECT_TRUE(ends(verify(header).at(0), Reason::verified));
  EXPECT_TRUE(ends(verify(header + "\r\n").at(0), Reason::verified));
  EXPECT_TRUE(ends(verify(header + "\r\n\r\n\r\n").at(0), Reason::verified));
}

TEST(Verifier, refuses_a_header_that_readers_would_not_agree_on) {
  for (const std::string header :
       {"From: a\nTo: b\r\n\r\n", "From: a\rTo: b\r\n\r\n", " From: a\r\n\r\n", "no field\r\n\r\n", "From a\r\n\r\n"}) {
    Verifier verifier(usual_options());
    EXPECT_EQ(verifier.update(header).error().code, Errc::syntax);
    EXPECT_EQ(verifier.update("x").error().code, Errc::wrong_state);
    EXPECT_EQ(verifier.finish().error().code, Errc::wrong_state);
    EXPECT_FALSE(verifier.done());
  }
}

TEST(Verifier, keeps_the_limits_of_the_header) {
  VerifyOptions options = usual_options();
  const std::string message = message_with(sign_by_hand(join(usual_tags())));
  const std::size_t octets = message.find("\r\n\r\n") + 2;
  options.header.max_octets = octets;
  EXPECT_TRUE(ends(verify(message, usual_dns(), options).at(0), Reason::verified));
  options.header.max_octets = octets - 1;
  EXPECT_EQ(drive({message}, usual_dns(), options).error().code, Errc::limit_exceeded);
  options = usual_options();
  options.header.max_fields = 3;
  EXPECT_TRUE(ends(verify(message, usual_dns(), options).at(0), Reason::verified));
  options.header.max_fields = 2;
  EXPECT_EQ(drive({message}, usual_dns(), options).error().code, Errc::limit_exceeded);
}

TEST(Verifier, takes_each_answer_once_and_only_those_it_asked_for) {
  Verifier verifier(usual_options());
  ASSERT_TRUE(verifier.update(message_with(sign_by_hand(join(usual_tags())))).ok());
  const auto questions = verifier.questions();
  ASSERT_EQ(questions.size(), 1U);
  EXPECT_TRUE(verifier.questions().empty()) << "each is handed out once";
  verifier.answer({"else.example", dns::RecordType::txt}, {});
  verifier.answer({questions[0].name, dns::RecordType::a}, {});
  ASSERT_TRUE(verifier.finish().ok());
  EXPECT_FALSE(verifier.done());
  verifier.answer(questions[0], lookup(usual_dns(), questions[0]));
  EXPECT_TRUE(verifier.done());
  verifier.answer(questions[0], {});
  EXPECT_TRUE(ends(verifier.results().at(0), Reason::verified));
  EXPECT_EQ(verifier.finish().error().code, Errc::wrong_state);
}

TEST(Verifier, verifies_what_the_signer_makes_in_every_form) {
  const Domain domain = Domain::parse("example.com").value();
  const std::string message =
      "From: Joe <joe@example.com>\r\nTo:  Suzie\r\n\t<s@example.net> \r\nSubject:\r\n\r\n a  b \t\r\n\r\n";
  for (const auto header : {Canonicalization::simple, Canonicalization::relaxed})
    for (const auto form : {Canonicalization::simple, Canonicalization::relaxed})
      for (const bool copies : {false, true}) {
        SignatureOptions chosen;
        chosen.header = header;
        chosen.body = form;
        chosen.copy_fields = copies;
        chosen.identity = "joe@mail.example.com";
        chosen.expires_in = std::chrono::seconds(10);
        std::vector<Signature> signatures;
        for (const auto* key : {&ed25519_key(), &rsa_key()})
          signatures.push_back({domain, Selector::parse(key == &rsa_key() ? "rsa" : "sel").value(),
                                std::make_shared<const crypto::PrivateKey>(*key), chosen});
        SignerOptions options;
        options.now = UnixTime(std::chrono::seconds(now));
        Signer signer = std::move(Signer::create(signatures, options)).value();
        ASSERT_TRUE(signer.update(message).ok());
        for (const SignatureResult& result : verify(signer.finish().value() + message))
          EXPECT_TRUE(ends(result, Reason::verified));
      }
}

// ---------------------------------------------------------------- what a stranger may cost

/// Signatures that are well-formed, each with a key name and a length of its own.
std::string many_signatures(std::size_t count, bool different_lengths) {
  std::string fields;
  for (std::size_t i = 0; i < count; ++i) {
    TagMap tags = with("s", "s" + std::to_string(i));
    if (different_lengths) tags.emplace_back("l", std::to_string(i));
    fields += "DKIM-Signature: " + join(tags) + "b=" + std::string(88, 'A') + "\r\n";
  }
  return fields;
}

TEST(Hostile, thousand_signatures_cost_bounded_time_and_memory) {
  std::string message = many_signatures(1'000, true) + std::string(from) + std::string(subject) + "\r\n";
  message += std::string(1U << 20U, 'x');
  VerifyOptions options = usual_options();
  options.header.max_fields = 2'000;
  const auto start = std::chrono::steady_clock::now();
  const long before = test::heap_octets();
  Verifier verifier(options);
  long most = 0;
  for (std::size_t at = 0; at < message.size(); at += 16'384) {
    ASSERT_TRUE(verifier.update(std::string_view(message).substr(at, 16'384)).ok());
    most = std::max(most, test::heap_octets() - before);
  }
  ASSERT_TRUE(verifier.finish().ok());
  const auto questions = verifier.questions();
  EXPECT_EQ(questions.size(), options.policy.max_signatures) << "no more questions than signatures looked at";
  for (const dns::Question& question : questions) verifier.answer(question, lookup(usual_dns(), question));
  ASSERT_TRUE(verifier.done());
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
  EXPECT_LT(most, 2L << 20) << "octets";
  ASSERT_EQ(verifier.results().size(), 1'000U);
  EXPECT_EQ(verifier.results()[9].reason, Reason::no_key);
  EXPECT_EQ(verifier.results()[10].reason, Reason::too_many_signatures);
  RecordProperty("octets", static_cast<int>(most));
}

TEST(Hostile, h_may_name_one_field_a_hundred_thousand_times) {
  std::string names = "from";
  for (int i = 0; i < 100'000; ++i) names += ":x";
  std::string header;
  for (int i = 0; i < 900; ++i) header += "X: 1\r\n";
  const auto start = std::chrono::steady_clock::now();
  std::string covered(from);
  for (int i = 0; i < 900; ++i) covered += "X: 1\r\n";
  const std::string field = sign_by_hand(join(with("h", names)), covered);
  EXPECT_TRUE(ends(verify(field + header + std::string(from) + "\r\n" + std::string(body)).at(0), Reason::verified));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(1));
}

TEST(Hostile, records_by_the_thousand_are_tried_up_to_the_limit) {
  std::vector<std::string> records(1'000, "p=" + p_of(rsa_key()));
  const std::string field =
      sign_by_hand(join(with("a", "rsa-sha256")), std::string(from), rsa_key());  // not over Subject, so it fails
  const auto start = std::chrono::steady_clock::now();
  EXPECT_TRUE(ends(verify_one(field, {{"sel._domainkey.example.com", {records}}}), Reason::signature_differs));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(500));
}

TEST(Hostile, garbage_in_any_piece_ends_in_a_verdict) {
  std::mt19937 random(6376);
  constexpr std::string_view alphabet = "vabcdhilqstxz=;: \t\r\n1AZ+/@.-\xc3\xa4\x80\"\\";
  for (int round = 0; round < 3'000; ++round) {
    std::string value;
    for (std::size_t size = random() % 120; value.size() < size;) value += alphabet[random() % alphabet.size()];
    const auto driven = drive({message_with("DKIM-Signature:" + value + "\r\n")}, usual_dns(), usual_options());
    if (!driven) continue;
    for (const SignatureResult& result : driven->results) EXPECT_NE(result.verdict, Verdict::pass);
  }
}

}  // namespace
}  // namespace sendconn::dkim
