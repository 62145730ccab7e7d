// The C++ side of bench/python/run: the calls whose price from Python is measured, made from C++ with the same data.
//
//   python-bench FOLDER SECONDS NAME...  FOLDER holds what bench/python/run wrote; each figure is the best of its
//   rounds
//
// Prints one line for each call: its name, and nanoseconds by the wall clock.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include <sendconn/sendconn.hpp>

namespace {

using namespace sendconn;

std::string read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// What is asked for, and for how long each.
struct Wanted {
  std::vector<std::string> names;
  double seconds;
};

void measure(const std::string& name, const Wanted& wanted, const std::function<void()>& call) {
  if (std::find(wanted.names.begin(), wanted.names.end(), name) == wanted.names.end()) return;
  using Clock = std::chrono::steady_clock;
  constexpr int calls = 4;
  double best = std::numeric_limits<double>::max();
  const auto end =
      Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(wanted.seconds));
  while (Clock::now() < end) {
    const auto start = Clock::now();
    for (int i = 0; i != calls; ++i) call();
    best = std::min(best, std::chrono::duration<double, std::nano>(Clock::now() - start).count() / calls);
  }
  std::printf("%s %.0f\n", name.c_str(), best);
}

UnixTime now() { return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()); }

}  // namespace

int main(int count, char** arguments) {
  if (count < 4) {
    std::fprintf(stderr, "python-bench: FOLDER SECONDS NAME...\n");
    return 2;
  }
  const std::string folder = arguments[1];
  const Wanted wanted{{arguments + 3, arguments + count}, std::atof(arguments[2])};
  const std::string message = read(folder + "/message.eml");
  const Domain domain = Domain::parse("example.org").value();
  const dns::Zone zone = dns::Zone::parse(read(folder + "/zone")).value();

  for (const std::string type : {"rsa", "ed25519"}) {
    const auto key = std::make_shared<const crypto::PrivateKey>(
        crypto::PrivateKey::from_pem(read(folder + "/" + type + ".pem")).value());
    const dkim::Selector selector = dkim::Selector::parse(type).value();
    measure("sign_" + type, wanted, [&] {
      dkim::SignerOptions options;
      options.now = now();
      dkim::Signer signer = dkim::Signer::create({{domain, selector, key, {}}}, options).value();
      if (!signer.update(message) || !signer.finish()) std::abort();
    });
    const std::string whole = read(folder + "/" + type + ".eml");
    measure("verify_" + type, wanted, [&] {
      dkim::VerifyOptions options;
      options.now = now();
      dkim::Verifier verifier(options);
      if (!verifier.update(whole) || !verifier.finish()) std::abort();
      for (const dns::Question& question : verifier.questions()) verifier.answer(question, zone.lookup(question));
      if (verifier.results().at(0).verdict != dkim::Verdict::pass) std::abort();
    });
  }

  const IpAddress client = IpAddress::parse("203.0.113.9").value();
  measure("spf", wanted, [&] {
    const std::unique_ptr<spf::Check> check = spf::make_check();
    check->start({client, "mail.example.org", "joe@example.org", spf::Identity::mail_from, now()});
    while (const dns::Question* question = check->next_question()) check->answer(*question, zone.lookup(*question));
    if (check->outcome().verdict != spf::Verdict::pass) std::abort();
  });
  return 0;
}
