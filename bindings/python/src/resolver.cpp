#include "bindings/python/src/resolver.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "bindings/python/src/words.hpp"

namespace sendconn::python {
namespace {

/// How long a wait may go on before Ctrl-C is looked for.
constexpr std::chrono::milliseconds patience{100};
/// Idle channels that are kept for later questions: as many threads as usually ask at once.
constexpr std::size_t max_idle = 8;

void look_for_signals() {
  const py::gil_scoped_acquire gil;
  if (PyErr_CheckSignals() != 0) throw py::error_already_set();
}

}  // namespace

// ---------------------------------------------------------------- a zone

std::vector<dns::Answer> HeldZone::ask(const std::vector<dns::Question>& questions) {
  std::vector<dns::Answer> answers;
  answers.reserve(questions.size());
  for (const dns::Question& question : questions) answers.push_back(zone_.lookup(question));
  return answers;
}

// ---------------------------------------------------------------- blocking

/// c-ares and its sockets, for one thread at a time.
class BlockingResolver::Channel {
 public:
  static Result<std::unique_ptr<Channel>> open(const io::CaresOptions& options) {
    auto channel = std::make_unique<Channel>();
    Result<std::unique_ptr<io::CaresResolver>> cares = io::CaresResolver::open(
        options, [&watched = channel->watched_](const io::CaresResolver::Watch& watch) { note(watched, watch); });
    if (!cares) return cares.error();
    channel->cares_ = std::move(*cares);
    return channel;
  }

  io::CaresResolver& cares() noexcept { return *cares_; }

  void wait() {
    std::chrono::milliseconds longest = patience;
    if (const std::optional<Duration> next = cares_->next_timeout())
      longest = std::clamp(std::chrono::ceil<std::chrono::milliseconds>(*next), std::chrono::milliseconds(0), patience);
    ready_ = watched_;
    if (::poll(ready_.data(), ready_.size(), static_cast<int>(longest.count())) <= 0) {
      cares_->process(-1, -1);
      return;
    }
    for (const pollfd& one : ready_) {
      if ((one.revents & (POLLIN | POLLERR | POLLHUP)) != 0) cares_->process(one.fd, -1);
      if ((one.revents & POLLOUT) != 0) cares_->process(-1, one.fd);
    }
  }

 private:
  static void note(std::vector<pollfd>& watched, const io::CaresResolver::Watch& watch) {
    std::erase_if(watched, [&watch](const pollfd& one) { return one.fd == watch.socket; });
    if (!watch.read && !watch.write) return;
    pollfd one{};
    one.fd = watch.socket;
    one.events = static_cast<short>((watch.read ? POLLIN : 0) | (watch.write ? POLLOUT : 0));
    watched.push_back(one);
  }

  std::vector<pollfd> watched_;
  std::vector<pollfd> ready_;
  std::unique_ptr<io::CaresResolver> cares_;  // the last: its end reports sockets
};

BlockingResolver::BlockingResolver(io::CaresOptions options, std::shared_ptr<dns::Cache> cache)
    : options_(std::move(options)), cache_(std::move(cache)), owner_(::getpid()) {
  keep(need(Channel::open(options_)));  // options out of range are refused here, not at the first question
}

BlockingResolver::~BlockingResolver() = default;

std::unique_ptr<BlockingResolver::Channel> BlockingResolver::take_channel() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (owner_ != ::getpid()) {
      owner_ = ::getpid();
      idle_.clear();
    }
    if (!idle_.empty()) {
      std::unique_ptr<Channel> channel = std::move(idle_.back());
      idle_.pop_back();
      return channel;
    }
  }
  Result<std::unique_ptr<Channel>> opened = Channel::open(options_);
  if (opened) return std::move(*opened);
  const py::gil_scoped_acquire gil;
  raise(opened.error());
}

void BlockingResolver::keep(std::unique_ptr<Channel> channel) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (idle_.size() < max_idle) idle_.push_back(std::move(channel));
}

void BlockingResolver::ask_network(const std::vector<dns::Question>& questions, const std::vector<std::size_t>& wanted,
                                   std::vector<dns::Answer>& answers) {
  std::size_t open = wanted.size();
  // Whatever ends this call early takes the channel with it, and so every question that still points here.
  std::unique_ptr<Channel> channel = take_channel();
  for (const std::size_t at : wanted)
    channel->cares().resolve(questions[at], [&answers, &open, at](const dns::Answer& answer) {
      answers[at] = answer;
      --open;
    });
  while (open != 0) {
    channel->wait();
    if (open != 0) look_for_signals();
  }
  keep(std::move(channel));
}

std::vector<dns::Answer> BlockingResolver::ask(const std::vector<dns::Question>& questions) {
  std::vector<dns::Answer> answers(questions.size());
  std::vector<std::size_t> wanted;
  for (std::size_t i = 0; i != questions.size(); ++i) {
    std::optional<dns::Answer> known;
    if (cache_) known = cache_->find(questions[i], std::chrono::steady_clock::now());
    if (known)
      answers[i] = std::move(*known);
    else
      wanted.push_back(i);
  }
  if (wanted.empty()) return answers;
  ask_network(questions, wanted, answers);
  if (cache_)
    for (const std::size_t at : wanted) cache_->put(questions[at], answers[at], std::chrono::steady_clock::now());
  return answers;
}

// ---------------------------------------------------------------- on an event loop

LoopResolver::LoopResolver(const io::CaresOptions& options)
    : cares_(need(io::CaresResolver::open(
          options, [this](const io::CaresResolver::Watch& watch) { watches_.push_back(watch); }))) {}

std::uint64_t LoopResolver::ask(const dns::Question& question) {
  const std::uint64_t number = ++asked_;
  cares_->resolve(question, [this, number, type = question.type](const dns::Answer& answer) {
    answers_.push_back({number, type, answer});
  });
  return number;
}

void LoopResolver::process(int readable, int writable) { cares_->process(readable, writable); }

std::optional<double> LoopResolver::next_timeout() const {
  const std::optional<Duration> next = cares_->next_timeout();
  if (!next) return std::nullopt;
  return std::chrono::duration<double>(*next).count();
}

// ---------------------------------------------------------------- Python's

namespace {

std::chrono::milliseconds take_milliseconds(py::handle value, const char* what) {
  return std::chrono::milliseconds(static_cast<std::int64_t>(take_seconds(value, what) * 1000));
}

io::CaresOptions take_options(py::handle servers, py::handle timeout, py::handle tries, py::handle deadline,
                              py::handle tcp_only) {
  constexpr std::int64_t most_tries = 1000;  // what CaresResolver allows, it says itself
  io::CaresOptions options;
  options.servers = take_texts(servers, "servers");
  options.timeout = take_milliseconds(timeout, "timeout");
  options.tries = static_cast<int>(take_integer(tries, "tries", 0, most_tries));
  options.deadline = take_milliseconds(deadline, "deadline");
  options.tcp_only = take_flag(tcp_only, "tcp_only");
  return options;
}

py::object ask_one(Source& source, py::handle name, py::handle type) {
  const dns::Question question{take_text(name, "name"), take_record_type(type)};
  dns::Answer answer;
  {
    const py::gil_scoped_release nogil;
    answer = source.ask({question}).front();
  }
  return values_or_raise(answer, question);
}

void bind_zone(py::module_& module) {
  py::class_<HeldZone>(module, "Zone")
      .def_static(
          "parse",
          [](py::handle given) {
            const std::string master =
                PyBytes_Check(given.ptr()) ? std::string(take_octets(given, "text")) : take_text(given, "text");
            return std::make_unique<HeldZone>(need(dns::Zone::parse(master)));
          },
          py::arg("text"))
      .def(
          "__call__", [](HeldZone& self, py::handle name, py::handle type) { return ask_one(self, name, type); },
          py::arg("name"), py::arg("type"))
      .def(
          "resolve", [](HeldZone& self, py::handle name, py::handle type) { return ask_one(self, name, type); },
          py::arg("name"), py::arg("type"))
      .def("__len__", [](const HeldZone& self) { return self.zone().size(); })
      .def("__repr__",
           [](const HeldZone& self) { return "<Zone of " + std::to_string(self.zone().size()) + " records>"; });
}

void bind_cache(py::module_& module) {
  py::class_<dns::Cache, std::shared_ptr<dns::Cache>>(module, "Cache")
      .def(py::init([](py::handle max_octets, py::handle max_ttl, py::handle max_negative_ttl) {
             dns::CacheOptions options;
             options.max_octets = take_size(max_octets, "max_octets");
             options.max_ttl = std::chrono::seconds(static_cast<std::int64_t>(take_seconds(max_ttl, "max_ttl")));
             options.max_negative_ttl =
                 std::chrono::seconds(static_cast<std::int64_t>(take_seconds(max_negative_ttl, "max_negative_ttl")));
             return std::make_shared<dns::Cache>(options);
           }),
           py::kw_only(), py::arg("max_octets") = 32 * 1024 * 1024, py::arg("max_ttl") = 86400,
           py::arg("max_negative_ttl") = 300)
      .def("__len__", &dns::Cache::size)
      .def_property_readonly("octets", &dns::Cache::octets)
      .def("_find",
           [](const py::object& self, py::handle name, py::handle type) -> py::object {
             auto& cache = self.cast<dns::Cache&>();
             const dns::Question question{take_text(name, "name"), take_record_type(type)};
             const std::optional<dns::Answer> answer = cache.find(question, std::chrono::steady_clock::now());
             if (!answer) return py::none();
             return to_python(*answer, question.type);
           })
      .def("_put",
           [](dns::Cache& self, py::handle name, py::handle type, py::handle answer) {
             const dns::Question question{take_text(name, "name"), take_record_type(type)};
             self.put(question, take_answer(answer, question.type), std::chrono::steady_clock::now());
           })
      .def(
          "remove",
          [](dns::Cache& self, py::handle name, py::handle type) {
            self.remove({take_text(name, "name"), take_record_type(type)});
          },
          py::arg("name"), py::arg("type"));
}

}  // namespace

void bind_resolver(py::module_& module) {
  bind_zone(module);
  bind_cache(module);

  py::class_<BlockingResolver>(module, "Resolver")
      .def(py::init([](py::handle servers, py::handle timeout, py::handle tries, py::handle deadline,
                       py::handle tcp_only, std::shared_ptr<dns::Cache> cache) {
             return std::make_unique<BlockingResolver>(take_options(servers, timeout, tries, deadline, tcp_only),
                                                       std::move(cache));
           }),
           py::arg("servers") = py::tuple(), py::kw_only(), py::arg("timeout") = 5.0, py::arg("tries") = 2,
           py::arg("deadline") = 20.0, py::arg("tcp_only") = false, py::arg("cache") = py::none())
      .def(
          "__call__",
          [](BlockingResolver& self, py::handle name, py::handle type) { return ask_one(self, name, type); },
          py::arg("name"), py::arg("type"))
      .def(
          "resolve", [](BlockingResolver& self, py::handle name, py::handle type) { return ask_one(self, name, type); },
          py::arg("name"), py::arg("type"))
      .def_property_readonly("cache", &BlockingResolver::cache)
      .def("_on_loop", [](const BlockingResolver& self) { return std::make_unique<LoopResolver>(self.options()); })
      .def("__repr__", [](const BlockingResolver& self) {
        std::string servers;
        for (const std::string& server : self.options().servers) servers += (servers.empty() ? "" : ", ") + server;
        return "<Resolver asking " + (servers.empty() ? std::string("the system's servers") : servers) + ">";
      });

  py::class_<LoopResolver>(module, "LoopResolver")
      .def(
          "ask",
          [](LoopResolver& self, py::handle name, py::handle type) {
            return self.ask({take_text(name, "name"), take_record_type(type)});
          },
          py::arg("name"), py::arg("type"))
      .def("process", &LoopResolver::process, py::arg("readable"), py::arg("writable"))
      .def("next_timeout",
           [](const LoopResolver& self) -> py::object {
             const std::optional<double> next = self.next_timeout();
             if (!next) return py::none();
             return py::float_(*next);
           })
      .def("take_watches",
           [](LoopResolver& self) {
             return tuple_of(self.take_watches(), [](const io::CaresResolver::Watch& watch) -> py::object {
               return py::make_tuple(watch.socket, watch.read, watch.write);
             });
           })
      .def("take_answers", [](LoopResolver& self) {
        return tuple_of(self.take_answers(), [](const LoopResolver::Answered& one) -> py::object {
          return py::make_tuple(one.number, to_python(one.answer, one.type));
        });
      });
}

}  // namespace sendconn::python
