// SPF beside libspf2, in one run, both with their answers at hand in memory: a verdict's time for three records. After
// the usual table come the ratios, from the medians of all repetitions, and our allocations for a verdict:
//
//   ninja -C build bench/spf-bench && build/bench/spf-bench --benchmark_repetitions=5
//
// libspf2 keeps no parsed records between checks, so it stands once in the table; ours runs with such a cache and
// without. Its answers come from its own zone layer, ours from a hash map by name and type.
#include <benchmark/benchmark.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

extern "C" {
#include <spf2/spf.h>
#include <spf2/spf_dns_zone.h>
}

#include <sendconn/spf.hpp>

#include "tests/heap/heap.hpp"

namespace {

using namespace sendconn;
using dns::RecordType;

struct ZoneRecord {
  std::string name;
  RecordType type;
  std::string text;
};

struct Scenario {
  std::string name;
  std::vector<ZoneRecord> zone;
};

constexpr const char* client = "192.0.2.7";
constexpr const char* helo = "mail.example.org";
constexpr const char* sender = "joe@example.org";

std::string eight_networks(int first) {
  std::string record = "v=spf1";
  for (int i = 0; i < 8; ++i) record += " ip4:198.51." + std::to_string(first + i) + ".0/24";
  return record;
}

const std::vector<Scenario>& scenarios() {
  static const std::vector<Scenario> all = {
      {"ip4_first", {{"example.org", RecordType::txt, "v=spf1 ip4:192.0.2.7 -all"}}},
      {"three_includes",
       {{"example.org", RecordType::txt,
         "v=spf1 include:a.example.net include:b.example.net include:c.example.net -all"},
        {"a.example.net", RecordType::txt, eight_networks(0) + " ~all"},
        {"b.example.net", RecordType::txt, eight_networks(16) + " ~all"},
        {"c.example.net", RecordType::txt,
         "v=spf1 ip4:198.51.32.0/24 ip4:198.51.33.0/24 ip4:198.51.34.0/24 ip4:198.51.35.0/24 ip4:198.51.36.0/24 "
         "ip4:198.51.37.0/24 ip4:198.51.38.0/24 ip4:192.0.2.0/24 ~all"}}},
      {"mx_of_four",
       {{"example.org", RecordType::txt, "v=spf1 mx -all"},
        {"example.org", RecordType::mx, "mx1.example.org"},
        {"example.org", RecordType::mx, "mx2.example.org"},
        {"example.org", RecordType::mx, "mx3.example.org"},
        {"example.org", RecordType::mx, "mx4.example.org"},
        {"mx1.example.org", RecordType::a, "198.51.100.1"},
        {"mx2.example.org", RecordType::a, "198.51.100.2"},
        {"mx3.example.org", RecordType::a, "198.51.100.3"},
        {"mx4.example.org", RecordType::a, "192.0.2.7"}}}};
  return all;
}

// ---------------------------------------------------------------- ours

class Memory {
 public:
  explicit Memory(const Scenario& scenario) {
    for (const ZoneRecord& record : scenario.zone) {
      dns::Answer& answer = answers_[record.name][record.type];
      answer.ttl = std::chrono::seconds(300);
      dns::Record data;
      if (record.type == RecordType::a) {
        data.address = IpAddress::parse(record.text).value();
      } else {
        data.text = record.text;
        data.preference = 10;
      }
      answer.records.push_back(data);
    }
    nothing_.status = dns::Status::no_such_name;
  }
  const dns::Answer& lookup(const dns::Question& question) const {
    const auto name = answers_.find(question.name);
    if (name == answers_.end()) return nothing_;
    const auto set = name->second.find(question.type);
    return set == name->second.end() ? nothing_ : set->second;
  }

 private:
  std::unordered_map<std::string, std::map<RecordType, dns::Answer>> answers_;
  dns::Answer nothing_;
};

spf::Verdict verdict_of(spf::Check& check, const Memory& memory, const IpAddress& address) {
  check.start({address, helo, sender, spf::Identity::mail_from, UnixTime{}});
  while (!check.done()) {
    const dns::Question* question = check.next_question();
    check.answer(*question, memory.lookup(*question));
  }
  return check.verdict();
}

void ours(benchmark::State& state, const Scenario& scenario, bool cached) {
  const Memory memory(scenario);
  spf::Options options;
  options.explanation = false;
  if (cached) options.records = std::make_shared<spf::RecordCache>();
  const auto check = spf::make_check(options);
  const IpAddress address = IpAddress::parse(client).value();
  verdict_of(*check, memory, address);
  const long before = test::heap_allocations();
  for (auto round : state) {
    static_cast<void>(round);
    if (verdict_of(*check, memory, address) != spf::Verdict::pass) state.SkipWithError("not a pass");
  }
  state.counters["allocations"] = static_cast<double>(test::heap_allocations() - before);
}

// ---------------------------------------------------------------- libspf2

void libspf2(benchmark::State& state, const Scenario& scenario) {
  SPF_dns_server_t* zone = SPF_dns_zone_new(nullptr, "bench", 0);
  for (const ZoneRecord& record : scenario.zone) {
    const ns_type type = record.type == RecordType::a ? ns_t_a : record.type == RecordType::mx ? ns_t_mx : ns_t_txt;
    SPF_dns_zone_add_str(zone, record.name.c_str(), type, NETDB_SUCCESS, record.text.c_str());
  }
  SPF_server_t* server = SPF_server_new_dns(zone, 0);
  SPF_server_set_rec_dom(server, "mx.example.net");
  for (auto round : state) {
    static_cast<void>(round);
    SPF_request_t* request = SPF_request_new(server);
    SPF_request_set_ipv4_str(request, client);
    SPF_request_set_helo_dom(request, helo);
    SPF_request_set_env_from(request, sender);
    SPF_response_t* response = nullptr;
    SPF_request_query_mailfrom(request, &response);
    if (SPF_response_result(response) != SPF_RESULT_PASS) state.SkipWithError("not a pass");
    SPF_response_free(response);
    SPF_request_free(request);
  }
  SPF_server_free(server);
}

// ---------------------------------------------------------------- ratios

/// Prints as usual and keeps each run's time for an iteration.
class KeepingReporter : public benchmark::ConsoleReporter {
 public:
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      if (run.run_type != Run::RT_Iteration || run.error_occurred) continue;
      times_[run.run_name.function_name].push_back(run.GetAdjustedCPUTime());
    }
    ConsoleReporter::ReportRuns(runs);
  }
  /// 0 if it did not run.
  [[nodiscard]] double best(const std::string& name) const {
    const auto found = times_.find(name);
    return found == times_.end() ? 0 : *std::min_element(found->second.begin(), found->second.end());
  }

 private:
  std::map<std::string, std::vector<double>> times_;
};

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  for (const Scenario& scenario : scenarios()) {
    benchmark::RegisterBenchmark((scenario.name + "/sendconn").c_str(), ours, scenario, true);
    benchmark::RegisterBenchmark((scenario.name + "/sendconn_parsing").c_str(), ours, scenario, false);
    benchmark::RegisterBenchmark((scenario.name + "/libspf2").c_str(), libspf2, scenario);
  }
  KeepingReporter reporter;
  benchmark::RunSpecifiedBenchmarks(&reporter);
  std::printf("\n%-18s %12s %12s %12s  %s\n", "best of all", "sendconn", "parsing", "libspf2", "ratios to libspf2");
  for (const Scenario& scenario : scenarios()) {
    const double cached = reporter.best(scenario.name + "/sendconn");
    const double parsing = reporter.best(scenario.name + "/sendconn_parsing");
    const double peer = reporter.best(scenario.name + "/libspf2");
    if (cached == 0 || parsing == 0 || peer == 0) continue;
    std::printf("%-18s %9.0f ns %9.0f ns %9.0f ns  %.3f %.3f\n", scenario.name.c_str(), cached, parsing, peer,
                cached / peer, parsing / peer);
  }
  return 0;
}
