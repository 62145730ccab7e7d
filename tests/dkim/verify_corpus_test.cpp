// The conformance data: the RFCs' own examples and the Mail::DKIM corpus, each message under both policies, whole and
// cut at every offset.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>
#include <string>

#include "tests/dkim/drive.hpp"

namespace sendconn::dkim {
namespace {

namespace fs = std::filesystem;

fs::path conformance() {
  const char* chosen = std::getenv("SENDCONN_CONFORMANCE_DIR");
  return fs::path(chosen != nullptr ? chosen : SENDCONN_DEFAULT_CONFORMANCE_DIR) / "dkim";
}

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

VerifyOptions options_of(const VerifyPolicy& policy) {
  VerifyOptions options;
  options.now = UnixTime(std::chrono::seconds(1'790'000'000));
  options.policy = policy;
  return options;
}

/// The results, the same for every cut and every order of answers, and with decoded keys from a cache that all messages
/// share.
std::vector<SignatureResult> verify(const std::string& message, const FakeDns& dns, const VerifyPolicy& policy) {
  static const auto keys = std::make_shared<KeyCache>();
  const VerifyOptions options = options_of(policy);
  VerifyOptions cached = options;
  cached.keys = keys;
  const Result<Driven> whole = drive({message}, dns, options);
  EXPECT_TRUE(whole.ok()) << whole.error().text;
  if (!whole.ok()) return {};
  const std::string expected = describe(whole->results);
  for (std::size_t cut = 0; cut <= message.size(); ++cut) {
    const auto when = static_cast<AnswerTime>(cut % 3);
    const Result<Driven> pieces =
        drive({std::string_view(message).substr(0, cut), std::string_view(message).substr(cut)}, dns,
              cut % 2 == 0 ? cached : options, when);
    EXPECT_TRUE(pieces.ok() && describe(pieces->results) == expected) << "cut at " << cut;
    if (!pieces.ok() || describe(pieces->results) != expected) break;
  }
  return whole->results;
}

// ---------------------------------------------------------------- the RFCs

class RfcMessages : public testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists(conformance())) GTEST_SKIP() << "no conformance data at " << conformance();
    std::istringstream lines(read(conformance() / "rfc" / "dns.tsv"));
    for (std::string line; std::getline(lines, line);)
      if (const std::size_t tab = line.find('\t'); tab != std::string::npos)
        dns_[line.substr(0, tab)].records = {line.substr(tab + 1)};
  }
  FakeDns dns_;
};

TEST_F(RfcMessages, verify_under_both_policies_however_they_are_cut) {
  struct Case {
    const char* file;
    std::vector<std::string> algorithms;
  };
  const Case cases[] = {{"rfc6376-a1-unsigned.eml", {}},
                        {"rfc6376-a2-rsa.eml", {"rsa-sha256"}},
                        {"rfc8463-a3-dual.eml", {"ed25519-sha256", "rsa-sha256"}},
                        {"rsa-pkcs1-key.eml", {"rsa-sha256"}}};
  for (const Case& given : cases)
    for (const VerifyPolicy& policy : {VerifyPolicy(), VerifyPolicy::legacy()}) {
      const auto results = verify(read(conformance() / "rfc" / given.file), dns_, policy);
      std::vector<std::string> algorithms;
      for (const SignatureResult& result : results) {
        EXPECT_EQ(result.verdict, Verdict::pass) << given.file << ": " << result.explanation;
        EXPECT_EQ(result.key_bits, result.algorithm == "rsa-sha256" ? 1024U : 256U);
        algorithms.push_back(result.algorithm);
      }
      EXPECT_EQ(algorithms, given.algorithms) << given.file;
    }
}

// ---------------------------------------------------------------- the corpus

struct CorpusCase {
  std::string file;
  std::string result;  // pass, fail, invalid
};

/// RFC 6376 removed g=, by which these keys were not to be used, so their signatures may pass now.
bool is_decided_by_removed_tag(const std::string& file) {
  return file == "badkey_8.txt" || file == "badkey_9.txt" || file == "badkey_12.txt" || file == "badkey_13.txt";
}

class CorpusMessages : public testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists(conformance())) GTEST_SKIP() << "no conformance data at " << conformance();
    const fs::path folder = conformance() / "corpus";
    std::istringstream lines(read(folder / "expected.tsv"));
    std::string line;
    std::getline(lines, line);  // the heading
    while (std::getline(lines, line)) {
      std::istringstream columns(line);
      CorpusCase& given = cases_.emplace_back();
      std::getline(columns, given.file, '\t');
      std::getline(columns, given.result, '\t');
    }
    std::istringstream records(read(folder / "dns.dat"));
    while (std::getline(records, line)) {
      const std::size_t space = line.find_first_of(" \t");
      const std::size_t text = line.find_first_not_of(" \t", space);
      if (line.starts_with('#') || text == std::string::npos) continue;
      add(line.substr(0, space), line.substr(text));
    }
    ASSERT_EQ(cases_.size(), 57U);
  }

  void add(const std::string& name, const std::string& text) {
    if (text == "NXDOMAIN")
      dns_[name].status = dns::Status::no_such_name;
    else if (text == "~~Query timed out~~")
      dns_[name].status = dns::Status::timeout;
    else if (text.starts_with("~~"))
      dns_[name].status = dns::Status::server_failure;
    else
      dns_[name].records = {text == "\"\"" ? "" : text};
  }
  [[nodiscard]] std::vector<SignatureResult> verify_file(const std::string& file, const VerifyPolicy& policy) const {
    return verify(with_crlf(read(conformance() / "corpus" / file)), dns_, policy);
  }

  std::vector<CorpusCase> cases_;
  FakeDns dns_;
};

bool any(const std::vector<SignatureResult>& results, Verdict verdict) {
  for (const SignatureResult& result : results)
    if (result.verdict == verdict) return true;
  return false;
}

TEST_F(CorpusMessages, end_as_expected_under_the_legacy_policy_however_they_are_cut) {
  for (const CorpusCase& given : cases_) {
    const auto results = verify_file(given.file, VerifyPolicy::legacy());
    ASSERT_FALSE(results.empty()) << given.file;
    const std::string text = given.file + "\n" + describe(results);
    if (given.result == "pass") {
      EXPECT_TRUE(any(results, Verdict::pass)) << text;
    } else if (given.result == "fail") {
      EXPECT_TRUE(any(results, Verdict::fail) && !any(results, Verdict::pass)) << text;
    } else if (!is_decided_by_removed_tag(given.file)) {
      EXPECT_FALSE(any(results, Verdict::pass) || any(results, Verdict::fail)) << text;
    }
    const bool dns_failed = given.file == "badkey_14.txt" || given.file == "badkey_15.txt";
    EXPECT_EQ(any(results, Verdict::temperror), dns_failed) << text;
  }
}

TEST_F(CorpusMessages, are_refused_for_SHA_1_and_short_keys_under_the_default_policy) {
  std::size_t sha1 = 0;
  std::size_t short_keys = 0;
  std::size_t passes = 0;
  for (const CorpusCase& given : cases_)
    for (const SignatureResult& result : verify_file(given.file, VerifyPolicy())) {
      const std::string text = given.file + ": " + std::string(format(result.reason));
      if (result.algorithm == "rsa-sha1") {
        // Refused, and if its form is right, then for the algorithm.
        EXPECT_TRUE(result.reason == Reason::sha1_refused || result.verdict == Verdict::neutral) << text;
        sha1 += static_cast<std::size_t>(result.reason == Reason::sha1_refused);
      }
      if (result.algorithm.starts_with("rsa") && result.key_bits != 0 && result.key_bits < 1024) {
        EXPECT_EQ(result.reason, Reason::key_too_short) << text;
        EXPECT_EQ(result.verdict, Verdict::policy);
        EXPECT_NE(result.explanation.find("at least 1024"), std::string::npos);
        ++short_keys;
      }
      passes += static_cast<std::size_t>(result.verdict == Verdict::pass);
    }
  std::cout << cases_.size() << " messages: " << sha1 << " signatures refused for SHA-1, " << short_keys
            << " for a short key, " << passes << " pass\n";
  EXPECT_GT(sha1, 20U);
}

}  // namespace
}  // namespace sendconn::dkim
