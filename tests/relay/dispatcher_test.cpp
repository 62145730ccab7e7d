// The schedule of what is tried again, from the spool to the next try.
#include "relay/delivery/dispatcher.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "relay/delivery/queue.hpp"
#include "tests/relay/spool_fixture.hpp"

namespace sendconn::relay {
namespace {

UnixTime wall_clock() { return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()); }

/// A server that takes connections and never says a word.
class SilentServer {
 public:
  SilentServer() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(socket_, generic, size), 0);
    EXPECT_EQ(::listen(socket_, 16), 0);
    EXPECT_EQ(::getsockname(socket_, generic, &size), 0);
    port_ = ntohs(address.sin_port);
  }
  SilentServer(const SilentServer&) = delete;
  SilentServer& operator=(const SilentServer&) = delete;
  ~SilentServer() { ::close(socket_); }
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  int socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  std::uint16_t port_ = 0;
};

/// One loop. The domain example.net has a null MX, so that a try ends the message; that of silent.example never
/// answers.
class DispatcherTest : public ::testing::Test {
 protected:
  DispatcherTest() {
    std::ofstream(folder_.path("zone.txt")) << "example.net. IN MX 0 .\nsilent.example. IN MX 10 mx.silent.example.\n"
                                               "mx.silent.example. IN A 127.0.0.1\n";
    config_.mx_port = silent_.port();
    surroundings_.addresses.allowed_special = {*IpNetwork::parse("127.0.0.0/8")};
    config_.retry.waits = {std::chrono::seconds(1)};
    log_ = std::move(*Log::open({false, "error", ""}));
    spool_ = std::move(*open_spool({folder_.path("spool"), true, 0, 0}));
    loops_.push_back(std::make_unique<Loop>(0));
    loops_.front()->set_resolver(std::move(*io::open_zone_resolver(folder_.path("zone.txt"))));
  }

  QueueId store(const std::string& recipient, std::uint32_t attempts, UnixTime accepted, UnixTime next) {
    QueuedMessage waiting = testing::message(spool_->next_id());
    waiting.accepted = accepted;
    waiting.reverse_path.clear();  // no report
    waiting.recipients[0].address = recipient;
    waiting.recipients[0].attempts = attempts;
    waiting.recipients[0].next_attempt = next;
    EXPECT_TRUE(testing::store(*spool_, waiting, "Subject: x\r\n\r\nx\r\n"));
    return waiting.id;
  }

  /// With a message that was tried once and is to be tried again `wait` from now.
  void start_with(std::chrono::seconds wait) {
    store("to@example.net", 1, wall_clock(), wall_clock() + wait);
    start();
  }

  void start() {
    services_ = std::make_unique<DeliveryServices>(
        DeliveryServices{config_, *log_, *spool_, readers_, routes_, surroundings_, nullptr, {}});
    queue_ = std::make_unique<Queue>(*services_);
    ASSERT_TRUE(queue_->start(loops_, directory_));
    thread_ = std::thread([this] { loops_.front()->run(); });
  }

  [[nodiscard]] bool tried_within(std::chrono::seconds time, std::size_t left = 0) const {
    const auto end = std::chrono::steady_clock::now() + time;
    while (queue_->size() > left) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return true;
  }

  ~DispatcherTest() override {
    loops_.front()->stop();
    if (thread_.joinable()) thread_.join();
    spool_->close();
  }

  testing::TemporaryFolder folder_;
  SilentServer silent_;
  Config config_;
  RouteTable routes_{{}};
  Surroundings surroundings_;
  Pool readers_{"reader", 1, 10};
  std::unique_ptr<Log> log_;
  std::unique_ptr<Spool> spool_;
  std::vector<std::unique_ptr<Loop>> loops_;
  std::unique_ptr<DeliveryServices> services_;
  std::shared_ptr<const Directory> directory_ = std::make_shared<Directory>();
  std::unique_ptr<Queue> queue_;
  std::thread thread_;
};

TEST_F(DispatcherTest, what_is_due_is_tried_at_once) {
  start_with(std::chrono::seconds(-100));
  EXPECT_TRUE(tried_within(std::chrono::seconds(30)));
}

TEST_F(DispatcherTest, a_clock_that_was_set_back_holds_no_mail_up) {
  start_with(std::chrono::hours(24 * 10));
  EXPECT_TRUE(tried_within(std::chrono::seconds(30)));
}

TEST_F(DispatcherTest, a_message_becomes_too_old_while_others_hold_the_connections) {
  config_.max_connections_per_destination = 1;
  const UnixTime now = wall_clock();
  const UnixTime end = now - config_.retry.max_age;
  store("old@silent.example", 0, end - std::chrono::minutes(11), now);
  const QueueId last_try = store("last@silent.example", 0, end - std::chrono::minutes(5), now);
  const QueueId fresh = store("fresh@silent.example", 0, now, now);
  start();
  EXPECT_TRUE(tried_within(std::chrono::seconds(30), 2));
  EXPECT_TRUE(queue_->find(last_try) && queue_->find(fresh));
}

TEST_F(DispatcherTest, what_is_not_due_waits) {
  config_.retry.waits = {std::chrono::hours(1)};
  start_with(std::chrono::minutes(30));
  EXPECT_FALSE(tried_within(std::chrono::seconds(1)));
  EXPECT_EQ(queue_->retry(0), 1U);
  EXPECT_TRUE(tried_within(std::chrono::seconds(30)));
}

}  // namespace
}  // namespace sendconn::relay
