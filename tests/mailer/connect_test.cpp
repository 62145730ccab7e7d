// Finding a host and racing its addresses: what does not answer must cost little.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

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

/// A name server that gives every name of "example" the address 127.0.0.1 and knows no other.
class TinyDns {
 public:
  TinyDns() : socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in own{};
    own.sin_family = AF_INET;
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof own;
    auto* generic = reinterpret_cast<sockaddr*>(&own);
    EXPECT_EQ(::bind(socket_, generic, size), 0);
    EXPECT_EQ(::getsockname(socket_, generic, &size), 0);
    port_ = ntohs(own.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  TinyDns(const TinyDns&) = delete;
  TinyDns& operator=(const TinyDns&) = delete;
  ~TinyDns() {
    ::shutdown(socket_, SHUT_RDWR);
    thread_.join();
    ::close(socket_);
  }
  [[nodiscard]] std::vector<std::string> servers() const { return {"127.0.0.1:" + std::to_string(port_)}; }

 private:
  void serve() const {
    while (true) {
      std::string query(512, '\0');
      sockaddr_in from{};
      socklen_t size = sizeof from;
      auto* generic = reinterpret_cast<sockaddr*>(&from);
      const ssize_t count = ::recvfrom(socket_, query.data(), query.size(), 0, generic, &size);
      if (count < 12) return;
      query.resize(static_cast<std::size_t>(count));
      const std::string reply = answer(query);
      static_cast<void>(::sendto(socket_, reply.data(), reply.size(), 0, generic, size));
    }
  }

  /// RFC 1035 section 4.1: the question again, and a record that points at its name.
  static std::string answer(const std::string& query) {
    using namespace std::string_literals;
    const std::size_t end = query.find('\0', 12) + 5;
    const std::string question = query.substr(12, end - 12);
    const bool known = question.find("\7example\0"s) != std::string::npos;
    const bool is_a = question.substr(question.size() - 4, 2) == "\0\1"s;
    std::string reply = query.substr(0, 2) + (known ? "\x81\x80"s : "\x81\x83"s) + "\0\1"s;
    reply += (known && is_a ? "\0\1"s : "\0\0"s) + "\0\0\0\0"s + question;
    if (known && is_a) reply += "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x7f\0\0\1"s;
    return reply;
  }

  int socket_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

TEST(LookUpHost, AsksTheDns) {
  const TinyDns dns;
  Patience time = patience(seconds(10));
  const auto found = look_up_host("mail.example", dns.servers(), time);
  ASSERT_TRUE(found.ok()) << found.error().text;
  EXPECT_EQ(*found, std::vector<IpAddress>{ip("127.0.0.1")});
  const auto unknown = look_up_host("mail.invalid.", dns.servers(), time);
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.error().code, Errc::not_found);
}

TEST(Mailer, SendsToAHostByItsName) {
  const TinyDns dns;
  test::ScriptedServer server({[](test::Peer& peer) {
    peer.greet();
    peer.take_message();
    peer.take_quit();
  }});
  MailerOptions options = server.options();
  options.host = "mail.example";
  options.dns_servers = dns.servers();
  auto mailer = Mailer::create(options);
  ASSERT_TRUE(mailer.ok());
  const auto report = mailer->send_octets(test::small_message, test::envelope());
  EXPECT_TRUE(report.ok() && report->all_accepted()) << (report ? report->reply.text : report.error().text);
  options.host = "mail.invalid.";
  mailer = Mailer::create(options);
  ASSERT_TRUE(mailer.ok());
  const auto lost = mailer->send_octets(test::small_message, test::envelope());
  ASSERT_TRUE(lost.ok());
  EXPECT_EQ(lost->failed_at, MailStage::lookup);
  EXPECT_EQ(lost->reply.text, "cannot find the host mail.invalid.: it has no address");
}

/// The address that this machine would use to reach others; 0.0.0.0 if it reaches none.
IpAddress outer_address() {
  const TcpSocket probe(::socket(AF_INET, SOCK_DGRAM, 0));
  sockaddr_in other{};
  other.sin_family = AF_INET;
  other.sin_port = htons(9);
  EXPECT_EQ(::inet_pton(AF_INET, "192.0.2.1", &other.sin_addr), 1);
  if (::connect(probe.descriptor(), reinterpret_cast<sockaddr*>(&other), sizeof other) != 0) return {};
  return probe.local_address();
}

TEST(Mailer, SendsNothingInTheClearBeyondThisMachine) {
  const IpAddress outer = outer_address();
  if (outer.is_unspecified() || outer.is_loopback()) GTEST_SKIP() << "this machine has no address but loopback";
  const std::string text = outer.format();
  const Listener listener(text.c_str(), 0, false);
  MailerOptions options;
  options.host = text;
  options.port = listener.port();
  options.tls = smtp::TlsMode::off;
  options.command_timeout = seconds(1);
  auto mailer = Mailer::create(options);
  ASSERT_TRUE(mailer.ok());
  auto report = mailer->send_octets(test::small_message, test::envelope());
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->failed_at, MailStage::tls);
  EXPECT_EQ(report->recipients.front().fate, MailFate::permanent);
  EXPECT_THAT(report->reply.text, HasSubstr("in the clear"));
  options.cleartext_beyond_loopback = true;
  mailer = Mailer::create(options);
  ASSERT_TRUE(mailer.ok());
  report = mailer->send_octets(test::small_message, test::envelope());
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->failed_at, MailStage::greeting) << "it went on to talk to a listener that says nothing";
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
