#include "relay/relay.hpp"

#include <csignal>
#include <ctime>

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sendconn/dkim_key.hpp>
#include <sendconn/spf_engine.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <limits>
#include <thread>
#include <utility>
#include <vector>

#include "relay/admin/server.hpp"
#include "relay/admin/stores.hpp"
#include "relay/config/secret_file.hpp"
#include "relay/config/socket_address.hpp"
#include "relay/delivery/admin.hpp"
#include "relay/delivery/queue.hpp"
#include "relay/net/cares.hpp"
#include "relay/net/certificate.hpp"
#include "relay/spf2/spf_helper.hpp"
#include "relay/submission/submission.hpp"

namespace sendconn::relay {
namespace {

constexpr std::size_t max_reading_waiting = 10'000;
constexpr std::size_t max_limit_keys = 100'000;
constexpr int end_of_drain = SIGUSR1;
constexpr std::chrono::seconds lock_patience{2};  // a command line without a relay holds the lock for milliseconds

Result<std::shared_ptr<const tls::Context>> client_context(tls::Verify verify, const std::string& authorities) {
  tls::ContextOptions options;
  options.verify = verify;
  options.authorities_file = authorities;
  auto context = tls::Context::create(options);
  if (!context) return context.error();
  return std::make_shared<const tls::Context>(std::move(*context));
}

Result<SmarthostAccess> open_smarthost(const SmarthostConfig& smarthost) {
  SmarthostAccess access;
  auto context =
      client_context(smarthost.verify ? tls::Verify::required : tls::Verify::none, smarthost.authorities_file);
  if (!context) return context.error();
  access.tls = std::move(*context);
  if (!smarthost.password_file.empty()) {
    auto password = read_secret_file(smarthost.password_file);
    if (!password) return password.error();
    access.password = std::move(*password);
  }
  return access;
}

/// Raises the number of files that may be open to what the system allows, and says how many clients leave enough of
/// them for deliveries, large messages and the relay's own files: a quarter. Our own figure.
std::size_t connections_that_fit() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return std::numeric_limits<std::size_t>::max();
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  ::getrlimit(RLIMIT_NOFILE, &files);
  if (files.rlim_cur == RLIM_INFINITY) return std::numeric_limits<std::size_t>::max();
  return static_cast<std::size_t>(files.rlim_cur - files.rlim_cur / 4);
}

/// Everything that runs, in the order of dependence: a member uses only those above it.
class Relay {
 public:
  explicit Relay(const Config& config, std::unique_ptr<Log> log)
      : config_(config),
        log_(std::move(log)),
        routes_(config.routes),
        limits_(max_limit_keys),
        passwords_(std::make_unique<Passwords>(1)),
        connections_(std::min(config.max_connections, connections_that_fit())),
        census_(connections_, connections_ < config.max_connections
                                  ? std::min(config.max_connections_per_client, connections_ / 2)
                                  : config.max_connections_per_client) {}

  ~Relay() { stop(); }

  Result<void> start() {
    if (auto done = open_stores(); !done) return done;
    if (auto done = open_loops(); !done) return done;
    if (auto done = open_delivery(); !done) return done;
    if (auto done = open_submission(); !done) return done;
    if (auto done = open_admin(); !done) return done;
    for (const auto& loop : loops_) threads_.emplace_back([loop = loop.get()] { loop->run(); });
    if (connections_ < config_.max_connections)
      log_->warn("few-descriptors", {{"max-connections", connections_},
                                     {"configured", config_.max_connections},
                                     {"why", "the limit of open files (ulimit -Hn) allows no more"}});
    if (config_.hostname.find('.') == std::string::npos)
      log_->warn("hostname-unqualified", {{"hostname", config_.hostname}, {"why", "other servers may refuse it"}});
    log_->info("started", {{"hostname", config_.hostname}, {"loops", loops_.size()}});
    log_->flush();
    return {};
  }

  /// Begins the orderly end; end_of_drain is raised when nothing is under way any more.
  void drain() {
    log_->info("draining", {});
    auto left = std::make_shared<std::atomic<std::size_t>>(submissions_.size());
    for (std::size_t i = 0; i < submissions_.size(); ++i)
      loops_[i]->post([this, left, submission = submissions_[i].get()] {
        submission->drain([this, left] {
          if (left->fetch_sub(1) != 1) return;
          queue_->drain([] { ::kill(::getpid(), end_of_drain); });
        });
      });
  }

  void reload() {
    log_->reopen();
    auto context = open_server_context(config_);
    if (!context) {
      log_->error("reload-failed", {{"reason", context.error().text}});
      return;
    }
    for (std::size_t i = 0; i < submissions_.size(); ++i)
      loops_[i]->post([submission = submissions_[i].get(), context = *context] { submission->set_tls(context); });
    log_->info("reloaded",
               {{"certificate", config_.certificate_file.empty() ? "self-signed" : config_.certificate_file}});
    log_->flush();
  }

  void flush_log() { log_->flush(); }
  void say_stopped(std::string_view how) { log_->info("stopped", {{"how", how}, {"queued", queue_->size()}}); }

  void stop() {
    admin_.reset();
    for (const auto& loop : loops_) loop->stop();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
    // What these threads finish is posted to the loops, which do not run any more but have to be there.
    if (readers_) readers_->discard();
    readers_.reset();
    passwords_.reset();
    if (queue_) queue_->record_again();
    if (spool_) spool_->close();
    submissions_.clear();
    queue_admin_.reset();
    queue_.reset();
    loops_.clear();
  }

 private:
  Result<void> open_stores() {
    auto store = open_control_store(config_, lock_patience);
    if (!store) return store.error();
    store_ = std::make_unique<ControlStore>(std::move(*store));
    auto directory = store_->snapshot();
    if (!directory) return directory.error();
    directory_ = std::move(*directory);

    auto opened = open_spool(spool_options(config_));
    if (!opened) return opened.error();
    spool_ = std::move(*opened);
    return {};
  }

  Result<void> open_loops() {
    const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
    readers_ = std::make_unique<Pool>("reader", 1, max_reading_waiting);
    const unsigned count = config_.loops == 0 ? cores : config_.loops;
    for (unsigned i = 0; i < count; ++i) {
      auto loop = std::make_unique<Loop>(i);
      auto resolver = open_resolver(*loop);
      if (!resolver) return resolver.error();
      loop->set_resolver(std::move(*resolver));
      loops_.push_back(std::move(loop));
    }
    return {};
  }

  Result<std::unique_ptr<io::Resolver>> open_resolver(Loop& loop) const {
    if (!config_.zone_file.empty())
      return io::open_zone_resolver(config_.zone_file, [this](const Error& error) {
        log_->warn("zone-file-unusable", {{"reason", error.text}});
      });
    io::CaresOptions options;
    options.servers = config_.dns_servers;
    options.timeout = config_.dns_timeout;
    options.tries = config_.dns_tries;
    return open_cares_resolver(loop, options, dns_cache_);
  }

  Result<void> open_delivery() {
    std::vector<std::uint16_t> ports;
    for (const ListenerConfig& listener : config_.listeners)
      if (const auto address = SocketAddress::parse(listener.address)) ports.push_back(address->port);
    surroundings_ = look_around(config_, ports);

    auto mx_tls = client_context(tls::Verify::none, {});
    if (!mx_tls) return mx_tls.error();
    delivery_ = std::make_unique<DeliveryServices>(
        DeliveryServices{config_, *log_, *spool_, *readers_, routes_, surroundings_, *mx_tls, {}});
    for (const auto& smarthost : routes_.smarthosts()) {
      auto access = open_smarthost(*smarthost);
      if (!access) return access.error();
      delivery_->smarthosts.emplace(smarthost.get(), std::move(*access));
    }
    queue_ = std::make_unique<Queue>(*delivery_);
    return queue_->start(loops_, directory_);
  }

  Result<void> open_submission() {
    auto context = open_server_context(config_);
    if (!context) return context.error();
    if (is_self_signed(config_))
      log_->warn("self-signed-certificate", {{"why", "no certificate is configured"}, {"hostname", config_.hostname}});
    services_ = std::make_unique<Services>(
        Services{config_, *log_, *spool_, limits_, *passwords_, census_,
                 [this](QueuedMessage message, std::string prefix, std::shared_ptr<const Content> content) {
                   queue_->add(std::move(message), std::move(prefix), std::move(content));
                 },
                 std::any_of(config_.listeners.begin(), config_.listeners.end(),
                             [](const ListenerConfig& listener) { return listener.check; })});
    for (const auto& loop : loops_) {
      submissions_.push_back(std::make_unique<Submission>(*loop, *services_));
      submissions_.back()->set_directory(directory_);
      submissions_.back()->set_tls(*context);
      auto options = check_options();
      if (!options) return options.error();
      submissions_.back()->set_check_options(std::move(*options));
    }
    for (const ListenerConfig& listener : config_.listeners)
      if (auto done = listen(listener); !done) return done;
    return {};
  }

  /// Of one loop.
  [[nodiscard]] Result<authenticate::Options> check_options() const {
    authenticate::Options options;
    options.spf.receiver = config_.hostname;
    options.spf.records = spf_records_;
    options.keys = dkim_keys_;
    options.header.max_octets = config_.max_header_octets;
    if (config_.spf_engine == Config::SpfEngine::libspf2 && services_->checking) {
      auto helper = SpfHelper::start(config_.spf_module, options.spf, *log_);
      if (!helper) return Error{helper.error().code, "libspf2 cannot check SPF: " + helper.error().text};
      options.engine = [helper = *helper](const spf::Options&) { return helper->make_check(); };
    }
    return options;
  }

  Result<void> listen(const ListenerConfig& listener) {
    const auto options = std::make_shared<const ListenerOptions>(ListenerOptions{listener, session_options(listener)});
    const auto address = SocketAddress::parse(listener.address);
    if (!address) return address.error();
    std::uint16_t port = address->port;
    if (auto free = Submission::check_free(listener, port); !free) return free;
    for (const auto& submission : submissions_) {
      const auto bound = submission->listen(options, port);
      if (!bound) return bound.error();
      port = *bound;  // port 0 picks one, and all loops share it
    }
    const std::string bound = SocketAddress{address->address, port}.format();
    listening_.push_back(bound + " " + tls_name(listener.tls));
    log_->info("listening", {{"listener", listener.name}, {"address", bound}});
    return {};
  }

  static std::string tls_name(ListenerConfig::Tls tls) {
    switch (tls) {
      case ListenerConfig::Tls::none:
        return "none";
      case ListenerConfig::Tls::starttls:
        return "starttls";
      case ListenerConfig::Tls::implicit:
        return "implicit";
    }
    return "none";
  }

  [[nodiscard]] smtp::ServerOptions session_options(const ListenerConfig& listener) const {
    smtp::ServerOptions options;
    options.hostname = config_.hostname;
    options.max_message_octets = config_.max_message_octets;
    options.max_recipients = config_.max_recipients;
    options.max_line_octets = config_.max_line_octets;
    options.offer_starttls = listener.tls == ListenerConfig::Tls::starttls;
    // Who receives from the Internet takes what comes: TLS is offered, not demanded (RFC 3207 section 4).
    options.require_tls = listener.tls != ListenerConfig::Tls::none && !listener.receives();
    options.require_auth = !listener.receives();
    if (!listener.auth) options.mechanisms = 0;
    options.bare_newlines = config_.bare_newlines;
    for (const std::string& pattern : listener.relay_domains) {
      // A domain and no pattern: the first that is one has the postmaster of the relay.
      if (auto domain = Domain::parse(pattern); domain && !options.postmaster_domain)
        options.postmaster_domain = std::move(*domain);
    }
    options.max_auth_failures = config_.max_auth_failures;
    options.max_errors = config_.max_errors;
    options.command_timeout = config_.command_timeout;
    options.data_timeout = config_.data_timeout;
    return options;
  }

  Result<void> open_admin() {
    RelayStatus status;
    status.hostname = config_.hostname;
    status.started = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    status.listeners = listening_;
    queue_admin_ =
        std::make_unique<DeliveryAdmin>(*queue_, *spool_, std::move(status), [this] { return census_.count(); });
    auto server = AdminServer::start(config_, *store_, *queue_admin_,
                                     [this](const std::shared_ptr<const Directory>& directory) { publish(directory); });
    if (!server) return server.error();
    admin_ = std::move(*server);
    return {};
  }

  /// Returns once every loop has taken the new directory: when a command has been answered, its change is in force.
  void publish(const std::shared_ptr<const Directory>& directory) {
    std::vector<std::future<void>> taken;
    for (std::size_t i = 0; i < submissions_.size(); ++i) {
      auto promise = std::make_shared<std::promise<void>>();
      taken.push_back(promise->get_future());
      loops_[i]->post([this, i, directory, promise] {
        submissions_[i]->set_directory(directory);
        queue_->set_directory(*loops_[i], directory);
        promise->set_value();
      });
    }
    for (auto& it : taken) it.wait_for(std::chrono::seconds(5));
  }

  const Config& config_;
  std::unique_ptr<Log> log_;
  RouteTable routes_;
  Surroundings surroundings_;
  std::shared_ptr<dns::Cache> dns_cache_ = std::make_shared<dns::Cache>();
  std::shared_ptr<spf::RecordCache> spf_records_ = std::make_shared<spf::RecordCache>();
  std::shared_ptr<dkim::KeyCache> dkim_keys_ = std::make_shared<dkim::KeyCache>();
  limit::Table limits_;
  std::unique_ptr<Passwords> passwords_;
  std::size_t connections_;  ///< of clients at once
  Census census_;
  std::unique_ptr<ControlStore> store_;
  std::shared_ptr<const Directory> directory_;
  std::unique_ptr<Spool> spool_;
  std::unique_ptr<Pool> readers_;
  std::vector<std::unique_ptr<Loop>> loops_;
  std::unique_ptr<DeliveryServices> delivery_;
  std::unique_ptr<Queue> queue_;
  std::unique_ptr<Services> services_;
  std::vector<std::unique_ptr<Submission>> submissions_;
  std::vector<std::string> listening_;
  std::unique_ptr<DeliveryAdmin> queue_admin_;
  std::unique_ptr<AdminServer> admin_;
  std::vector<std::thread> threads_;
};

}  // namespace

Result<void> check_files(const Config& config) {
  if (!is_self_signed(config)) {
    if (const auto context = open_server_context(config); !context) return context.error();
  }
  if (!config.passphrase_file.empty()) {
    if (const auto passphrase = read_secret_file(config.passphrase_file); !passphrase) return passphrase.error();
  }
  if (!config.zone_file.empty()) {
    if (const auto zone = io::open_zone_resolver(config.zone_file, {}); !zone) return zone.error();
  }
  if (config.spf_engine == Config::SpfEngine::libspf2) {
    if (const auto engine = spf::load_libspf2(config.spf_module); !engine) return engine.error();
  }
  const RouteTable routes(config.routes);
  for (const auto& smarthost : routes.smarthosts()) {
    if (const auto access = open_smarthost(*smarthost); !access) return access.error();
  }
  return {};
}

Result<int> run(const Config& config) {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, end_of_drain}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  ::umask(::umask(077) | 027);  // the log says who writes to whom: not for everybody's eyes

  auto log = Log::open({config.log_json, config.log_level, config.log_file});
  if (!log) return log.error();
  Relay relay(config, std::move(*log));
  if (auto started = relay.start(); !started) return started.error();

  bool draining = false;
  Instant deadline{};
  while (true) {
    const timespec second{1, 0};  // how long a log line may wait
    siginfo_t from{};
    const int signal = sigtimedwait(&signals, &from, &second);
    relay.flush_log();
    if (signal == SIGHUP) relay.reload();
    if (signal == end_of_drain && draining && from.si_pid == ::getpid()) {
      relay.say_stopped("drained");
      break;
    }
    if (draining && (signal == SIGTERM || signal == SIGINT)) {
      relay.say_stopped("at once, by a second signal");
      break;
    }
    if (signal == SIGTERM || signal == SIGINT) {
      draining = true;
      deadline = std::chrono::steady_clock::now() + config.drain_timeout;
      relay.drain();
    }
    if (draining && std::chrono::steady_clock::now() >= deadline) {
      relay.say_stopped("at the end of drain_timeout");
      break;
    }
  }
  relay.stop();
  return 0;
}

}  // namespace sendconn::relay
