// The DKIM conformance messages through the C interface: the RFCs' own examples and the Mail::DKIM corpus, each under
// both policies, whole and blocking, and stepwise in pieces with the answers in reverse behind the end.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "capi/sendconn.h"

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

std::string with_crlf(const std::string& text) {
  sendconn_bytes* bytes = nullptr;
  EXPECT_EQ(sendconn_to_crlf(&bytes, text.data(), text.size(), nullptr), SENDCONN_OK);
  std::string result(sendconn_bytes_data(bytes), sendconn_bytes_size(bytes));
  sendconn_bytes_free(bytes);
  return result;
}

struct Name {
  std::int32_t status = SENDCONN_DNS_NO_ERROR;
  std::string record;
};
using Dns = std::map<std::string, Name>;

sendconn_status resolve(sendconn_dns_answer* answer, const char* name, std::size_t name_len, std::uint16_t,
                        void* userdata) {
  const Dns& dns = *static_cast<const Dns*>(userdata);
  const auto found = dns.find(std::string(name, name_len));
  if (found == dns.end()) return sendconn_dns_answer_set_status(answer, SENDCONN_DNS_NO_SUCH_NAME, nullptr);
  if (found->second.status != SENDCONN_DNS_NO_ERROR)
    return sendconn_dns_answer_set_status(answer, found->second.status, nullptr);
  return sendconn_dns_answer_add_text(answer, found->second.record.data(), found->second.record.size(), nullptr);
}

struct Verified {
  std::int32_t verdict = -1;
  std::int32_t reason = -1;
  std::string algorithm;
  std::string explanation;
  std::uint32_t key_bits = 0;
  friend bool operator==(const Verified&, const Verified&) = default;
};

std::vector<Verified> results_of(const sendconn_dkim_verifier* verifier) {
  EXPECT_EQ(sendconn_dkim_verifier_done(verifier), 1);
  std::vector<Verified> results;
  for (std::size_t i = 0; i < sendconn_dkim_verifier_count(verifier); ++i) {
    sendconn_dkim_result result = SENDCONN_DKIM_RESULT_INIT;
    EXPECT_EQ(sendconn_dkim_verifier_result(&result, verifier, i, nullptr), SENDCONN_OK);
    results.push_back({result.verdict, result.reason, result.algorithm, result.explanation, result.key_bits});
  }
  return results;
}

sendconn_dkim_verifier* make_verifier(bool legacy) {
  sendconn_dkim_verify_options options = SENDCONN_DKIM_VERIFY_OPTIONS_INIT;
  options.legacy = legacy ? 1 : 0;
  options.unix_time = 1'790'000'000;
  sendconn_dkim_verifier* verifier = nullptr;
  EXPECT_EQ(sendconn_dkim_verifier_new(&verifier, &options, nullptr, nullptr), SENDCONN_OK);
  return verifier;
}

std::vector<Verified> verify_blocking(const std::string& message, Dns& dns, bool legacy) {
  sendconn_dkim_verifier* const verifier = make_verifier(legacy);
  sendconn_resolver* resolver = nullptr;
  sendconn_error* error = nullptr;
  EXPECT_EQ(sendconn_resolver_new_callback(&resolver, &resolve, &dns, nullptr), SENDCONN_OK);
  EXPECT_EQ(sendconn_dkim_verifier_update(verifier, message.data(), message.size(), &error), SENDCONN_OK)
      << sendconn_error_text(error);
  EXPECT_EQ(sendconn_dkim_verifier_finish(verifier, nullptr), SENDCONN_OK);
  EXPECT_EQ(sendconn_dkim_verifier_run(verifier, resolver, nullptr), SENDCONN_OK);
  const auto results = results_of(verifier);
  sendconn_resolver_free(resolver);
  sendconn_dkim_verifier_free(verifier);
  return results;
}

std::vector<Verified> verify_stepwise(const std::string& message, Dns& dns, bool legacy, std::size_t piece) {
  sendconn_dkim_verifier* const verifier = make_verifier(legacy);
  for (std::size_t i = 0; i < message.size(); i += piece) {
    EXPECT_EQ(sendconn_dkim_verifier_update(verifier, message.data() + i, std::min(piece, message.size() - i), nullptr),
              SENDCONN_OK);
  }
  EXPECT_EQ(sendconn_dkim_verifier_finish(verifier, nullptr), SENDCONN_OK);
  std::vector<std::pair<std::string, std::uint16_t>> questions;
  sendconn_dns_question question = SENDCONN_DNS_QUESTION_INIT;
  while (sendconn_dkim_verifier_next_question(&question, verifier, nullptr) == SENDCONN_OK && question.type != 0)
    questions.emplace_back(std::string(question.name, question.name_len), question.type);
  for (; !questions.empty(); questions.pop_back()) {
    const auto& [name, type] = questions.back();
    sendconn_dns_answer* answer = nullptr;
    EXPECT_EQ(sendconn_dns_answer_new(&answer, SENDCONN_DNS_NO_DATA, nullptr), SENDCONN_OK);
    EXPECT_EQ(resolve(answer, name.data(), name.size(), type, &dns), SENDCONN_OK);
    EXPECT_EQ(sendconn_dkim_verifier_answer(verifier, name.data(), name.size(), type, answer, nullptr), SENDCONN_OK);
    sendconn_dns_answer_free(answer);
  }
  const auto results = results_of(verifier);
  sendconn_dkim_verifier_free(verifier);
  return results;
}

std::vector<Verified> verify(const std::string& message, Dns& dns, bool legacy) {
  const auto results = verify_blocking(message, dns, legacy);
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{1000}})
    EXPECT_EQ(verify_stepwise(message, dns, legacy, piece), results);
  return results;
}

bool any(const std::vector<Verified>& results, std::int32_t verdict) {
  for (const Verified& result : results)
    if (result.verdict == verdict) return true;
  return false;
}

TEST(CapiDkim, verifies_the_examples_of_the_RFCs) {
  if (!fs::exists(conformance())) GTEST_SKIP() << "no conformance data at " << conformance();
  Dns dns;
  std::istringstream lines(read(conformance() / "rfc" / "dns.tsv"));
  for (std::string line; std::getline(lines, line);)
    if (const std::size_t tab = line.find('\t'); tab != std::string::npos)
      dns[line.substr(0, tab)].record = line.substr(tab + 1);
  const std::pair<const char*, std::size_t> files[] = {
      {"rfc6376-a1-unsigned.eml", 0}, {"rfc6376-a2-rsa.eml", 1}, {"rfc8463-a3-dual.eml", 2}, {"rsa-pkcs1-key.eml", 1}};
  for (const auto& [file, signatures] : files)
    for (const bool legacy : {false, true}) {
      const auto results = verify(read(conformance() / "rfc" / file), dns, legacy);
      EXPECT_EQ(results.size(), signatures) << file;
      for (const Verified& result : results)
        EXPECT_EQ(result.verdict, SENDCONN_DKIM_PASS) << file << ": " << result.explanation;
    }
}

TEST(CapiDkim, ends_as_the_corpus_expects) {
  if (!fs::exists(conformance())) GTEST_SKIP() << "no conformance data at " << conformance();
  const fs::path folder = conformance() / "corpus";
  Dns dns;
  std::istringstream records(read(folder / "dns.dat"));
  for (std::string line; std::getline(records, line);) {
    const std::size_t space = line.find_first_of(" \t");
    const std::size_t at = line.find_first_not_of(" \t", space);
    if (line.starts_with('#') || at == std::string::npos) continue;
    const std::string text = line.substr(at);
    Name& name = dns[line.substr(0, space)];
    if (text == "NXDOMAIN")
      name.status = SENDCONN_DNS_NO_SUCH_NAME;
    else if (text.starts_with("~~"))
      name.status = text == "~~Query timed out~~" ? SENDCONN_DNS_TIMEOUT : SENDCONN_DNS_SERVER_FAILURE;
    else
      name.record = text == "\"\"" ? "" : text;
  }
  std::istringstream lines(read(folder / "expected.tsv"));
  std::string line;
  std::getline(lines, line);  // the heading
  std::size_t count = 0;
  while (std::getline(lines, line)) {
    std::istringstream columns(line);
    std::string file;
    std::string expected;
    std::getline(columns, file, '\t');
    std::getline(columns, expected, '\t');
    ++count;
    const std::string message = with_crlf(read(folder / file));
    const auto results = verify(message, dns, true);
    const bool passes = any(results, SENDCONN_DKIM_PASS);
    const bool fails = any(results, SENDCONN_DKIM_FAIL);
    // RFC 6376 removed g=, by which these keys were not to be used, so their signatures may pass now.
    const bool removed_tag =
        file == "badkey_8.txt" || file == "badkey_9.txt" || file == "badkey_12.txt" || file == "badkey_13.txt";
    if (expected == "pass") {
      EXPECT_TRUE(passes) << file;
    } else if (expected == "fail") {
      EXPECT_TRUE(fails && !passes) << file;
    } else if (!removed_tag) {
      EXPECT_FALSE(passes || fails) << file;
    }
    for (const Verified& result : verify(message, dns, false)) {
      if (result.algorithm != "rsa-sha1") continue;
      EXPECT_TRUE(result.reason == SENDCONN_DKIM_SHA1_REFUSED || result.verdict == SENDCONN_DKIM_NEUTRAL) << file;
    }
  }
  EXPECT_EQ(count, 57U);
  std::cout << count << " messages, blocking and stepwise through the C interface\n";
}

}  // namespace
