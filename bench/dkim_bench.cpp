// DKIM beside bare OpenSSL, in one run: signatures and verifications a second, and the body's megabytes a second. After
// the usual table come the ratios, from the best of all repetitions of each:
//
//   ninja -C build bench/dkim-bench && build/bench/dkim-bench --benchmark_repetitions=5
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <sendconn/dkim.hpp>
#include <sendconn/dkim_verify.hpp>

#include "lib/dkim/body_hasher.hpp"

namespace {

using namespace sendconn;
using crypto::KeyType;
using crypto::PrivateKey;

constexpr std::size_t body_octets = 1U << 20U;
constexpr std::size_t piece_octets = 16'384;  // what a relay reads at a time

const std::shared_ptr<const PrivateKey>& key_of(KeyType type) {
  static const auto rsa = std::make_shared<const PrivateKey>(PrivateKey::generate(KeyType::rsa).value());
  static const auto ed25519 = std::make_shared<const PrivateKey>(PrivateKey::generate(KeyType::ed25519).value());
  return type == KeyType::rsa ? rsa : ed25519;
}

/// A message as clients send it, 4 KB with its header.
const std::string& message() {
  static const std::string text = [] {
    std::string out =
        "Received: from client.example.com (client.example.com [192.0.2.1])\r\n\tby relay.example.net with ESMTPSA;\r\n"
        "\tFri, 11 Jul 2025 21:01:54 +0000\r\n"
        "From: Joe SixPack <joe@football.example.com>\r\nTo: Suzie Q <suzie@shopping.example.net>\r\n"
        "Subject: Is dinner ready?\r\nDate: Fri, 11 Jul 2025 21:00:37 +0000\r\n"
        "Message-ID: <20250711210037.46341.5F8J@football.example.com>\r\nMIME-Version: 1.0\r\n"
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
        "User-Agent: Mozilla/5.0\r\n\r\n";
    while (out.size() < 4'096 - 2) out += "We lost the game. Are you hungry yet? It will be late, and it rains.\r\n";
    return out;
  }();
  return text;
}

std::string repeat(std::string_view text) {
  std::string out;
  while (out.size() < body_octets) out += text;
  return out;
}

/// The kinds of body whose canonicalization costs differently.
const std::map<std::string, std::string>& bodies() {
  static const std::map<std::string, std::string> texts = {
      {"base64", repeat("JVBERi0xLjQKJcfsj6IKNSAwIG9iago8PC9MZW5ndGggNiAwIFIvRmlsdGVyIC9GbGF0ZURlY29k\r\n")},
      {"prose", repeat("We lost the game. Are you hungry yet? It will be late, and it rains, says Joe.\r\n")},
      {"html", repeat("        <td class=\"cell\" style=\"padding:0\">text</td>\r\n      </tr>\r\n\t<tr>\r\n")},
      {"spaces", repeat("a  b \t c  d   e \r\n\r\n \r\n")}};
  return texts;
}

// ---------------------------------------------------------------- signatures

/// What OpenSSL alone does with a key of its own for each thread.
class Bare {
 public:
  explicit Bare(KeyType type)
      : key_(type == KeyType::rsa ? EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{2048})
                                  : EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")) {
    if (type == KeyType::rsa) {
      rsa_ = EVP_PKEY_CTX_new(key_, nullptr);
      EVP_PKEY_sign_init(rsa_);
      EVP_PKEY_CTX_set_rsa_padding(rsa_, RSA_PKCS1_PADDING);
      EVP_PKEY_CTX_set_signature_md(rsa_, EVP_sha256());
      rsa_verify_ = EVP_PKEY_CTX_new(key_, nullptr);
      EVP_PKEY_verify_init(rsa_verify_);
      EVP_PKEY_CTX_set_rsa_padding(rsa_verify_, RSA_PKCS1_PADDING);
      EVP_PKEY_CTX_set_signature_md(rsa_verify_, EVP_sha256());
    } else {
      ed25519_ = EVP_MD_CTX_new();
      EVP_DigestSignInit(ed25519_, nullptr, nullptr, nullptr, key_);
      ed25519_verify_ = EVP_MD_CTX_new();
      EVP_DigestVerifyInit(ed25519_verify_, nullptr, nullptr, nullptr, key_);
    }
  }
  ~Bare() {
    EVP_PKEY_CTX_free(rsa_);
    EVP_PKEY_CTX_free(rsa_verify_);
    EVP_MD_CTX_free(ed25519_);
    EVP_MD_CTX_free(ed25519_verify_);
    EVP_PKEY_free(key_);
  }
  Bare(const Bare&) = delete;
  Bare& operator=(const Bare&) = delete;

  bool sign(const crypto::Sha256& digest) {
    size_ = sizeof signature_;
    return rsa_ != nullptr ? EVP_PKEY_sign(rsa_, signature_, &size_, digest.data(), digest.size()) == 1
                           : EVP_DigestSign(ed25519_, signature_, &size_, digest.data(), digest.size()) == 1;
  }
  /// What sign() made last.
  bool verify(const crypto::Sha256& digest) {
    return rsa_ != nullptr ? EVP_PKEY_verify(rsa_verify_, signature_, size_, digest.data(), digest.size()) == 1
                           : EVP_DigestVerify(ed25519_verify_, signature_, size_, digest.data(), digest.size()) == 1;
  }

 private:
  EVP_PKEY* key_;
  EVP_PKEY_CTX* rsa_ = nullptr;
  EVP_PKEY_CTX* rsa_verify_ = nullptr;
  EVP_MD_CTX* ed25519_ = nullptr;
  EVP_MD_CTX* ed25519_verify_ = nullptr;
  unsigned char signature_[512] = {};
  std::size_t size_ = 0;
};

void bare_signature(benchmark::State& state, KeyType type) {
  Bare bare(type);
  const crypto::Sha256 digest = crypto::sha256("x");
  for (auto round : state) {
    static_cast<void>(round);
    if (!bare.sign(digest)) state.SkipWithError("OpenSSL refuses to sign");
  }
  state.SetItemsProcessed(state.iterations());
}

void key_signature(benchmark::State& state, KeyType type) {
  const PrivateKey& key = *key_of(type);
  const crypto::Sha256 digest = crypto::sha256("x");
  for (auto round : state) {
    static_cast<void>(round);
    if (!key.sign_digest(digest)) state.SkipWithError("the key refuses to sign");
  }
  state.SetItemsProcessed(state.iterations());
}

/// All that a relay does for a message: make a signer, feed it, finish it.
void signed_message(benchmark::State& state, const std::vector<KeyType>& types) {
  const Domain domain = Domain::parse("football.example.com").value();
  const dkim::Selector selector = dkim::Selector::parse("brisbane").value();
  for (auto round : state) {
    static_cast<void>(round);
    std::vector<dkim::Signature> signatures;
    for (const KeyType type : types) signatures.push_back({domain, selector, key_of(type), {}});
    dkim::SignerOptions options;
    options.now = UnixTime(std::chrono::seconds(1'752'267'637));
    auto signer = dkim::Signer::create(std::move(signatures), std::move(options));
    if (!signer || !signer->update(message())) state.SkipWithError("the signer refuses the message");
    const auto fields = signer->finish();
    if (!fields) state.SkipWithError("the signer refuses to sign");
    benchmark::DoNotOptimize(fields);
  }
  state.SetItemsProcessed(state.iterations());
}

// ---------------------------------------------------------------- verification

void bare_verification(benchmark::State& state, KeyType type) {
  Bare bare(type);
  const crypto::Sha256 digest = crypto::sha256("x");
  if (!bare.sign(digest)) state.SkipWithError("OpenSSL refuses to sign");
  for (auto round : state) {
    static_cast<void>(round);
    if (!bare.verify(digest)) state.SkipWithError("OpenSSL refuses its own signature");
  }
  state.SetItemsProcessed(state.iterations());
}

/// The message with one signature of each type.
std::string sign_message(const std::vector<KeyType>& types) {
  std::vector<dkim::Signature> signatures;
  for (const KeyType type : types)
    signatures.push_back({Domain::parse("football.example.com").value(),
                          dkim::Selector::parse(type == KeyType::rsa ? "rsa" : "ed").value(),
                          key_of(type),
                          {}});
  dkim::SignerOptions options;
  options.now = UnixTime(std::chrono::seconds(1'752'267'637));
  dkim::Signer signer = std::move(dkim::Signer::create(std::move(signatures), std::move(options))).value();
  if (!signer.update(message())) return {};
  return signer.finish().value() + message();
}

/// All that a receiver does for a message: make a verifier, feed it, answer its questions from what is in the cache as
/// text, finish it. Keys are decoded anew for each message.
void verified_message(benchmark::State& state, const std::vector<KeyType>& types) {
  const std::string text = sign_message(types);
  std::map<std::string, dns::Answer> cache;
  for (const KeyType type : types) {
    dns::Answer& answer =
        cache[type == KeyType::rsa ? "rsa._domainkey.football.example.com" : "ed._domainkey.football.example.com"];
    answer.records.emplace_back().text = dkim::format_key_record(*key_of(type));
  }
  dkim::VerifyOptions options;
  options.now = UnixTime(std::chrono::seconds(1'752'267'700));
  for (auto round : state) {
    static_cast<void>(round);
    dkim::Verifier verifier(options);
    if (!verifier.update(text)) state.SkipWithError("the verifier refuses the message");
    for (const dns::Question& question : verifier.questions()) verifier.answer(question, cache[question.name]);
    if (!verifier.finish() || !verifier.done()) state.SkipWithError("the verifier is not done");
    for (const dkim::SignatureResult& result : verifier.results())
      if (result.verdict != dkim::Verdict::pass) state.SkipWithError("a signature does not verify");
  }
  state.SetItemsProcessed(state.iterations());
}

// ---------------------------------------------------------------- bodies

void bare_body(benchmark::State& state, const std::string& body) {
  crypto::Sha256Stream stream;
  for (auto round : state) {
    static_cast<void>(round);
    for (std::size_t at = 0; at < body.size(); at += piece_octets)
      stream.update(std::string_view(body).substr(at, piece_octets));
    benchmark::DoNotOptimize(stream.finish());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(body.size()));
}

void canonical_body(benchmark::State& state, const std::string& body, dkim::Canonicalization form) {
  for (auto round : state) {
    static_cast<void>(round);
    dkim::BodyHasher hasher(form, {});
    for (std::size_t at = 0; at < body.size(); at += piece_octets)
      hasher.update(std::string_view(body).substr(at, piece_octets));
    benchmark::DoNotOptimize(hasher.finish());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(body.size()));
}

// ---------------------------------------------------------------- ratios

/// Prints as usual and keeps each run's time for an iteration.
class KeepingReporter : public benchmark::ConsoleReporter {
 public:
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs)
      if (run.run_type == Run::RT_Iteration && !run.error_occurred)
        times_[run.benchmark_name()].push_back(run.GetAdjustedCPUTime());
    ConsoleReporter::ReportRuns(runs);
  }
  /// The best one without the suffixes that the library adds; 0 if it did not run.
  [[nodiscard]] double best(const std::string& name) const {
    double least = 0;
    for (const auto& [full_name, times] : times_)
      if (full_name == name || full_name.starts_with(name + "/repeats"))
        for (const double time : times) least = least == 0 ? time : std::min(least, time);
    return least;
  }

 private:
  std::map<std::string, std::vector<double>> times_;
};

struct Ratio {
  std::string ours;
  std::string bare;
};

std::vector<Ratio> register_all() {
  std::vector<Ratio> ratios;
  const auto pair = [&ratios](const std::string& ours, const std::string& bare) { ratios.push_back({ours, bare}); };
  for (const auto& [name, type] : {std::pair{"rsa2048", KeyType::rsa}, std::pair{"ed25519", KeyType::ed25519}}) {
    const std::string key = name;
    benchmark::RegisterBenchmark(("bare/" + key).c_str(), bare_signature, type);
    benchmark::RegisterBenchmark(("key/" + key).c_str(), key_signature, type);
    benchmark::RegisterBenchmark(("message_4KB/" + key).c_str(), signed_message, std::vector{type});
    benchmark::RegisterBenchmark(("bare/" + key).c_str(), bare_signature, type)->Threads(2);
    benchmark::RegisterBenchmark(("key/" + key).c_str(), key_signature, type)->Threads(2);
    for (const std::string threads : {"", "/threads:2"}) pair("key/" + key + threads, "bare/" + key + threads);
    pair("message_4KB/" + key, "bare/" + key);
    benchmark::RegisterBenchmark(("bare_verify/" + key).c_str(), bare_verification, type);
    benchmark::RegisterBenchmark(("verify_4KB/" + key).c_str(), verified_message, std::vector{type});
    pair("verify_4KB/" + key, "bare_verify/" + key);
  }
  benchmark::RegisterBenchmark("verify_4KB/both", verified_message, std::vector{KeyType::rsa, KeyType::ed25519});
  benchmark::RegisterBenchmark("message_4KB/both", signed_message, std::vector{KeyType::rsa, KeyType::ed25519});
  for (const auto& [name, body] : bodies()) {
    benchmark::RegisterBenchmark(("sha256/" + name).c_str(), bare_body, body);
    benchmark::RegisterBenchmark(("simple/" + name).c_str(), canonical_body, body, dkim::Canonicalization::simple);
    benchmark::RegisterBenchmark(("relaxed/" + name).c_str(), canonical_body, body, dkim::Canonicalization::relaxed);
    pair("simple/" + name, "sha256/" + name);
    pair("relaxed/" + name, "sha256/" + name);
  }
  return ratios;
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  const std::vector<Ratio> ratios = register_all();
  KeepingReporter reporter;
  benchmark::RunSpecifiedBenchmarks(&reporter);
  std::printf("\nTime beside bare OpenSSL's in the same run, and the speed reached:\n");
  for (const Ratio& ratio : ratios) {
    const double ours = reporter.best(ratio.ours);
    const double bare = reporter.best(ratio.bare);
    if (ours > 0 && bare > 0)
      std::printf("  %-24s %6.3f times  %6.1f %%\n", ratio.ours.c_str(), ours / bare, 100 * bare / ours);
  }
  return 0;
}
