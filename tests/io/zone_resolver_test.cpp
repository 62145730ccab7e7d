// The zone resolver: a file that changes, goes, and comes back broken.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include <sendconn/resolver.hpp>

namespace sendconn::io {
namespace {

using ::testing::HasSubstr;

class ZoneFile {
 public:
  ZoneFile() : path_(std::filesystem::temp_directory_path() / ("sendconn-zone-" + std::to_string(::getpid()))) {}
  ~ZoneFile() { std::filesystem::remove(path_); }
  void write(std::string_view text) const { std::ofstream(path_, std::ios::trunc) << text; }
  void remove() const { std::filesystem::remove(path_); }
  [[nodiscard]] std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

dns::Answer ask(Resolver& resolver, const std::string& name) {
  dns::Answer out;
  int calls = 0;
  resolver.resolve({name, dns::RecordType::txt}, [&](const dns::Answer& answer) {
    out = answer;
    ++calls;
  });
  EXPECT_EQ(calls, 1) << "answers inside resolve()";
  return out;
}

TEST(ZoneResolver, SeesARecordPublishedWhileItRuns) {
  const ZoneFile file;
  file.write("a TXT \"one\"\n");
  auto resolver = open_zone_resolver(file.path());
  ASSERT_TRUE(resolver.ok()) << resolver.error().text;
  EXPECT_EQ(ask(**resolver, "a").records.at(0).text, "one");
  EXPECT_EQ(ask(**resolver, "b").status, dns::Status::no_such_name);
  for (int i = 0; i < 20; ++i) {  // the same size each time, as fast as the clock of the file system may miss
    file.write("a TXT \"" + std::to_string(100 + i) + "\"\n");
    EXPECT_EQ(ask(**resolver, "a").records.at(0).text, std::to_string(100 + i));
  }
}

TEST(ZoneResolver, TakesALostOrBrokenFileForAFailureAndNotForAnAbsentRecord) {
  const ZoneFile file;
  file.write("a TXT \"one\"\n");
  std::vector<std::string> problems;
  auto resolver = open_zone_resolver(file.path(), [&](const Error& error) { problems.push_back(error.text); });
  ASSERT_TRUE(resolver.ok());

  file.remove();
  EXPECT_EQ(ask(**resolver, "a").status, dns::Status::server_failure);
  EXPECT_EQ(ask(**resolver, "b").status, dns::Status::server_failure);
  ASSERT_EQ(problems.size(), 1U) << "said once, not for each question";
  EXPECT_THAT(problems[0], HasSubstr("cannot read the zone file"));

  file.write("a TXT \"two\"\nb NONSENSE\n");
  EXPECT_EQ(ask(**resolver, "a").status, dns::Status::server_failure);
  EXPECT_EQ(ask(**resolver, "a").status, dns::Status::server_failure);
  ASSERT_EQ(problems.size(), 2U);
  EXPECT_THAT(problems[1], HasSubstr("line 2: \"NONSENSE\""));

  file.write("a TXT \"three\"\n");
  EXPECT_EQ(ask(**resolver, "a").records.at(0).text, "three");
  EXPECT_EQ(problems.size(), 2U);
}

TEST(ZoneResolver, RefusesToStartWithoutAFileOrWithABrokenOne) {
  const ZoneFile file;
  EXPECT_EQ(open_zone_resolver(file.path()).error().code, Errc::io);
  EXPECT_EQ(open_zone_resolver("/").error().code, Errc::io);
  file.write("a TXT\n");
  const auto broken = open_zone_resolver(file.path());
  EXPECT_EQ(broken.error().code, Errc::syntax);
  EXPECT_THAT(broken.error().text, HasSubstr(file.path() + ", line 1: TXT requires"));
}

}  // namespace
}  // namespace sendconn::io
