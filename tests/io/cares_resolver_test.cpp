// The c-ares resolver as its event loop sees it; what servers answer is tested in tests/programs/test_resolver.py.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <map>

#include <sendconn/resolver.hpp>

namespace sendconn::io {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// A UDP socket on loopback that never answers.
class SilentServer {
 public:
  SilentServer() : socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(socket_, generic, size), 0);
    EXPECT_EQ(::getsockname(socket_, generic, &size), 0);
    port_ = ntohs(address.sin_port);
  }
  ~SilentServer() { ::close(socket_); }
  SilentServer(const SilentServer&) = delete;
  SilentServer& operator=(const SilentServer&) = delete;
  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  int socket_;
  std::uint16_t port_ = 0;
};

class CaresResolverTest : public ::testing::Test {
 protected:
  std::unique_ptr<CaresResolver> open(milliseconds timeout, milliseconds deadline = seconds(20)) {
    CaresOptions options;
    options.servers = {server_.address()};
    options.timeout = timeout;
    options.tries = 1;
    options.deadline = deadline;
    auto resolver = CaresResolver::open(options, [this](const CaresResolver::Watch& watch) {
      if (watch.read || watch.write) {
        ++watched_[watch.socket];
      } else {
        watched_.erase(watch.socket);
      }
    });
    EXPECT_TRUE(resolver.ok());
    return std::move(*resolver);
  }

  /// Waits as told and lets time pass, until `count` answers are there.
  void run(CaresResolver& resolver, const int& answers, int count) {
    while (answers < count) {
      const auto left = resolver.next_timeout();
      ASSERT_TRUE(left) << "nothing under way, and " << count - answers << " answers are missing";
      ::poll(nullptr, 0, static_cast<int>(std::chrono::ceil<milliseconds>(*left).count()));
      resolver.process(-1, -1);
    }
  }

  SilentServer server_;
  std::map<int, int> watched_;
  const dns::Question question_{"example.com", dns::RecordType::txt};
};

TEST_F(CaresResolverTest, RestsWhileNothingIsAsked) {
  const auto resolver = open(seconds(1));
  EXPECT_FALSE(resolver->next_timeout());
  resolver->process(-1, -1);
  EXPECT_TRUE(watched_.empty());
}

TEST_F(CaresResolverTest, CallsNobodyOnceDestroyedAndWatchesNothing) {
  auto resolver = open(seconds(1));
  int answers = 0;
  for (int i = 0; i < 10; ++i) resolver->resolve(question_, [&](const dns::Answer&) { ++answers; });
  EXPECT_FALSE(watched_.empty());
  EXPECT_TRUE(resolver->next_timeout());
  resolver.reset();
  EXPECT_EQ(answers, 0);
  EXPECT_TRUE(watched_.empty());
}

TEST_F(CaresResolverTest, MayBeDestroyedFromInsideAnAnswer) {
  auto resolver = open(milliseconds(50));
  int answers = 0;
  for (int i = 0; i < 5; ++i)
    resolver->resolve(question_, [&](const dns::Answer&) {
      ++answers;
      resolver.reset();
    });
  while (resolver) {
    ::poll(nullptr, 0, 10);
    resolver->process(-1, -1);
  }
  EXPECT_EQ(answers, 1);
  EXPECT_TRUE(watched_.empty());
}

TEST_F(CaresResolverTest, MayBeAskedFromInsideAnAnswer) {
  const auto resolver = open(milliseconds(30));
  int answers = 0;
  resolver->resolve(question_, [&](const dns::Answer& first) {
    EXPECT_EQ(first.status, dns::Status::timeout);
    ++answers;
    resolver->resolve({"a..b", dns::RecordType::a}, [&](const dns::Answer& second) {
      EXPECT_EQ(second.status, dns::Status::no_such_name);
      ++answers;
    });
  });
  run(*resolver, answers, 2);
}

TEST_F(CaresResolverTest, KeepsItsDeadlineWhereCaresWouldWaitLonger) {
  const auto resolver = open(seconds(30), milliseconds(100));
  int answers = 0;
  const auto start = std::chrono::steady_clock::now();
  resolver->resolve(question_, [&](const dns::Answer& answer) {
    EXPECT_EQ(answer.status, dns::Status::timeout);
    ++answers;
  });
  run(*resolver, answers, 1);
  const auto taken = std::chrono::steady_clock::now() - start;
  EXPECT_GE(taken, milliseconds(100));
  EXPECT_LT(taken, seconds(10));
  resolver->process(-1, -1);
  EXPECT_EQ(answers, 1) << "once";
}

TEST_F(CaresResolverTest, RefusesOptionsOutOfRange) {
  const auto opens = [this](auto&& change) {
    CaresOptions options;
    options.servers = {server_.address()};
    change(options);
    return CaresResolver::open(options, [](const CaresResolver::Watch&) {}).ok();
  };
  const auto servers = [](std::size_t count) {
    return [count](CaresOptions& options) { options.servers.assign(count, "127.0.0.1:53"); };
  };
  EXPECT_TRUE(opens(servers(16)));
  EXPECT_FALSE(opens(servers(17)));
  for (const auto& [value, good] : {std::pair(0, false), {1, true}, {60'000, true}, {60'001, false}}) {
    const auto set = [value = value](CaresOptions& options) { options.timeout = milliseconds(value); };
    EXPECT_EQ(opens(set), good) << "timeout " << value;
  }
  for (const auto& [value, good] : {std::pair(0, false), {1, true}, {600'000, true}, {600'001, false}}) {
    const auto set = [value = value](CaresOptions& options) { options.deadline = milliseconds(value); };
    EXPECT_EQ(opens(set), good) << "deadline " << value;
  }
  for (const auto& [value, good] : {std::pair(0, false), {1, true}, {10, true}, {11, false}}) {
    const auto set = [value = value](CaresOptions& options) { options.tries = value; };
    EXPECT_EQ(opens(set), good) << "tries " << value;
  }
}

TEST_F(CaresResolverTest, BoundsWhatIsOpen) {
  const auto resolver = open(seconds(30));
  int refused = 0;
  for (std::size_t i = 0; i < CaresResolver::max_open + 3; ++i)
    resolver->resolve(question_, [&](const dns::Answer& answer) {
      EXPECT_EQ(answer.status, dns::Status::server_failure);
      ++refused;
    });
  EXPECT_EQ(refused, 3);
}

}  // namespace
}  // namespace sendconn::io
