// A log whose disk fills: lines are lost and counted, and nothing else happens.
#include "relay/log/log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "tests/relay/full_disk.hpp"
#include "tests/relay/spool_fixture.hpp"

namespace sendconn::relay {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

std::string read_file(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

class LogTest : public ::testing::TestWithParam<bool> {
 protected:
  [[nodiscard]] std::unique_ptr<Log> open() const { return std::move(*Log::open({GetParam(), "info", path_})); }

  testing::TemporaryFolder folder_;
  std::string path_ = folder_.path("relay.log");
};

TEST_P(LogTest, a_full_disk_costs_lines_and_says_so_once_there_is_room) {
  const auto log = open();
  {
    const testing::FullDisk full(100);
    log->info("first", {{"text", std::string(80, 'x')}});
    log->flush();  // writes a part of it
    for (int i = 0; i < 200; ++i) log->info("more", {{"text", std::string(100, 'x')}});
    log->warn("at-once", {});
    log->reopen();
    log->flush();
  }
  log->info("last", {{"number", std::uint64_t{1}}});
  log->flush();
  const std::string text = read_file(path_);
  EXPECT_THAT(text, Not(HasSubstr("at-once")));
  EXPECT_THAT(text, ContainsRegex("\n[^\n]*log-lost[^\n]*lines\"?[=:]202[^0-9][^\n]*\n[^\n]*last[^\n]*\n$"));
  log->info("fine", {});
  log->flush();
  EXPECT_THAT(read_file(path_).substr(text.size()), Not(HasSubstr("log-lost")));
}

TEST_P(LogTest, a_device_without_room_ends_nothing) {
  path_ = "/dev/full";
  const auto log = open();
  for (int i = 0; i < 1000; ++i) log->warn("event", {});
  log->flush();
}

INSTANTIATE_TEST_SUITE_P(TextAndJson, LogTest, ::testing::Bool());

}  // namespace
}  // namespace sendconn::relay
