#include "relay/delivery/courier.hpp"

#include <sendconn/crypto.hpp>

#include <algorithm>
#include <utility>
#include <variant>

#include "relay/delivery/dispatcher.hpp"
#include "relay/delivery/outlet.hpp"
#include "relay/delivery/services.hpp"

namespace sendconn::relay {
namespace {

template <class... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};
template <class... Handlers>
Overloaded(Handlers...) -> Overloaded<Handlers...>;

constexpr std::size_t content_piece = 256 * 1024;  // at most so much of a message waits for the socket
constexpr std::size_t nonce_octets = 24;

std::string make_nonce() {
  constexpr std::string_view hex = "0123456789abcdef";
  std::string nonce;
  for (const char c : crypto::random_octets(nonce_octets)) {
    nonce.push_back(hex[static_cast<unsigned char>(c) >> 4U]);
    nonce.push_back(hex[static_cast<unsigned char>(c) & 0x0fU]);
  }
  return nonce;
}

asio::ip::tcp::endpoint to_asio(const Endpoint& endpoint) {
  const std::string_view octets = endpoint.address.octets();
  if (endpoint.address.is_v4()) {
    asio::ip::address_v4::bytes_type bytes;
    std::copy(octets.begin(), octets.end(), bytes.begin());
    return {asio::ip::address_v4(bytes), endpoint.port};
  }
  asio::ip::address_v6::bytes_type bytes;
  std::copy(octets.begin(), octets.end(), bytes.begin());
  return {asio::ip::address_v6(bytes), endpoint.port};
}

}  // namespace

Courier::Courier(Outlet& outlet) : outlet_(outlet), dispatcher_(outlet.dispatcher()) {}

Courier::~Courier() = default;

std::string Courier::remote() const {
  if (endpoint_ >= endpoints_.size()) return {};
  const Endpoint& endpoint = endpoints_[endpoint_];
  return endpoint.host + "[" + endpoint.address.format() + "]:" + std::to_string(endpoint.port);
}

// ── Finding a server ───────────────────────────────────────────────────────────────────────────────────────────────

void Courier::start() {
  const DeliveryServices& services = dispatcher_.services();
  // The answer may come at once, inside a loop over this outlet's couriers: never act on it here.
  find_endpoints(dispatcher_.loop().resolver(), services.config, services.surroundings, outlet_.destination(),
                 [self = shared_from_this()](Endpoints endpoints) {
                   self->dispatcher_.loop().post([self, endpoints = std::move(endpoints)] {
                     if (self->phase_ == Phase::ended) return;
                     if (endpoints.list.empty()) {
                       self->outlet_.unreachable(*endpoints.refusal);
                       return self->end();
                     }
                     self->endpoints_ = endpoints.list;
                     self->connect_next();
                   });
                 });
}

void Courier::connect_next() {
  if (draining_) return end();
  if (endpoint_ >= endpoints_.size()) {
    endpoint_ = endpoints_.size();
    outlet_.unreachable(last_failure_);
    return end();
  }
  if (!outlet_.has_ready()) return end();  // others have carried everything meanwhile
  phase_ = Phase::connecting;
  deadline_ = now() + dispatcher_.services().config.connect_timeout;
  connecting_.emplace(dispatcher_.loop().context());
  const auto target = to_asio(endpoints_[endpoint_]);
  connecting_->async_connect(target, [self = shared_from_this()](const asio::error_code& error) {
    if (self->phase_ != Phase::connecting || !self->connecting_) return;
    auto socket = std::move(*self->connecting_);
    self->connecting_.reset();
    if (error == asio::error::operation_aborted)
      return self->endpoint_failed({451, {4, 4, 1}, "connecting to " + self->remote() + " timed out"});
    if (error)
      return self->endpoint_failed({451, {4, 4, 1}, "connecting to " + self->remote() + ": " + error.message()});
    self->connected(std::move(socket));
  });
}

void Courier::endpoint_failed(const Reply& reply) {
  last_failure_ = reply;
  // A server that greets with 5xx is asked no further, but others of the domain may answer better (RFC 5321
  // section 5.1).
  ++endpoint_;
  without_tls_ = false;
  session_.reset();
  stream_.reset();
  starting_tls_ = waiting_read_ = waiting_write_ = false;
  connect_next();
}

smtp::ClientOptions Courier::session_options() const {
  const DeliveryServices& services = dispatcher_.services();
  smtp::ClientOptions options;
  options.hello_name = services.config.hostname;
  options.tls = services.config.mx_tls;
  if (const auto& smarthost = outlet_.destination().smarthost) {
    options.tls = smarthost->tls;
    if (!smarthost->user.empty()) {
      smtp::Credentials credentials;
      credentials.user = smarthost->user;
      credentials.password = services.smarthosts.at(smarthost.get()).password;
      credentials.allow_plaintext = endpoints_[endpoint_].address.is_loopback() && smarthost->tls == smtp::TlsMode::off;
      options.credentials = std::move(credentials);
      options.nonce = make_nonce();
    }
  }
  if (without_tls_ && options.tls == smtp::TlsMode::opportunistic) options.tls = smtp::TlsMode::off;
  return options;
}

void Courier::connected(asio::ip::tcp::socket socket) {
  ++connection_;
  stream_.emplace(dispatcher_.loop(), std::move(socket));
  const smtp::ClientOptions options = session_options();
  session_.emplace(options, now());
  if (options.tls == smtp::TlsMode::implicit) return on(smtp::StartTls{});
  continue_later();
}

// ── The flow of bytes ──────────────────────────────────────────────────────────────────────────────────────────────

void Courier::on_readable() {
  const Stream::Read read = stream_->read();
  switch (read.status) {
    case Stream::ReadStatus::would_block:
      return continue_later();
    case Stream::ReadStatus::closed:
    case Stream::ReadStatus::failed:
      if (starting_tls_) {
        return tls_failed(stream_->fault().empty() ? "the connection was closed" : stream_->fault());
      }
      session_->input_closed();
      return drive({});
    case Stream::ReadStatus::data:
      break;
  }
  if (starting_tls_) {
    if (stream_->tls()->state() != tls::State::open) return continue_later();
    starting_tls_ = false;
    if (session_options().tls != smtp::TlsMode::implicit) session_->tls_started(now());
  }
  drive(read.plain);
}

void Courier::tls_failed(const std::string& why) {
  const bool opportunistic = session_options().tls == smtp::TlsMode::opportunistic;
  const Reply reply{451, {4, 7, 5}, "TLS with " + remote() + " failed: " + why};
  if (!opportunistic) return endpoint_failed(reply);
  // Better in the clear than not at all, since nothing was promised: the same server again, without TLS.
  dispatcher_.services().log.info("tls-failed", {{"server", remote()}, {"reply", reply.text}});
  session_.reset();
  stream_.reset();
  starting_tls_ = waiting_read_ = waiting_write_ = false;
  without_tls_ = true;
  connect_next();
}

void Courier::drive(std::string_view input) {
  const auto self = shared_from_this();
  while (phase_ != Phase::ended && session_) {
    const smtp::ClientEvent event = session_->next_event();
    if (std::holds_alternative<smtp::NeedInput>(event)) {
      if (input.empty()) break;
      input.remove_prefix(session_->feed(input, now()));
      continue;
    }
    if (std::holds_alternative<smtp::StartTls>(event)) input = {};  // RFC 3207 section 5: nothing from before counts
    std::visit(Overloaded{[](const smtp::NeedInput&) {}, [this](const auto& it) { on(it); }}, event);
  }
  if (phase_ == Phase::ended || !session_) return;
  if (!send_output()) return;
  continue_later();
}

bool Courier::send_output() {
  const std::string_view output = session_->output();
  if (output.empty()) return true;
  const bool sent = stream_->write(output);
  session_->consumed_output(output.size(), now());
  if (sent) return true;
  session_->input_closed();
  drive({});
  return false;
}

void Courier::continue_later() {
  if (phase_ == Phase::ended || !stream_) return;
  if (stream_->unsent() > 0 && !waiting_write_) {
    waiting_write_ = true;
    stream_->wait_writable([self = shared_from_this(), connection = connection_] {
      if (connection != self->connection_) return;
      self->waiting_write_ = false;
      if (self->phase_ == Phase::ended || !self->stream_) return;
      if (!self->stream_->flush()) {
        self->session_->input_closed();
        return self->drive({});
      }
      if (self->sending_content_ && self->stream_->unsent() == 0) self->send_content();
      if (self->phase_ != Phase::ended && self->session_) self->drive({});
    });
  }
  // Reading goes on while content is being sent: a server may refuse a message before its end.
  if (!waiting_read_) {
    waiting_read_ = true;
    stream_->wait_readable([self = shared_from_this(), connection = connection_] {
      if (connection != self->connection_) return;
      self->waiting_read_ = false;
      if (self->phase_ != Phase::ended && self->stream_) self->on_readable();
    });
  }
}

void Courier::end() {
  if (phase_ == Phase::ended) return;
  phase_ = Phase::ended;
  connecting_.reset();
  if (stream_) stream_->close();
  outlet_.courier_ended(shared_from_this());
}

void Courier::on_tick(Instant now) {
  const auto self = shared_from_this();
  if (phase_ == Phase::connecting && connecting_) {
    asio::error_code ignored;
    if (now >= deadline_) connecting_->cancel(ignored);
    return;
  }
  if (phase_ == Phase::idle && now >= deadline_) {
    outlet_.courier_is_busy(*this);
    quit();
    return drive({});
  }
  if (!session_ || phase_ == Phase::ended || phase_ == Phase::loading) return;
  const auto deadline = session_->next_deadline();
  if (!deadline || now < *deadline) return;
  session_->on_time(now);
  drive({});
}

void Courier::drain() {
  draining_ = true;
  if (phase_ == Phase::idle) {
    outlet_.courier_is_busy(*this);
    quit();
    return drive({});
  }
  if (phase_ == Phase::finding || phase_ == Phase::connecting) end();
}

// ── The session's events ───────────────────────────────────────────────────────────────────────────────────────────

void Courier::on(const smtp::StartTls&) {
  const DeliveryServices& services = dispatcher_.services();
  const auto& smarthost = outlet_.destination().smarthost;
  const tls::Context& context = smarthost ? *services.smarthosts.at(smarthost.get()).tls : *services.mx_tls;
  if (session_ && !send_output()) return;
  starting_tls_ = true;
  if (!stream_->start_tls(context, endpoints_[endpoint_].host)) {
    starting_tls_ = false;
    return endpoint_failed({451, {4, 4, 2}, "TLS with " + remote() + " failed: " + stream_->fault()});
  }
  continue_later();
}

void Courier::on(const smtp::Ready&) {
  reached_ = true;
  take_next();
}

void Courier::take_next() {
  const bool worn = delivered_ >= dispatcher_.services().config.max_deliveries_per_connection;
  if (draining_ || worn) return quit();
  auto job = outlet_.next();
  if (!job) {
    phase_ = Phase::idle;
    deadline_ = now() + dispatcher_.services().config.idle_timeout;
    return outlet_.courier_is_idle(*this);
  }
  begin(std::move(*job), nullptr);
}

void Courier::work() {
  if (phase_ == Phase::idle) take_next_later();  // called from the outlet: its own loop goes on first
}

void Courier::take_next_later() {
  phase_ = Phase::loading;
  dispatcher_.loop().post([self = shared_from_this()] {
    if (self->phase_ != Phase::loading) return;
    self->take_next();
    if (self->phase_ != Phase::ended && self->session_) self->drive({});
  });
}

void Courier::begin(Job job, std::shared_ptr<const Spool::Octets> octets) {
  if (!octets) octets = job.message->octets();
  if (!octets) {
    phase_ = Phase::loading;
    auto message = job.message;
    const auto shared_job = std::make_shared<Job>(std::move(job));
    dispatcher_.with_octets(message, [self = shared_from_this(),
                                      shared_job](Result<std::shared_ptr<const Spool::Octets>> read) {
      // The outlet may have gone with its last courier.
      if (self->phase_ == Phase::ended) return self->dispatcher_.push_by_route(std::move(*shared_job));
      if (!read) {
        self->dispatcher_.services().log.error(
            "spool-failed", {{"id", format_queue_id(shared_job->message->facts().id)}, {"reason", read.error().text}});
        std::vector<RecipientResult> results;
        for (const std::uint32_t slot : shared_job->slots)
          results.push_back({slot, {451, {4, 3, 0}, "the message cannot be read back just now"}, {}});
        self->dispatcher_.settle(std::move(*shared_job), std::move(results), nullptr);
        self->take_next();
      } else {
        self->begin(std::move(*shared_job), std::move(*read));
      }
      if (self->phase_ != Phase::ended && self->session_) self->drive({});
    });
    return;
  }
  phase_ = Phase::sending;
  const QueuedMessage& facts = job.message->facts();
  smtp::Envelope envelope;
  if (!facts.reverse_path.empty())
    if (auto address = Address::parse(facts.reverse_path)) envelope.reverse_path = std::move(*address);
  std::vector<RecipientResult> unusable;
  std::erase_if(job.slots, [&](std::uint32_t slot) {
    job.message->change(slot, [](Message::Recipient& it) { it.state = Message::State::active; });
    auto address = Address::parse(job.message->recipient(slot).queued.address);
    if (address) {
      envelope.recipients.push_back(std::move(*address));
      return false;
    }
    // It was parsed when it was accepted: by an older version, or the spool is damaged.
    unusable.push_back({slot, {553, {5, 1, 3}, "not an address: " + address.error().text}, {}});
    return true;
  });
  if (!unusable.empty()) {
    Job refused{job.message, {}};
    for (const RecipientResult& it : unusable) refused.slots.push_back(it.slot);
    dispatcher_.settle(std::move(refused), std::move(unusable), octets);
  }
  if (job.slots.empty()) {
    if (carried_.empty()) take_next_later();  // not at once: the next may be of the same kind, and so on
    return;
  }
  envelope.body = facts.eight_bit ? smtp::BodyType::eight_bit_mime : smtp::BodyType::seven_bit;
  envelope.smtputf8 = facts.smtputf8;
  envelope.octets = octets->prefix.size() + octets->content->size();
  Carried carried;
  carried.refusals.resize(job.slots.size());
  carried.job = std::move(job);
  carried.octets = std::move(octets);
  carried_.push_back(std::move(carried));
  ++delivered_;
  if (const auto begun = session_->begin(envelope, now()); !begun) {
    // A fault of ours: the message is kept and said to be.
    dispatcher_.services().log.error("cannot-begin", {{"server", remote()}, {"reason", begun.error().text}});
    Carried back = std::move(carried_.back());
    carried_.pop_back();
    std::vector<RecipientResult> results;
    for (const std::uint32_t slot : back.job.slots)
      results.push_back({slot, {451, {4, 3, 0}, begun.error().text}, remote()});
    dispatcher_.settle(std::move(back.job), std::move(results), back.octets);
    if (carried_.empty()) quit();
  }
}

void Courier::on(const smtp::SendContent&) {
  sending_content_ = true;
  session_->content(carried_.front().octets->prefix, now());
  send_content();
}

void Courier::send_content() {
  Carried& it = carried_.front();
  const Content& content = *it.octets->content;
  while (it.sent < content.size()) {
    const auto piece = content.read(it.sent, content_piece, buffer_);
    if (!piece || piece->empty()) {
      // Half a message must not end with a dot: cut the connection, and the message is tried again.
      dispatcher_.services().log.error(
          "spool-failed", {{"id", format_queue_id(it.job.message->facts().id)},
                           {"reason", piece ? "the stored message is shorter than recorded" : piece.error().text}});
      sending_content_ = false;
      stream_->close();
      session_->input_closed();
      return;
    }
    session_->content(*piece, now());
    it.sent += piece->size();
    if (it.sent < content.size()) {
      if (!send_output()) return;
      if (stream_->unsent() > 0) return;  // goes on when the socket takes more
    }
  }
  sending_content_ = false;
  it.content_ended = true;
  session_->end_content(now());
  prefetch();
}

/// With PIPELINING the next message's commands travel behind the final dot, which saves a round trip for each message.
/// Only when all couriers are busy: a job must not queue behind another while a courier is free.
void Courier::prefetch() {
  const bool worn = delivered_ >= dispatcher_.services().config.max_deliveries_per_connection;
  if (draining_ || worn || carried_.size() > 1 || !session_->capabilities().pipelining) return;
  if (auto job = outlet_.next()) {
    auto octets = job->message->octets();
    if (!octets) return outlet_.put_back(std::move(*job));  // has to be read back first; not while replies are due
    begin(std::move(*job), std::move(octets));
  }
}

void Courier::on(const smtp::RecipientReply& event) {
  Carried& it = carried_.front();
  if (event.index < it.refusals.size() && !event.reply.positive()) it.refusals[event.index] = event.reply;
}

void Courier::on(const smtp::MessageDone& event) {
  Reply reply = event.reply;
  // Nothing was sent: the server does not offer what the message needs, and asking again would not change that.
  if (reply.code == 0) reply.code = 554;
  settle_front(reply);
  if (carried_.empty()) take_next();
}

void Courier::settle_front(const Reply& rest) {
  Carried it = std::move(carried_.front());
  carried_.pop_front();
  std::vector<RecipientResult> results;
  results.reserve(it.job.slots.size());
  const std::string server = remote();
  for (std::size_t i = 0; i < it.job.slots.size(); ++i)
    results.push_back({it.job.slots[i], it.refusals[i] ? *it.refusals[i] : rest, server});
  dispatcher_.settle(std::move(it.job), std::move(results), it.octets);
}

void Courier::on(const smtp::Failed& event) {
  if (starting_tls_) return tls_failed("the handshake did not end in time");
  sending_content_ = false;
  Reply reason = event.reason;
  if (reason.code == 0 || reason.permanent()) {
    // What fails with the connection is not the message's fault: refused greetings, logins and lost connections are
    // tried again, until the message is too old.
    reason.code = 451;
    if (reason.enhanced.empty() || reason.enhanced.klass == 5) reason.enhanced = {4, 4, 2};
  }
  if (!reached_) {
    reason.text = remote() + ": " + event.reason.summary();
    return endpoint_failed(reason);
  }
  // A connection that was kept and has gone away meanwhile says nothing about the message it was about to carry.
  const bool stale = delivered_ > 1 && !event.sent_final_dot && !carried_.empty() && carried_.front().sent == 0;
  if (!carried_.empty() && !stale) settle_front(reason);
  while (!carried_.empty()) {
    Job job = std::move(carried_.back().job);
    carried_.pop_back();
    outlet_.put_back(std::move(job));
  }
  end();
}

void Courier::on(const smtp::Closed&) { end(); }

void Courier::quit() {
  phase_ = Phase::sending;
  session_->quit(now());
}

}  // namespace sendconn::relay
