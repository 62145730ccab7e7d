// DKIM beside bare OpenSSL and OpenDKIM's library: the time for a signature, for a verification, and for the body's
// canonicalization and hash. bench/run_auth runs it beside the Rust crates and prints the ratios; alone:
//
//   ninja -C build bench/dkim-bench && build/bench/dkim-bench --benchmark_repetitions=5
#include <benchmark/benchmark.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <sendconn/dkim.hpp>
#include <sendconn/dkim_verify.hpp>

#include "bench/bare.hpp"
#include "bench/cases.hpp"
#include "lib/dkim/body_hasher.hpp"
#ifdef SENDCONN_BENCH_OPENDKIM
#include "bench/opendkim.hpp"
#endif

namespace {

using namespace sendconn;
using crypto::KeyType;

constexpr std::size_t body_octets = 1U << 20U;
constexpr std::size_t piece_octets = 16'384;  // what a relay reads at a time

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

const bench::Signer& author(KeyType type) { return type == KeyType::rsa ? bench::author_rsa : bench::author_ed25519; }

// ---------------------------------------------------------------- signatures

void bare_signature(benchmark::State& state, KeyType type) {
  bench::Bare bare(type);
  const crypto::Sha256 digest = crypto::sha256("x");
  for (auto round : state) {
    static_cast<void>(round);
    if (!bare.sign(digest)) state.SkipWithError("OpenSSL refuses to sign");
  }
}

void key_signature(benchmark::State& state, KeyType type) {
  const crypto::PrivateKey& key = *bench::key_of(author(type));
  const crypto::Sha256 digest = crypto::sha256("x");
  for (auto round : state) {
    static_cast<void>(round);
    if (!key.sign_digest(digest)) state.SkipWithError("the key refuses to sign");
  }
}

/// All that a relay does for a message: make a signer, feed it, finish it.
void signed_message(benchmark::State& state, const std::vector<KeyType>& types) {
  const Domain domain = Domain::parse(bench::author_domain).value();
  const dkim::Selector selector = dkim::Selector::parse("brisbane").value();
  for (auto round : state) {
    static_cast<void>(round);
    std::vector<dkim::Signature> signatures;
    for (const KeyType type : types) signatures.push_back({domain, selector, bench::key_of(author(type)), {}});
    dkim::SignerOptions options;
    options.now = bench::signed_at;
    auto signer = dkim::Signer::create(std::move(signatures), std::move(options));
    if (!signer || !signer->update(bench::message())) state.SkipWithError("the signer refuses the message");
    const auto fields = signer->finish();
    if (!fields) state.SkipWithError("the signer refuses to sign");
    benchmark::DoNotOptimize(fields);
  }
}

// ---------------------------------------------------------------- verification

void bare_verification(benchmark::State& state, KeyType type) {
  bench::Bare bare(type);
  const crypto::Sha256 digest = crypto::sha256("x");
  if (!bare.sign(digest)) state.SkipWithError("OpenSSL refuses to sign");
  for (auto round : state) {
    static_cast<void>(round);
    if (!bare.verify(digest)) state.SkipWithError("OpenSSL refuses its own signature");
  }
}

/// All that a receiver does for a message: make a verifier, feed it, answer its questions from what is in the cache as
/// text, finish it. `cached`: keys are decoded once, else for each message.
void verified_message(benchmark::State& state, const std::vector<KeyType>& types, bool cached) {
  std::vector<bench::Signer> signers;
  for (const KeyType type : types) signers.push_back(author(type));
  const std::string text = bench::sign_message(signers);
  const bench::Answers answers(bench::verdict_zone());
  dkim::VerifyOptions options;
  options.now = bench::received_at;
  if (cached) options.keys = std::make_shared<dkim::KeyCache>();
  for (auto round : state) {
    static_cast<void>(round);
    dkim::Verifier verifier(options);
    if (!verifier.update(text)) state.SkipWithError("the verifier refuses the message");
    for (const dns::Question& question : verifier.questions()) verifier.answer(question, answers.lookup(question));
    if (!verifier.finish() || !verifier.done()) state.SkipWithError("the verifier is not done");
    for (const dkim::SignatureResult& result : verifier.results())
      if (result.verdict != dkim::Verdict::pass) state.SkipWithError("a signature does not verify");
  }
}

// ---------------------------------------------------------------- OpenDKIM

#ifdef SENDCONN_BENCH_OPENDKIM
void opendkim_signature(benchmark::State& state) {
  bench::OpenDkim library;
  const std::string pem = bench::key_of(bench::author_rsa)->to_pem().value();
  for (auto round : state) {
    static_cast<void>(round);
    if (!library.sign(pem, bench::message())) state.SkipWithError("OpenDKIM refuses to sign");
  }
}

void opendkim_verification(benchmark::State& state) {
  bench::OpenDkim library;
  const std::string text = bench::sign_message({bench::author_rsa});
  const std::string record = dkim::format_key_record(*bench::key_of(bench::author_rsa));
  for (auto round : state) {
    static_cast<void>(round);
    if (!library.verify(text, record)) state.SkipWithError("OpenDKIM refuses the signature");
  }
}
#endif

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

void register_all() {
  const auto add = [](const std::string& name, const auto& function, auto... arguments) {
    return benchmark::RegisterBenchmark(name.c_str(), function, arguments...);
  };
  for (const auto& [key, type] : {std::pair{"rsa2048", KeyType::rsa}, std::pair{"ed25519", KeyType::ed25519}}) {
    const std::string sign = std::string("sign_4KB/") + key;
    add(sign + "/bare", bare_signature, type);
    add(sign + "/key", key_signature, type);
    add(sign + "/sendconn", signed_message, std::vector{type});
    add(sign + "/bare", bare_signature, type)->Threads(2);
    add(sign + "/key", key_signature, type)->Threads(2);
    const std::string verify = std::string("verify_4KB/") + key;
    add(verify + "/bare", bare_verification, type);
    add(verify + "/sendconn", verified_message, std::vector{type}, true);
    add(verify + "/sendconn_parsing", verified_message, std::vector{type}, false);
  }
#ifdef SENDCONN_BENCH_OPENDKIM
  add("sign_4KB/rsa2048/opendkim", opendkim_signature);
  add("verify_4KB/rsa2048/opendkim_parsing", opendkim_verification);
#endif
  add("sign_4KB/both/sendconn", signed_message, std::vector{KeyType::rsa, KeyType::ed25519});
  for (const auto& [name, body] : bodies()) {
    add("body_1MB/" + name + "/bare", bare_body, body);
    add("body_1MB/" + name + "/simple", canonical_body, body, dkim::Canonicalization::simple);
    add("body_1MB/" + name + "/relaxed", canonical_body, body, dkim::Canonicalization::relaxed);
  }
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  register_all();
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
