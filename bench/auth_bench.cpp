// The verdict on a whole message from cached answers: SPF for both identities, three signatures and DMARC, beside one
// bare RSA-2048 verification. bench/run_auth runs it beside mail-auth and prints the ratios; alone:
//
//   ninja -C build bench/auth-bench && build/bench/auth-bench --benchmark_repetitions=5
//
// `auth-bench --cases DIR` writes what is measured here and in the other benchmarks, for programs that link nothing of
// ours.
#include <benchmark/benchmark.h>

#include <string>
#include <string_view>

#include <sendconn/authenticate.hpp>

#include "bench/bare.hpp"
#include "bench/cases.hpp"

namespace {

using namespace sendconn;

void bare_verification(benchmark::State& state) {
  bench::Bare bare(crypto::KeyType::rsa);
  const crypto::Sha256 digest = crypto::sha256("x");
  if (!bare.sign(digest)) state.SkipWithError("OpenSSL refuses to sign");
  for (auto round : state) {
    static_cast<void>(round);
    if (!bare.verify(digest)) state.SkipWithError("OpenSSL refuses its own signature");
  }
}

bool passes(const authenticate::Results& results) {
  if (results.spf.verdict != spf::Verdict::pass || results.dmarc.verdict != dmarc::Verdict::pass) return false;
  for (const dkim::SignatureResult& signature : results.dkim)
    if (signature.verdict != dkim::Verdict::pass) return false;
  return results.dkim.size() == 3;
}

/// `cached`: parsed records and decoded keys are kept, else they are made anew for each message.
void verdict(benchmark::State& state, const std::vector<bench::Signer>& signers, bool cached) {
  const std::string text = bench::sign_message(signers);
  const bench::Answers answers(bench::verdict_zone());
  authenticate::Options options;
  if (cached) {
    options.spf.records = std::make_shared<spf::RecordCache>();
    options.keys = std::make_shared<dkim::KeyCache>();
  }
  const IpAddress client = IpAddress::parse(bench::client).value();
  for (auto round : state) {
    static_cast<void>(round);
    authenticate::Check check({client, bench::helo, bench::sender, bench::received_at}, options);
    check.update(text);
    check.finish();
    while (!check.done())
      for (const dns::Question& question : check.questions()) check.answer(question, answers.lookup(question));
    if (!passes(check.results())) state.SkipWithError("not a pass");
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::string_view(argv[1]) == "--cases") return bench::write_cases(argv[2]) ? 0 : 1;
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RegisterBenchmark("verdict/bare_verify", bare_verification);
  for (const auto& [name, signers] : bench::verdict_messages()) {
    benchmark::RegisterBenchmark(("verdict/" + name + "/sendconn").c_str(), verdict, signers, true);
    benchmark::RegisterBenchmark(("verdict/" + name + "/sendconn_parsing").c_str(), verdict, signers, false);
  }
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
