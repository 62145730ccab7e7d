// Finding a host and racing its addresses: what does not answer must cost little.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/io/tcp_socket.hpp"
#include "tests/mailer/scripted_server.hpp"

namespace sendconn::io {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

IpAddress ip(std::string_view text) { return *IpAddress::parse(text); }

/// A listener on an address of 127.0.0.0/8; with `full`, one that answers nobody, since its queue is full.
class Listener {
 public:
  Listener(const char* address, std::uint16_t port, bool full) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in own{};
    own.sin_family = AF_INET;
    own.sin_port = htons(port);
    EXPECT_EQ(::inet_pton(AF_INET, address, &own.sin_addr), 1);
    socklen_t size = sizeof own;
    auto* generic = reinterpret_cast<sockaddr*>(&own);
    EXPECT_EQ(::bind(socket_, generic, size), 0);
    EXPECT_EQ(::listen(socket_, full ? 0 : 8), 0);
    EXPECT_EQ(::getsockname(socket_, generic, &size), 0);
    port_ = ntohs(own.sin_port);
    for (int i = 0; full && i < 4; ++i) {
      fillers_.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
      static_cast<void>(::connect(fillers_.back(), generic, size));
    }
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener() {
    for (const int filler : fillers_) ::close(filler);
    ::close(socket_);
  }
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  int socket_;
  std::uint16_t port_ = 0;
  std::vector<int> fillers_;
};

Patience patience(Duration time, std::function<bool()> is_cancelled = {}) {
  return {now() + time, std::move(is_cancelled), milliseconds(10)};
}

TEST(ConnectAny, GoesOnBesideAnAddressThatDoesNotAnswer) {
  const Listener silent("127.0.0.2", 0, true);
  const Listener good("127.0.0.3", silent.port(), false);
  const Instant start = now();
  Patience time = patience(seconds(10));
  auto connected = connect_any({ip("127.0.0.2"), ip("127.0.0.3")}, silent.port(), time);
  ASSERT_TRUE(connected.ok()) << connected.error().text;
  EXPECT_EQ(connected->address, ip("127.0.0.3"));
  EXPECT_GE(now() - start, connection_attempt_delay);
  EXPECT_LT(now() - start, seconds(5));
}

TEST(ConnectAny, GoesOnAtOnceBehindARefusal) {
  const Listener good("127.0.0.3", 0, false);
  Patience time = patience(seconds(10));
  auto connected = connect_any({ip("::1"), ip("127.0.0.2"), ip("127.0.0.3")}, good.port(), time);
  ASSERT_TRUE(connected.ok()) << connected.error().text;
  EXPECT_EQ(connected->address, ip("127.0.0.3"));
}

TEST(ConnectAny, SaysWhatEachAddressSaid) {
  const Listener taken("127.0.0.3", 0, false);
  Patience time = patience(seconds(10));
  const auto connected = connect_any({ip("127.0.0.2"), ip("127.0.0.4")}, taken.port(), time);
  ASSERT_FALSE(connected.ok());
  EXPECT_EQ(connected.error().code, Errc::io);
  EXPECT_EQ(connected.error().text, "127.0.0.2: Connection refused; 127.0.0.4: Connection refused");
  EXPECT_FALSE(connect_any({}, 25, time).ok());
}

TEST(ConnectAny, EndsAtItsDeadlineAndWhenCancelled) {
  const Listener silent("127.0.0.2", 0, true);
  Patience brief = patience(milliseconds(100));
  auto connected = connect_any({ip("127.0.0.2")}, silent.port(), brief);
  ASSERT_FALSE(connected.ok());
  EXPECT_EQ(connected.error().text, "127.0.0.2: no answer in time");
  EXPECT_FALSE(brief.was_cancelled());
  Patience cancelled = patience(seconds(60), [asked = 0]() mutable { return ++asked > 3; });
  EXPECT_FALSE(connect_any({ip("127.0.0.2")}, silent.port(), cancelled).ok());
  EXPECT_TRUE(cancelled.was_cancelled());
}

TEST(LookUpHost, KnowsAddressesAndThisMachine) {
  Patience time = patience(seconds(10));
  EXPECT_EQ(*look_up_host("192.0.2.1", {}, time), std::vector<IpAddress>{ip("192.0.2.1")});
  EXPECT_EQ(*look_up_host("2001:db8::1", {}, time), std::vector<IpAddress>{ip("2001:db8::1")});
  EXPECT_EQ(*look_up_host("LocalHost", {}, time), (std::vector<IpAddress>{ip("::1"), ip("127.0.0.1")}));
}

TEST(LookUpHost, DoesNotWaitForADnsThatIsSilent) {
  const int silent = ::socket(AF_INET, SOCK_DGRAM, 0);
  sockaddr_in own{};
  own.sin_family = AF_INET;
  own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof own;
  ASSERT_EQ(::bind(silent, reinterpret_cast<sockaddr*>(&own), size), 0);
  ASSERT_EQ(::getsockname(silent, reinterpret_cast<sockaddr*>(&own), &size), 0);
  const std::vector<std::string> servers = {"127.0.0.1:" + std::to_string(ntohs(own.sin_port))};
  const Instant start = now();
  Patience brief = patience(milliseconds(200));
  const auto found = look_up_host("mail.example.org", servers, brief);
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().text, "the DNS did not answer in time");
  Patience cancelled = patience(seconds(60), [asked = 0]() mutable { return ++asked > 3; });
  EXPECT_FALSE(look_up_host("mail.example.org", servers, cancelled).ok());
  EXPECT_TRUE(cancelled.was_cancelled());
  EXPECT_LT(now() - start, seconds(5));
  ::close(silent);
}

TEST(LookUpHost, RefusesServersThatAreNone) {
  Patience time = patience(seconds(1));
  EXPECT_EQ(look_up_host("mail.example.org", {"nonsense"}, time).error().code, Errc::invalid_argument);
}

TEST(Mailer, TellsThatNobodyAnswers) {
  std::uint16_t port = 0;
  { port = Listener("127.0.0.1", 0, false).port(); }
  MailerOptions options;
  options.host = "localhost";
  options.port = port;
  options.tls = smtp::TlsMode::off;
  auto mailer = Mailer::create(options);
  ASSERT_TRUE(mailer.ok());
  const auto report = mailer->send_octets(test::small_message, test::envelope());
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->failed_at, MailStage::connect);
  EXPECT_THAT(report->reply.text, HasSubstr("cannot connect to localhost port " + std::to_string(port)));
  EXPECT_THAT(report->reply.text, HasSubstr("127.0.0.1: Connection refused"));
}

}  // namespace
}  // namespace sendconn::io
