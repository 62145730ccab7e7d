// Every function of the C interface with wrong arguments and without memory: tests/capi/trial.hpp says how.
#include <gtest/gtest.h>
#include <pthread.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <thread>

#include "tests/capi/scenarios.hpp"

namespace sendconn::test {
namespace {

/// So many are made to fail one after the other; of those behind them, in the rounds of PBKDF2 and of prime numbers,
/// each one in `stride`, unless SENDCONN_EVERY_ALLOCATION is set, which takes minutes.
constexpr long first_allocations = 300;
constexpr long stride = 97;

/// More allocations than any call makes that is tried here; without a bound a call that never ends would not be
/// noticed.
constexpr long most_allocations = 200'000;

std::vector<NamedScenario> all_scenarios() {
  std::vector<NamedScenario> all = value_scenarios();
  for (const auto& more : {check_scenarios(), session_scenarios(), mailer_scenarios()})
    all.insert(all.end(), more.begin(), more.end());
  return all;
}

long step_behind(long allocation) {
  static const bool every = std::getenv("SENDCONN_EVERY_ALLOCATION") != nullptr;
  return every || allocation < first_allocations ? 1 : stride;
}

Trial run(Scenario scenario, int tried, long failing) {
  Trial trial(tried, failing);
  try {
    scenario(trial);
  } catch (const Stop&) {
    heal_heap();
  }
  return trial;
}

class Calls : public testing::TestWithParam<NamedScenario> {};

TEST_P(Calls, survive_wrong_arguments_and_each_failing_allocation) {
  const Scenario scenario = GetParam().run;
  const int calls = run(scenario, -1, -1).calls();
  run(scenario, -1, -1);  // what is made once for the process is there now
  for (int tried = 0; tried < calls; ++tried) {
    long failing = 0;
    for (; failing < most_allocations; failing += step_behind(failing)) {
      const long before = live_blocks();
      const Trial trial = run(scenario, tried, failing);
      if (live_blocks() != before) {  // unless a cache grew: then it does so once
        const long again = live_blocks();
        run(scenario, tried, failing);
        ASSERT_EQ(live_blocks(), again) << trial.name() << " leaks when allocation " << failing << " fails";
      }
      if (HasFailure()) {
        std::cout << "in the call of " << trial.name() << ", allocation " << failing << "\n";
        return;
      }
      if (!trial.failed()) {
        std::cout << trial.name() << ": " << failing << " allocations\n";
        break;
      }
    }
    ASSERT_LT(failing, most_allocations);
  }
}

TEST_P(Calls, survive_without_any_memory) {
  const Scenario scenario = GetParam().run;
  const int calls = run(scenario, -1, -1).calls();
  for (int tried = 0; tried < calls; ++tried) {
    Trial trial(tried, 0);
    trial.fail_for_good();
    try {
      scenario(trial);
    } catch (const Stop&) {
      heal_heap();
    }
  }
}

/// pthread_cancel() unwinds, which would end the process in a function of C; so it has to wait.
TEST_P(Calls, survive_a_thread_that_is_cancelled) {
  Scenario scenario = GetParam().run;
  std::thread([scenario] {
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, nullptr);
    pthread_cancel(pthread_self());
    Trial trial(-1, -1);
    trial.cancel();
    try {
      scenario(trial);
    } catch (const Stop&) {
      ADD_FAILURE() << "a call failed, see above";
    }
  }).join();
}

INSTANTIATE_TEST_SUITE_P(All, Calls, testing::ValuesIn(all_scenarios()),
                         [](const auto& named) { return std::string(named.param.name); });

TEST(CallsClock, overflows_nothing_at_the_end_of_time) {
  for (const std::int64_t now : {INT64_MIN, INT64_MIN + 1, INT64_MAX - 1, INT64_MAX}) {
    sendconn_smtp_server_options options = SENDCONN_SMTP_SERVER_OPTIONS_INIT;
    options.hostname = "mx.example";
    options.hostname_len = SENDCONN_NUL;
    options.command_timeout = UINT32_MAX;
    Handle<sendconn_smtp_server, sendconn_smtp_server_free> server;
    ASSERT_EQ(sendconn_smtp_server_new(server.out(), &options, now, nullptr), SENDCONN_OK);
    sendconn_smtp_event event = SENDCONN_SMTP_EVENT_INIT;
    ASSERT_EQ(sendconn_smtp_server_next_event(&event, server.get(), nullptr), SENDCONN_OK);
    ASSERT_EQ(sendconn_smtp_server_reply(server.get(), 220, nullptr, 0, nullptr, 0, now, nullptr), SENDCONN_OK);
    EXPECT_GT(sendconn_smtp_server_next_deadline(server.get()), now < 0 ? now : 0);
    ASSERT_EQ(sendconn_smtp_server_on_time(server.get(), now, nullptr), SENDCONN_OK);
    ASSERT_EQ(sendconn_smtp_server_next_event(&event, server.get(), nullptr), SENDCONN_OK);
    EXPECT_EQ(event.type, SENDCONN_SMTP_NEED_INPUT);  // its time is not over
  }
}

TEST(CallsList, names_every_function_of_the_interface) {
  for (const NamedScenario& scenario : all_scenarios()) run(scenario.run, -1, -1);
  std::ifstream file(SENDCONN_SYMBOLS);
  std::size_t count = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line.starts_with('#')) continue;
    EXPECT_TRUE(Trial::names().contains(line)) << line << " is called by no scenario";
    ++count;
  }
  EXPECT_EQ(count, Trial::names().size());
}

}  // namespace
}  // namespace sendconn::test
