// sendconn.smtp: the server's side of a session.
#include <memory>
#include <variant>

#include "bindings/python/src/bind.hpp"
#include "bindings/python/src/smtp.hpp"

namespace sendconn::python {
namespace {

/// From an object with the attributes of smtp::ServerOptions: sendconn.smtp.ServerOptions.
smtp::ServerOptions take_options(py::handle given) {
  const auto size = [given](const char* name) { return take_size(given.attr(name), name); };
  const auto flag = [given](const char* name) { return take_flag(given.attr(name), name); };
  smtp::ServerOptions options;
  options.hostname = take_text(given.attr("hostname"), "hostname");
  options.max_message_octets = size("max_message_octets");
  options.max_recipients = size("max_recipients");
  options.max_command_octets = size("max_command_octets");
  options.max_auth_octets = size("max_auth_octets");
  options.max_line_octets = size("max_line_octets");
  options.offer_starttls = flag("offer_starttls");
  options.require_tls = flag("require_tls");
  options.require_auth = flag("require_auth");
  options.mechanisms = take_mechanisms(given.attr("mechanisms"), "mechanisms");
  options.bare_newlines = take_word<smtp::BareNewlines>(given.attr("bare_newlines"), "bare_newlines");
  if (const py::object domain = given.attr("postmaster_domain"); !domain.is_none())
    options.postmaster_domain = take_domain(domain, "postmaster_domain");
  options.max_auth_failures = size("max_auth_failures");
  options.max_errors = size("max_errors");
  options.max_idle_commands = size("max_idle_commands");
  options.command_timeout = take_whole_seconds(given.attr("command_timeout"), "command_timeout");
  options.data_timeout = take_whole_seconds(given.attr("data_timeout"), "data_timeout");
  return options;
}

/// A session with its options and with what it has not taken yet.
class Server {
 public:
  Server(smtp::ServerOptions options, Instant now)
      : options_(std::make_unique<smtp::ServerOptions>(std::move(options))), session_(*options_, now) {}

  smtp::ServerSession& session() noexcept { return session_; }
  Input& input() noexcept { return input_; }

  /// The next event other than NeedInput while there is input. Without the GIL.
  smtp::ServerEvent next_event(Instant now) {
    input_.forget_taken();
    while (true) {
      smtp::ServerEvent event = session_.next_event();
      if (std::holds_alternative<smtp::StartTls>(event)) {
        // The session took all that came so far, unread (RFC 3207 section 5); what comes from now on was encrypted.
        handshaking_ = true;
      }
      const bool waits = std::holds_alternative<smtp::NeedInput>(event) ||
                         (handshaking_ && std::holds_alternative<smtp::Paused>(event));
      if (!waits) return event;
      if (!handshaking_ && !input_.empty()) {
        input_.take(session_.feed(input_.rest(), now));
      } else if (input_.take_end()) {
        session_.input_closed();
      } else {
        return event;
      }
    }
  }
  void tls_started(Instant now) {
    session_.tls_started(now);
    handshaking_ = false;
  }

 private:
  std::unique_ptr<smtp::ServerOptions> options_;
  smtp::ServerSession session_;
  Input input_;
  bool handshaking_ = false;
};

py::object maybe_address(const std::optional<Address>& address) {
  if (address) return py::cast(*address);
  return py::none();
}

/// Events as the package's classes.
struct ToPython {
  py::object operator()(const smtp::NeedInput& /*event*/) const { return py::none(); }
  py::object operator()(const smtp::Paused& /*event*/) const {
    static auto& type = *new ValueType("sendconn.smtp", "Paused");
    return type.make();
  }
  py::object operator()(const smtp::StartTls& /*event*/) const { return start_tls_event(); }
  py::object operator()(const smtp::Closed& event) const { return closed_event(event); }
  py::object operator()(const smtp::Greeting& /*event*/) const {
    static auto& type = *new ValueType("sendconn.smtp", "Greeting");
    return type.make();
  }
  py::object operator()(const smtp::Hello& event) const {
    static auto& type = *new ValueType("sendconn.smtp", "Hello");
    return type.make(text(event.name), boolean(event.extended));
  }
  py::object operator()(const smtp::Login& event) const {
    static auto& type = *new ValueType("sendconn.smtp", "Login");
    return type.make(text(event.user), text(event.password), word(event.mechanism));
  }
  py::object operator()(const smtp::ScramLogin& event) const {
    static auto& type = *new ValueType("sendconn.smtp", "ScramLogin");
    return type.make(text(event.user));
  }
  py::object operator()(const smtp::LoginDone& event) const {
    static auto& type = *new ValueType("sendconn.smtp", "LoginDone");
    return type.make(text(event.user), boolean(event.ok));
  }
  py::object operator()(const smtp::Mail& event) const {
    static auto& type = *new ValueType("sendconn.smtp", "Mail");
    return type.make(maybe_address(event.reverse_path), word(event.body), boolean(event.smtputf8),
                     event.size ? integer(*event.size) : py::object(py::none()), text(event.auth));
  }
  py::object operator()(const smtp::Rcpt& event) const {
    static auto& type = *new ValueType("sendconn.smtp", "Rcpt");
    return type.make(py::cast(event.forward_path));
  }
  py::object operator()(const smtp::DataStart& /*event*/) const {
    static auto& type = *new ValueType("sendconn.smtp", "DataStart");
    return type.make();
  }
  py::object operator()(const smtp::Content& event) const {
    static auto& type = *new ValueType("sendconn.smtp", "Content");
    return type.make(octets(event.octets));
  }
  py::object operator()(const smtp::MessageEnd& event) const {
    static auto& type = *new ValueType("sendconn.smtp", "MessageEnd");
    return type.make(integer(event.octets), boolean(event.eight_bit));
  }
  py::object operator()(const smtp::Reset& event) const {
    static auto& type = *new ValueType("sendconn.smtp", "Reset");
    return type.make(maybe_reply(event.reason));
  }
};

using Machine = Held<Server>;

py::object next_event(Machine& self, py::handle now) {
  const Instant time = take_instant(now);
  const Machine::Use server(self);
  const auto next = [&] {
    const py::gil_scoped_release nogil;
    return server->next_event(time);
  };
  return std::visit(ToPython{}, next());
}

py::bytes take_output(Machine& self) {
  const Machine::Use server(self);
  const std::string_view waiting = server->session().output();
  py::bytes out = octets(waiting);
  server->session().consumed_output(waiting.size());
  return out;
}

void bind_answers(py::class_<Machine>& type) {
  type.def("reply",
           [](Machine& self, py::handle reply, py::handle now) {
             const Reply given = take_reply(reply, "reply");
             const Instant time = take_instant(now);
             Machine::Use(self)->session().reply(given, time);
           })
      .def("reply_verifier",
           [](Machine& self, const sasl::ScramVerifier& verifier, py::handle nonce, py::handle now) {
             const std::string random = take_text(nonce, "nonce");
             const Instant time = take_instant(now);
             Machine::Use(self)->session().reply_verifier(verifier, random, time);
           })
      .def("tls_started",
           [](Machine& self, py::handle now) {
             const Instant time = take_instant(now);
             Machine::Use(self)->tls_started(time);
           })
      .def("shut_down",
           [](Machine& self, py::handle reply) {
             const Reply given = take_reply(reply, "reply");
             Machine::Use(self)->session().shut_down(given);
           })
      .def("set_tls", [](Machine& self) { Machine::Use(self)->session().set_tls(); })
      .def("trust_client", [](Machine& self, py::handle also_without_tls) {
        const bool flag = take_flag(also_without_tls, "also_without_tls");
        Machine::Use(self)->session().trust_client(flag);
      });
}

}  // namespace

void bind_smtp_server(py::module_& module) {
  py::class_<Machine> type(module, "SmtpServerSession");
  type.def(py::init([](py::handle options, py::handle now) {
        return std::make_unique<Machine>(std::in_place, take_options(options), take_instant(now));
      }))
      .def("feed",
           [](Machine& self, py::handle given) {
             const std::string_view view = take_octets(given, "octets");
             Machine::Use(self)->input().append(view);
           })
      .def("next_event", &next_event)
      .def("input_closed", [](Machine& self) { Machine::Use(self)->input().close(); })
      .def("output", &take_output)
      .def("on_time",
           [](Machine& self, py::handle now) {
             const Instant time = take_instant(now);
             Machine::Use(self)->session().on_time(time);
           })
      .def_property_readonly("next_deadline",
                             [](Machine& self) { return maybe_instant(Machine::Use(self)->session().next_deadline()); })
      .def_property_readonly("pending", [](Machine& self) { return Machine::Use(self)->input().rest().size(); })
      .def_property_readonly("tls", [](Machine& self) { return Machine::Use(self)->session().tls(); })
      .def_property_readonly("authenticated",
                             [](Machine& self) { return Machine::Use(self)->session().authenticated(); })
      .def_property_readonly("extended", [](Machine& self) { return Machine::Use(self)->session().extended(); })
      .def_property_readonly("hello_name",
                             [](Machine& self) { return text(Machine::Use(self)->session().hello_name()); });
  bind_answers(type);
}

}  // namespace sendconn::python
