// A server that takes mail and says what each message proves: SMTP, SPF, DKIM and DMARC on one event loop of Asio.
//
//     receive-asio PORT [NAME-SERVER]
//
// Listens on 127.0.0.1; port 0 takes a free one. Prints the port, then Authentication-Results of each message. Nothing
// blocks: while the name server is asked for one message, other connections go on.
#include <array>
#include <asio.hpp>
#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <string>

#include <sendconn/authenticate.hpp>
#include <sendconn/resolver.hpp>
#include <sendconn/smtp.hpp>

using namespace sendconn;
using asio::ip::tcp;

namespace {

/// c-ares says which sockets it wants watched, and Asio watches them.
class AsioResolver {
 public:
  AsioResolver(asio::io_context& context, const io::CaresOptions& options) : context_(context), timer_(context) {
    auto opened = io::CaresResolver::open(options, [this](const io::CaresResolver::Watch& watch) { on_watch(watch); });
    if (!opened) throw std::runtime_error(opened.error().text);
    cares_ = std::move(*opened);
  }

  void resolve(const dns::Question& question, io::Resolver::Done done) {
    cares_->resolve(question, std::move(done));
    set_timer();
  }

 private:
  using Descriptor = asio::posix::stream_descriptor;
  struct Watched {
    Watched(asio::io_context& context, int socket) : descriptor(context, socket) {}
    Descriptor descriptor;
    bool wanted[2] = {};  ///< reading, writing
    bool waited[2] = {};
  };

  void on_watch(const io::CaresResolver::Watch& watch) {
    auto& watched = sockets_[watch.socket];
    if (!watched) watched = std::make_shared<Watched>(context_, watch.socket);
    watched->wanted[0] = watch.read;
    watched->wanted[1] = watch.write;
    for (const bool write : {false, true}) wait(watched, write);
    if (watch.read || watch.write) return;
    watched->descriptor.release();  // it is c-ares's to close
    sockets_.erase(watch.socket);
  }

  void wait(const std::shared_ptr<Watched>& watched, bool write) {
    if (!watched->wanted[write] || watched->waited[write]) return;
    watched->waited[write] = true;
    const auto what = write ? Descriptor::wait_write : Descriptor::wait_read;
    watched->descriptor.async_wait(what, [this, watched, write](const asio::error_code& error) {
      watched->waited[write] = false;
      if (error || !watched->wanted[write]) return;
      const int socket = watched->descriptor.native_handle();
      process(write ? -1 : socket, write ? socket : -1);
      wait(watched, write);
    });
  }

  void process(int readable, int writable) {
    cares_->process(readable, writable);
    set_timer();
  }

  void set_timer() {
    const auto left = cares_->next_timeout();
    if (!left) return;
    timer_.expires_after(*left);
    timer_.async_wait([this](const asio::error_code& error) {
      if (!error) process(-1, -1);
    });
  }

  asio::io_context& context_;
  asio::steady_timer timer_;
  std::map<int, std::shared_ptr<Watched>> sockets_;
  std::unique_ptr<io::CaresResolver> cares_;  ///< goes first: it ends the watches
};

/// One client. It lives as long as something is awaited for it.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket socket, AsioResolver& resolver, const smtp::ServerOptions& options)
      : socket_(std::move(socket)), timer_(socket_.get_executor()), resolver_(resolver), session_(options, now()) {
    asio::error_code error;
    const auto address = socket_.remote_endpoint(error).address();
    if (const auto ip = IpAddress::parse(address.to_string())) client_ = *ip;
  }

  /// Everything that can happen now: events, then what is to be sent, then waiting for more.
  void go_on() {
    while (!over_ && act(session_.next_event())) {
    }
    if (sending_) return;
    if (!session_.output().empty()) return send();
    if (over_) {
      timer_.cancel();
      socket_.close();
      return;
    }
    set_timer();
    receive();
  }

 private:
  static Instant now() { return std::chrono::steady_clock::now(); }

  /// False: there is nothing more to do before octets come, or an answer of the DNS.
  bool act(const smtp::ServerEvent& event) {
    if (std::holds_alternative<smtp::NeedInput>(event)) {
      if (begin_ == end_) return false;
      begin_ += session_.feed({input_.data() + begin_, end_ - begin_}, now());
    } else if (std::holds_alternative<smtp::Paused>(event)) {
      return false;
    } else if (std::holds_alternative<smtp::Greeting>(event)) {
      session_.reply({220, {}, {}}, now());
    } else if (const auto* mail = std::get_if<smtp::Mail>(&event)) {
      authenticate::Envelope envelope;
      envelope.client = client_;
      envelope.helo = session_.hello_name();
      if (mail->reverse_path) envelope.mail_from = mail->reverse_path->format();
      envelope.now = std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now());
      check_ = std::make_shared<authenticate::Check>(envelope);
      session_.reply({250, {2, 1, 0}, "sender ok"}, now());
    } else if (std::holds_alternative<smtp::Rcpt>(event)) {
      session_.reply({250, {2, 1, 5}, "recipient ok"}, now());
    } else if (std::holds_alternative<smtp::DataStart>(event)) {
      session_.reply({354, {}, "go on"}, now());
    } else if (const auto* content = std::get_if<smtp::Content>(&event)) {
      check_->update(content->octets);
    } else if (std::holds_alternative<smtp::MessageEnd>(event)) {
      check_->finish();
      ask();  // the session is paused until the reply
    } else if (std::holds_alternative<smtp::Closed>(event)) {
      over_ = true;
    }
    return true;
  }

  void ask() {
    for (const dns::Question& question : check_->questions()) {
      resolver_.resolve(question, [self = shared_from_this(), check = check_, question](const dns::Answer& answer) {
        check->answer(question, answer);
        // Not from inside: the answer may have come while the questions are still being asked.
        asio::post(self->socket_.get_executor(), [self, check] {
          if (check == self->check_) self->ask();
        });
      });
    }
    if (!check_->done()) return;
    if (const auto field = authres::format(to_authres(check_->results(), "mx.example")))
      std::cout << *field << std::flush;
    check_.reset();
    session_.reply({250, {2, 0, 0}, "printed"}, now());
    asio::post(socket_.get_executor(), [self = shared_from_this()] { self->go_on(); });
  }

  void receive() {
    if (receiving_ || ended_ || begin_ != end_) return;
    receiving_ = true;
    socket_.async_read_some(asio::buffer(input_), [self = shared_from_this()](const asio::error_code& error, size_t n) {
      self->receiving_ = false;
      self->begin_ = 0;
      self->end_ = n;
      if (error) {
        self->ended_ = true;
        self->session_.input_closed();
      }
      self->go_on();
    });
  }

  void send() {
    sending_ = true;
    sent_ = session_.output();
    session_.consumed_output(sent_.size());
    asio::async_write(socket_, asio::buffer(sent_), [self = shared_from_this()](const asio::error_code& error, size_t) {
      self->sending_ = false;
      if (error) {  // what is left has nobody to go to
        self->over_ = true;
        self->session_.consumed_output(self->session_.output().size());
      }
      self->go_on();
    });
  }

  void set_timer() {
    const auto deadline = session_.next_deadline();
    if (!deadline) return;
    timer_.expires_at(*deadline);
    timer_.async_wait([self = shared_from_this()](const asio::error_code& error) {
      if (error) return;
      self->session_.on_time(now());
      self->go_on();
    });
  }

  tcp::socket socket_;
  asio::steady_timer timer_;
  AsioResolver& resolver_;
  smtp::ServerSession session_;
  IpAddress client_;
  std::shared_ptr<authenticate::Check> check_;
  std::array<char, 16'384> input_{};
  std::size_t begin_ = 0;  ///< in input_: what the session has not taken yet
  std::size_t end_ = 0;
  std::string sent_;
  bool receiving_ = false;
  bool sending_ = false;
  bool ended_ = false;  ///< the client sends nothing more
  bool over_ = false;
};

void accept(tcp::acceptor& acceptor, AsioResolver& resolver, const smtp::ServerOptions& options) {
  acceptor.async_accept([&](const asio::error_code& error, tcp::socket socket) {
    if (!error) {
      std::make_shared<Connection>(std::move(socket), resolver, options)->go_on();
      return accept(acceptor, resolver, options);
    }
    // Out of descriptors, for one: until some are free, trying at once would fail again at once.
    const auto pause = std::make_shared<asio::steady_timer>(acceptor.get_executor(), std::chrono::milliseconds(100));
    pause->async_wait([&, pause](const asio::error_code&) { accept(acceptor, resolver, options); });
  });
}

}  // namespace

int main(int count, char** arguments) try {
  if (count < 2) return std::cerr << "usage: receive-asio PORT [NAME-SERVER]\n", 2;
  io::CaresOptions dns;
  if (count > 2) dns.servers = {arguments[2]};
  smtp::ServerOptions options;
  options.hostname = "mx.example";
  options.require_tls = options.require_auth = options.offer_starttls = false;
  options.mechanisms = 0;

  asio::io_context context;
  AsioResolver resolver(context, dns);
  const auto port = static_cast<asio::ip::port_type>(std::atoi(arguments[1]));
  tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), port});
  std::cout << "listening on 127.0.0.1 port " << acceptor.local_endpoint().port() << std::endl;
  accept(acceptor, resolver, options);
  context.run();
} catch (const std::exception& error) {
  std::cerr << "receive-asio: " << error.what() << '\n';
  return 1;
}
