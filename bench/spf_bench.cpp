// SPF beside libspf2, both with their answers at hand in memory: the time for a verdict, and our allocations for it.
// bench/run_auth runs it beside the Rust crates and prints the ratios; alone:
//
//   ninja -C build bench/spf-bench && build/bench/spf-bench --benchmark_repetitions=5
//
// libspf2 keeps no parsed records between checks; ours runs with such a cache and without. Its answers come from its
// own zone layer, ours from a hash map by name and type.
#include <benchmark/benchmark.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <string>

extern "C" {
#include <spf2/spf.h>
#include <spf2/spf_dns_zone.h>
}

#include <sendconn/spf.hpp>

#include "bench/cases.hpp"
#include "tests/heap/heap.hpp"

namespace {

using namespace sendconn;
using bench::Scenario;
using dns::RecordType;

spf::Verdict verdict_of(spf::Check& check, const bench::Answers& answers, const IpAddress& address) {
  check.start({address, bench::helo, bench::sender, spf::Identity::mail_from, UnixTime{}});
  while (!check.done()) {
    const dns::Question* question = check.next_question();
    check.answer(*question, answers.lookup(*question));
  }
  return check.verdict();
}

void ours(benchmark::State& state, const Scenario& scenario, bool cached) {
  const bench::Answers answers(scenario.zone);
  spf::Options options;
  options.explanation = false;
  if (cached) options.records = std::make_shared<spf::RecordCache>();
  const auto check = spf::make_check(options);
  const IpAddress address = IpAddress::parse(bench::client).value();
  verdict_of(*check, answers, address);
  const long before = test::heap_allocations();
  for (auto round : state) {
    static_cast<void>(round);
    if (verdict_of(*check, answers, address) != spf::Verdict::pass) state.SkipWithError("not a pass");
  }
  state.counters["allocations"] =
      benchmark::Counter(static_cast<double>(test::heap_allocations() - before), benchmark::Counter::kAvgIterations);
}

void libspf2(benchmark::State& state, const Scenario& scenario) {
  SPF_dns_server_t* zone = SPF_dns_zone_new(nullptr, "bench", 0);
  for (const bench::ZoneRecord& record : scenario.zone) {
    const ns_type type = record.type == RecordType::a ? ns_t_a : record.type == RecordType::mx ? ns_t_mx : ns_t_txt;
    SPF_dns_zone_add_str(zone, record.name.c_str(), type, NETDB_SUCCESS, record.text.c_str());
  }
  SPF_server_t* server = SPF_server_new_dns(zone, 0);
  SPF_server_set_rec_dom(server, bench::receiver);
  for (auto round : state) {
    static_cast<void>(round);
    SPF_request_t* request = SPF_request_new(server);
    SPF_request_set_ipv4_str(request, bench::client);
    SPF_request_set_helo_dom(request, bench::helo);
    SPF_request_set_env_from(request, bench::sender);
    SPF_response_t* response = nullptr;
    SPF_request_query_mailfrom(request, &response);
    if (SPF_response_result(response) != SPF_RESULT_PASS) state.SkipWithError("not a pass");
    SPF_response_free(response);
    SPF_request_free(request);
  }
  SPF_server_free(server);
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  for (const Scenario& scenario : bench::spf_scenarios()) {
    const std::string name = "spf/" + scenario.name;
    benchmark::RegisterBenchmark((name + "/sendconn").c_str(), ours, scenario, true);
    benchmark::RegisterBenchmark((name + "/sendconn_parsing").c_str(), ours, scenario, false);
    benchmark::RegisterBenchmark((name + "/libspf2_parsing").c_str(), libspf2, scenario);
  }
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
