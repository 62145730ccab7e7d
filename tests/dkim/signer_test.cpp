// The signer against the reference verifier: what verifies, what later changes break it and which do not, and what the
// field looks like.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <sstream>
#include <thread>

#include <sendconn/dkim.hpp>

#include "lib/base/ascii.hpp"
#include "lib/base/base64.hpp"
#include "tests/dkim/reference.hpp"
#include "tests/heap/heap.hpp"

namespace sendconn::dkim {
namespace {

using enum Canonicalization;

constexpr std::string_view message =
    "From: Joe SixPack <joe@football.example.com>\r\n"
    "To: Suzie Q <suzie@shopping.example.net>\r\n"
    "Subject: Is dinner\r\n\t ready? \r\n"
    "Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"
    "\r\n"
    "Hi. \r\n\r\n We lost\tthe game. \r\n\r\n\r\n";

std::shared_ptr<const crypto::PrivateKey> make_key(crypto::KeyType type) {
  return std::make_shared<const crypto::PrivateKey>(crypto::PrivateKey::generate(type, 1024).value());
}
const std::shared_ptr<const crypto::PrivateKey>& ed25519_key() {
  static const auto key = make_key(crypto::KeyType::ed25519);
  return key;
}
const std::shared_ptr<const crypto::PrivateKey>& rsa_key() {
  static const auto key = make_key(crypto::KeyType::rsa);
  return key;
}

const Domain& domain() {
  static const Domain value = Domain::parse("football.example.com").value();
  return value;
}

std::map<std::string, std::string> records() {
  return {{"ed._domainkey.football.example.com", format_key_record(*ed25519_key())},
          {"rsa._domainkey.football.example.com", format_key_record(*rsa_key())}};
}

Signature make_signature(const std::shared_ptr<const crypto::PrivateKey>& key, SignatureOptions options = {}) {
  const bool is_rsa = key->type() == crypto::KeyType::rsa;
  return {domain(), Selector::parse(is_rsa ? "rsa" : "ed").value(), key, std::move(options)};
}

SignerOptions at(std::int64_t now) {
  SignerOptions options;
  options.now = UnixTime(std::chrono::seconds(now));
  return options;
}

Result<std::string> try_sign(const std::vector<std::string_view>& pieces, std::vector<Signature> signatures,
                             SignerOptions options = at(1'528'637'909)) {
  Result<Signer> signer = Signer::create(std::move(signatures), std::move(options));
  if (!signer) return signer.error();
  for (const std::string_view piece : pieces)
    if (const Result<void> done = signer->update(piece); !done) return done.error();
  return signer->finish();
}

std::string sign(std::string_view text, std::vector<Signature> signatures, SignerOptions options = at(1'528'637'909)) {
  Result<std::string> fields = try_sign({text}, std::move(signatures), std::move(options));
  EXPECT_TRUE(fields.ok()) << fields.error().text;
  return fields ? *fields : std::string();
}

/// How many of the signatures in a message pass.
std::size_t passing(const std::string& signed_message) {
  std::size_t count = 0;
  for (const reference::Verdict& verdict : reference::verify(signed_message, records()))
    count += verdict.pass() ? 1 : 0;
  return count;
}

std::vector<std::string> signed_names(const std::string& fields) {
  std::vector<std::string> names;
  std::istringstream list(reference::parse_tags(fields.substr(fields.find(':') + 1))["h"]);
  for (std::string name; std::getline(list, name, ':');) names.push_back(name);
  return names;
}

std::size_t count(const std::vector<std::string>& names, std::string_view name) {
  return static_cast<std::size_t>(std::count(names.begin(), names.end(), name));
}

// ---------------------------------------------------------------- the RFCs' own messages

class RfcExample : public testing::Test {
 protected:
  void SetUp() override {
    const char* chosen = std::getenv("SENDCONN_CONFORMANCE_DIR");
    folder_ = std::filesystem::path(chosen != nullptr ? chosen : SENDCONN_DEFAULT_CONFORMANCE_DIR) / "dkim" / "rfc";
    if (!std::filesystem::exists(folder_)) GTEST_SKIP() << "no conformance data at " << folder_;
    std::istringstream lines(read("dns.tsv"));
    for (std::string line; std::getline(lines, line);) {
      const std::size_t tab = line.find('\t');
      if (tab != std::string::npos) records_[line.substr(0, tab)] = line.substr(tab + 1);
    }
  }
  [[nodiscard]] std::string read(const std::string& name) const {
    std::ifstream file(folder_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }

  std::filesystem::path folder_;
  std::map<std::string, std::string> records_;
};

TEST_F(RfcExample, verifies_with_the_reference_so_that_it_may_judge_us) {
  const auto rsa = reference::verify(read("rfc6376-a2-rsa.eml"), records_);
  ASSERT_EQ(rsa.size(), 1U);
  EXPECT_TRUE(rsa[0].pass());
  const auto dual = reference::verify(read("rfc8463-a3-dual.eml"), records_);
  ASSERT_EQ(dual.size(), 2U);
  EXPECT_TRUE(dual[0].pass());
  EXPECT_TRUE(dual[1].pass());
  std::string changed = read("rfc8463-a3-dual.eml");
  changed.replace(changed.find("dinner"), 6, "supper");
  for (const auto& verdict : reference::verify(changed, records_)) EXPECT_FALSE(verdict.signature);
}

TEST_F(RfcExample, has_the_body_hash_that_we_compute) {
  const std::string text = read("rfc6376-a1-unsigned.eml");
  for (const Canonicalization form : {simple, relaxed}) {
    const std::string fields = sign(text, {make_signature(ed25519_key(), {.body = form})});
    EXPECT_EQ(reference::parse_tags(fields)["bh"], "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=");
  }
}

TEST(Ed25519, signs_the_hash_of_RFC_8463_with_the_signature_it_prints) {
  // The key of appendix A.1 inside PKCS#8, and the canonical form of the header of appendix A.3.
  const std::string pkcs8 = std::string("\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20", 16) +
                            base64::decode("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=").value();
  const auto key = crypto::PrivateKey::from_pem("-----BEGIN PRIVATE KEY-----\n" + base64::encode(pkcs8) +
                                                "\n-----END PRIVATE KEY-----\n");
  ASSERT_TRUE(key.ok()) << key.error().text;
  EXPECT_EQ(format_key_record(*key), "v=DKIM1; k=ed25519; h=sha256; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
  const std::string header =
      "from:Joe SixPack <joe@football.example.com>\r\n"
      "to:Suzie Q <suzie@shopping.example.net>\r\n"
      "subject:Is dinner ready?\r\n"
      "date:Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"
      "message-id:<20030712040037.46341.5F8J@football.example.com>\r\n"
      "dkim-signature:v=1; a=ed25519-sha256; c=relaxed/relaxed; d=football.example.com; i=@football.example.com; "
      "q=dns/txt; s=brisbane; t=1528637909; h=from : to : subject : date : message-id : from : subject : date; "
      "bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=; b=";
  EXPECT_EQ(base64::encode(key->sign_digest(crypto::sha256(header)).value()),
            "/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11BusFa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==");
}

// ---------------------------------------------------------------- whatever is signed verifies

struct MessageCase {
  const char* what;
  std::string text;
};

std::vector<MessageCase> messages() {
  const std::string from = "From: joe@football.example.com\r\n";
  return {
      {"ordinary", std::string(message)},
      {"empty body", from + "\r\n"},
      {"no empty line", from},
      {"body of empty lines", from + "\r\n\r\n\r\n\r\n"},
      {"body of white space", from + "\r\n \r\n\t\r\n"},
      {"no CRLF at the end", from + "\r\nlast line"},
      {"bare CR and LF in the body", from + "\r\na\rb\nc \r"},
      {"odd folding",
       "From:\r\n joe@football.example.com\r\nSubject :\r\n\t\r\n  a\t\r\n b \r\nTo: \r\n"
       "X-Unsigned: x\r\n\r\nbody\r\n"},
      {"octets above 0x7f",
       "From: J\xc3\xb6 <j\xc3\xb6@football.example.com>\r\nSubject: \xff\xfe \xa0\r\n\r\n\xe4\xf6 \xa0\r\n"},
      {"NUL in the body", from + "\r\n" + std::string("a\0 \0b\r\n", 7)},
      {"several fields of a name", from +
                                       "Resent-To: a\r\nResent-From: b@football.example.com\r\nResent-To: c\r\n"
                                       "List-Id: <l>\r\nList-Post: <p>\r\nSender: s@football.example.com\r\n\r\nx\r\n"},
      {"signed and received before",
       "DKIM-Signature: v=1; b=x\r\nReceived: from x\r\nReturn-Path: <>\r\n" + from + "\r\nx\r\n"},
      {"names in odd case", "fROM: joe@football.example.com\r\nSUBJECT: x\r\n\r\nx\r\n"},
      {"a semicolon in a name", from + "List-a;b: x\r\nList-c: y\r\n\r\nx\r\n"},
      {"large body", from + "\r\n" + std::string(300'000, 'x') + "\r\n"},
  };
}

TEST(Signer, makes_signatures_that_verify_in_every_combination) {
  for (const MessageCase& given : messages())
    for (const Canonicalization header : {simple, relaxed})
      for (const Canonicalization body : {simple, relaxed}) {
        const SignatureOptions options{.header = header, .body = body};
        const std::string fields =
            sign(given.text, {make_signature(rsa_key(), options), make_signature(ed25519_key(), options)});
        const std::size_t signed_before = given.text.starts_with("DKIM-Signature") ? 1 : 0;
        const auto verdicts = reference::verify(fields + given.text, records());
        ASSERT_EQ(verdicts.size(), 2 + signed_before);
        EXPECT_TRUE(verdicts[0].pass()) << given.what << fields;
        EXPECT_TRUE(verdicts[1].pass()) << given.what << fields;
        EXPECT_EQ(verdicts[0].tags.at("a"), "rsa-sha256");
        EXPECT_EQ(verdicts[1].tags.at("a"), "ed25519-sha256");
      }
}

TEST(Signer, gives_each_of_several_signatures_its_own_forms_and_length) {
  std::vector<Signature> signatures;
  for (const Canonicalization header : {simple, relaxed})
    for (const Canonicalization body : {simple, relaxed}) {
      signatures.push_back(make_signature(ed25519_key(), {.header = header, .body = body}));
      signatures.push_back(make_signature(rsa_key(), {.header = header, .body = body, .force_body_length = 7}));
    }
  const std::string fields = sign(message, signatures);
  EXPECT_EQ(passing(fields + std::string(message)), 8U);
  EXPECT_EQ(passing(fields + std::string(message) + "added\r\n"), 4U) << "only those with l= bear an addition";
}

TEST(Signer, gives_the_same_wherever_the_input_is_cut) {
  const std::vector<Signature> signatures = {make_signature(ed25519_key(), {.header = simple, .body = relaxed}),
                                             make_signature(ed25519_key(), {.header = relaxed, .body = simple})};
  const std::string text =
      "From: a@football.example.com\r\nSubject: x\r\n\t y \r\n\r\nHi. \t \r\n \r\n\r\nWe  lost\r\n \r\n\r\n";
  const std::string whole = sign(text, signatures);
  EXPECT_EQ(passing(whole + text), 2U);
  const std::string_view view = text;
  for (std::size_t first = 0; first <= text.size(); ++first)
    for (std::size_t second = first; second <= text.size(); ++second) {
      const auto cut =
          try_sign({view.substr(0, first), view.substr(first, second - first), view.substr(second)}, signatures);
      ASSERT_TRUE(cut.ok()) << first << ' ' << second << cut.error().text;
      ASSERT_EQ(*cut, whole) << first << ' ' << second;
    }
  std::vector<std::string_view> octets;
  for (std::size_t i = 0; i < text.size(); ++i) octets.push_back(view.substr(i, 1));
  EXPECT_EQ(*try_sign(octets, signatures), whole);
}

TEST(Signer, may_be_finished_by_another_thread) {
  Result<Signer> signer = Signer::create({make_signature(rsa_key())}, at(1));
  ASSERT_TRUE(signer.ok());
  ASSERT_TRUE(signer->update(message).ok());
  std::string fields;
  std::thread pool([&fields, moved = std::move(*signer)]() mutable { fields = moved.finish().value(); });
  pool.join();
  EXPECT_EQ(passing(fields + std::string(message)), 1U);
}

TEST(Signer, holds_no_more_memory_for_a_large_body) {
  Result<Signer> signer =
      Signer::create({make_signature(rsa_key(), {.body = simple}), make_signature(ed25519_key())}, at(1));
  ASSERT_TRUE(signer->update("From: a@football.example.com\r\n\r\n").ok());
  const std::string piece = "A line of the body, with  two spaces and \t a tab.\t\r\n" + std::string(20'000, '\r');
  ASSERT_TRUE(signer->update(piece).ok());
  const long before = test::heap_allocations();
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(signer->update(piece).ok());
  EXPECT_EQ(test::heap_allocations(), before);
  EXPECT_TRUE(signer->finish().ok());
}

// ---------------------------------------------------------------- what others may do to the message, and what not

TEST(Signer, covers_each_oversigned_name_once_more_than_it_occurs) {
  const std::string text = "To: a\r\nFrom: b@football.example.com\r\nTo: c\r\nX-Other: d\r\n\r\n";
  const std::vector<std::string> names = signed_names(sign(text, {make_signature(ed25519_key())}));
  const SignedFields fields;
  for (const std::string& name : fields.oversigned())
    EXPECT_EQ(count(names, name), name == "to" ? 3U : name == "from" ? 2U : 1U) << name;
  EXPECT_EQ(names.size(), fields.oversigned().size() + 3);
}

TEST(Signer, covers_sender_resent_and_list_fields_as_often_as_they_occur) {
  const std::string text =
      "From: b@football.example.com\r\nSender: s@football.example.com\r\nResent-To: a\r\nResent-To: b\r\n"
      "List-Unsubscribe: <https://x.example/u>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n\r\n";
  const std::vector<std::string> names = signed_names(sign(text, {make_signature(ed25519_key())}));
  EXPECT_EQ(count(names, "sender"), 1U);
  EXPECT_EQ(count(names, "resent-to"), 2U);
  EXPECT_EQ(count(names, "resent-from"), 0U);
  EXPECT_EQ(count(names, "list-unsubscribe"), 1U);
  EXPECT_EQ(count(names, "list-unsubscribe-post"), 1U);
  EXPECT_EQ(count(names, "list-id"), 0U);
}

TEST(Signer, never_covers_trace_fields_even_if_a_pattern_asks_for_them) {
  const std::string text =
      "Return-Path: <a@b.example>\r\nReceived: x\r\nDKIM-Signature: v=1\r\nReceived-SPF: y\r\n" + std::string(message);
  SignerOptions options = at(1);
  options.fields = SignedFields::create({"from"}, {"r*", "d*"}).value();
  const std::vector<std::string> names = signed_names(sign(text, {make_signature(ed25519_key())}, options));
  EXPECT_EQ(count(names, "return-path") + count(names, "received") + count(names, "dkim-signature"), 0U);
  EXPECT_EQ(count(names, "received-spf"), 1U);
}

struct Rewrite {
  const char* what;
  std::string on_top;
  bool survives;
};

TEST(Signer, bears_what_a_mailing_list_adds_and_nothing_that_would_deceive) {
  const std::string text =
      "List-Unsubscribe: <https://football.example.com/u>\r\n"
      "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
      "Resent-From: joe@football.example.com\r\n" +
      std::string(message);
  const std::string signed_text = sign(text, {make_signature(rsa_key()), make_signature(ed25519_key())}) + text;
  const Rewrite rewrites[] = {
      {"nothing", "", true},
      {"trace fields",
       "Return-Path: <list@lists.example>\r\nReceived: from a by b; Fri, 11 Jul 2003 21:01:54 -0700\r\n", true},
      {"list fields that were not there",
       "List-Id: <l.lists.example>\r\nList-Post: <mailto:l@lists.example>\r\nList-Help: <mailto:h@lists.example>\r\n",
       true},
      {"a list field of a kind that was signed, on top", "List-Unsubscribe: <mailto:leave@lists.example>\r\n", true},
      {"a second resending, on top", "Resent-From: l@lists.example\r\nResent-Date: x\r\n", true},
      {"Sender", "Sender: l@lists.example\r\n", true},
      {"Authentication-Results", "Authentication-Results: mx.example; dkim=pass\r\n", true},
      {"a signature of the list's",
       "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=lists.example; s=x;\r\n"
       " h=from; bh=; b=\r\n",
       true},
      {"a second From", "From: boss@football.example.com\r\n", false},
      {"a second Subject", "subject: other\r\n", false},
      {"a Reply-To", "Reply-To: l@lists.example\r\n", false},
      {"a Cc", "Cc: x@y.example\r\n", false},
      {"a Content-Type", "Content-Type: text/html\r\n", false},
      {"a Content-Transfer-Encoding", "Content-Transfer-Encoding: base64\r\n", false},
      {"a Message-ID", "Message-ID: <1@y.example>\r\n", false},
  };
  for (const Rewrite& rewrite : rewrites)
    EXPECT_EQ(passing(rewrite.on_top + signed_text), rewrite.survives ? 2U : 0U) << rewrite.what;

  const auto replaced = [&](std::string_view from, std::string_view to) {
    std::string changed = signed_text;
    changed.replace(changed.find(from), from.size(), to);
    return passing(changed);
  };
  EXPECT_EQ(replaced("One-Click", "Two-Click"), 0U);
  EXPECT_EQ(replaced("Hi.", "Ho."), 0U);
  EXPECT_EQ(replaced("Is dinner", "[list] Is dinner"), 0U);
  EXPECT_EQ(replaced("\r\n\t ready?", " ready?"), 2U) << "folded anew";
}

// ---------------------------------------------------------------- the field

TEST(Field, has_its_tags) {
  const std::string fields =
      sign(message, {make_signature(ed25519_key(), {.identity = "joe=x|@sub.football.example.com",
                                                    .expires_in = std::chrono::hours(1),
                                                    .copy_fields = true,
                                                    .force_body_length = 1'000'000})});
  EXPECT_TRUE(fields.starts_with("DKIM-Signature: v=1;"));
  reference::Tags tags = reference::parse_tags(fields.substr(fields.find(':') + 1));
  EXPECT_EQ(tags["a"], "ed25519-sha256");
  EXPECT_EQ(tags["c"], "relaxed/relaxed");
  EXPECT_EQ(tags["d"], "football.example.com");
  EXPECT_EQ(tags["s"], "ed");
  EXPECT_EQ(tags["i"], "joe=3Dx=7C@sub.football.example.com");
  EXPECT_EQ(tags["t"], "1528637909");
  EXPECT_EQ(tags["x"], "1528641509");
  EXPECT_EQ(tags["l"], std::to_string(std::string_view("Hi.\r\n\r\n We lost the game.\r\n").size()))
      << "never more than there is";
  EXPECT_TRUE(tags["z"].starts_with("From:=20Joe=20SixPack=20<joe@football.example.com>|To:=20Suzie"));
  EXPECT_NE(tags["z"].find("Subject:=20Is=20dinner=0D=0A=09=20ready?=20|"), std::string::npos);
  EXPECT_EQ(passing(fields + std::string(message)), 1U);
}

TEST(Field, leaves_out_what_was_not_asked_for) {
  const std::string fields = sign(message, {make_signature(ed25519_key(), {.timestamp = false})});
  const reference::Tags tags = reference::parse_tags(fields.substr(fields.find(':') + 1));
  for (const char* name : {"t", "x", "l", "z", "i"}) EXPECT_FALSE(tags.contains(name)) << name;
}

TEST(Field, fits_78_columns_whatever_is_in_it) {
  std::string text(message);
  for (int i = 1; i <= 70; ++i) text = "List-" + std::string(static_cast<std::size_t>(i), 'x') + ": v|;= \r\n" + text;
  text = "Resent-From: " + std::string(300, '|') + "\r\n" + text;
  for (std::size_t size = 1; size < 40; ++size)
    for (const auto& key : {rsa_key(), ed25519_key()}) {
      const SignatureOptions options{.header = simple,
                                     .identity = std::string(size, 'i') + "@football.example.com",
                                     .expires_in = std::chrono::seconds(99),
                                     .copy_fields = size % 2 == 0,
                                     .force_body_length = size};
      const std::string fields = sign(text, {make_signature(key, options)});
      EXPECT_EQ(passing(fields + text), 1U);
      std::string_view rest = fields;
      for (std::size_t line = 0; !rest.empty(); ++line) {
        const std::size_t end = rest.find("\r\n");
        ASSERT_NE(end, std::string_view::npos);
        EXPECT_LE(end, 78U) << rest.substr(0, end);
        EXPECT_GT(end, 1U);
        EXPECT_EQ(rest[0] == ' ', line != 0);
        EXPECT_NE(rest[end - 1], ' ');
        rest.remove_prefix(end + 2);
      }
      for (const char c : fields) EXPECT_TRUE(ascii::is_vchar(c) || ascii::is_fws(c));
      const std::string copies = fields.substr(0, fields.find("bh="));
      EXPECT_FALSE(std::regex_search(copies, std::regex("=[0-9A-F]?\r\n"))) << "a fold inside =XX";
    }
}

TEST(Field, stands_a_name_longer_than_a_line) {
  const std::string text = "List-" + std::string(200, 'x') + ": v\r\nList-Y: w\r\n" + std::string(message);
  for (const Canonicalization form : {simple, relaxed})
    EXPECT_EQ(passing(sign(text, {make_signature(rsa_key(), {.header = form, .copy_fields = true})}) + text), 1U);
}

// ---------------------------------------------------------------- refusals

struct Refusal {
  const char* says;
  std::function<void(std::vector<Signature>&, SignerOptions&)> change;
};

TEST(Signer, refuses_what_cannot_be_signed_with) {
  const auto option = [](auto change) {
    return [change](std::vector<Signature>& signatures, SignerOptions&) { change(signatures[0].options); };
  };
  const auto lists = [](auto change) {
    return [change](std::vector<Signature>&, SignerOptions& options) { change(options); };
  };
  const Refusal refusals[] = {
      {"0 signatures", [](auto& signatures, auto&) { signatures.clear(); }},
      {"9 signatures", [](auto& signatures, auto&) { signatures.resize(9, signatures[0]); }},
      {"no key", [](auto& signatures, auto&) { signatures[0].key = nullptr; }},
      {"no \"@\"", option([](auto& options) { options.identity = "joe"; })},
      {"example.org", option([](auto& options) { options.identity = "joe@example.org"; })},
      {"example.com", option([](auto& options) { options.identity = "@example.com"; })},
      {"evilfootball", option([](auto& options) { options.identity = "@evilfootball.example.com"; })},
      {"i=", option([](auto& options) { options.identity = "a\r\nb@football.example.com"; })},
      {"i=", option([](auto& options) { options.identity = "a@"; })},
      {"expires in 0", option([](auto& options) { options.expires_in = std::chrono::seconds(0); })},
      {"expires in -1", option([](auto& options) { options.expires_in = std::chrono::seconds(-1); })},
      {"12 digits", option([](auto& options) { options.expires_in = std::chrono::seconds(1'000'000'000'000); })},
      {"the time", lists([](auto& options) { options.now = UnixTime(std::chrono::seconds(-1)); })},
      {"the time", lists([](auto& options) { options.now = UnixTime(std::chrono::seconds(1'000'000'000'000)); })},
  };
  for (const Refusal& refusal : refusals) {
    std::vector<Signature> signatures = {make_signature(ed25519_key())};
    SignerOptions options = at(1);
    refusal.change(signatures, options);
    const Result<Signer> signer = Signer::create(signatures, options);
    ASSERT_FALSE(signer.ok()) << refusal.says;
    EXPECT_EQ(signer.error().code, Errc::invalid_argument);
    EXPECT_NE(signer.error().text.find(refusal.says), std::string::npos) << signer.error().text;
    EXPECT_EQ(signer.error().text.find_first_of("\r\n"), std::string::npos);
  }
  Signature far{
      Domain::parse(std::string(60, 'a') + "." + std::string(60, 'b') + "." + std::string(60, 'c') + ".example")
          .value(),
      Selector::parse(std::string(60, 's')).value(),
      ed25519_key(),
      {}};
  EXPECT_EQ(Signer::create({far}, at(1)).error().code, Errc::invalid_argument);
}

TEST(SignedFields, are_lists_in_any_case_and_with_repetitions) {
  SignerOptions options = at(1);
  options.fields = SignedFields::create({"From", "FROM", "Subject"}, {"From", "To", "t*", "List-*", "list-*"}).value();
  const std::string text = "List-Id: x\r\n" + std::string(message);
  const std::string fields = sign(text, {make_signature(ed25519_key())}, options);
  EXPECT_EQ(signed_names(fields), (std::vector<std::string>{"from", "from", "subject", "subject", "to", "list-id"}));
  EXPECT_EQ(passing(fields + text), 1U);
}

TEST(SignedFields, refuse_names_that_must_not_or_cannot_be_signed) {
  struct Case {
    std::vector<std::string> oversigned;
    std::vector<std::string> where_present;
    const char* says;
  };
  const Case cases[] = {
      {{"subject"}, {}, "\"from\""},
      {{}, {"fro*"}, "\"from\""},
      {{"from", "Received"}, {}, "\"received\""},
      {{"from", "Return-Path"}, {}, "\"return-path\""},
      {{"from"}, {"dkim-signature"}, "\"dkim-signature\""},
      {{"from", "a:b"}, {}, "visible characters"},
      {{"from", "a;b"}, {}, "visible characters"},
      {{"from", ""}, {}, "visible characters"},
      {{"from"}, {"*"}, "visible characters"},
      {{"from"}, {"a\r\nb"}, "visible characters"},
  };
  for (const Case& given : cases) {
    const Result<SignedFields> fields = SignedFields::create(given.oversigned, given.where_present);
    ASSERT_FALSE(fields.ok()) << given.says;
    EXPECT_EQ(fields.error().code, Errc::invalid_argument);
    EXPECT_NE(fields.error().text.find(given.says), std::string::npos) << fields.error().text;
    EXPECT_EQ(fields.error().text.find_first_of("\r\n"), std::string::npos);
  }
  EXPECT_TRUE(SignedFields::create({}, {"From"}).ok());
}

TEST(Signer, refuses_a_header_that_it_cannot_sign) {
  const std::vector<Signature> signatures = {make_signature(ed25519_key())};
  const std::pair<std::string_view, Errc> cases[] = {
      {"", Errc::syntax},
      {"\r\nbody\r\n", Errc::syntax},
      {"Subject: no author\r\n\r\nbody\r\n", Errc::syntax},
      {"From: a\r\nno field\r\n\r\nbody\r\n", Errc::syntax},
      {" From: a\r\n\r\nbody\r\n", Errc::syntax},
      {"From: a\nTo: b\r\n\r\nbody\r\n", Errc::syntax},
      {"From: a\rTo: b\r\n\r\nbody\r\n", Errc::syntax},
      {"From: a", Errc::syntax},
  };
  for (const auto& [text, code] : cases) {
    const Result<std::string> fields = try_sign({text}, signatures);
    ASSERT_FALSE(fields.ok()) << text;
    EXPECT_EQ(fields.error().code, code) << fields.error().text;
  }
  SignerOptions small = at(1);
  small.max_header_octets = 100;
  EXPECT_EQ(try_sign({"From: a\r\n", std::string(200, 'x')}, signatures, small).error().code, Errc::limit_exceeded);
}

TEST(Signer, is_of_no_use_after_an_error_or_its_end) {
  Result<Signer> failed = Signer::create({make_signature(ed25519_key())}, at(1));
  EXPECT_FALSE(failed->update(" x\r\n\r\n").ok());
  EXPECT_EQ(failed->update("x").error().code, Errc::wrong_state);
  EXPECT_EQ(failed->finish().error().code, Errc::wrong_state);

  Result<Signer> ended = Signer::create({make_signature(ed25519_key())}, at(1));
  EXPECT_TRUE(ended->update(message).ok());
  EXPECT_TRUE(ended->finish().ok());
  EXPECT_EQ(ended->update("x").error().code, Errc::wrong_state);
  EXPECT_EQ(ended->finish().error().code, Errc::wrong_state);
}

}  // namespace
}  // namespace sendconn::dkim
