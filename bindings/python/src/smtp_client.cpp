// sendconn.smtp: the client's side of a session.
#include <memory>
#include <variant>

#include <sendconn/crypto.hpp>

#include "bindings/python/src/bind.hpp"
#include "bindings/python/src/smtp.hpp"

namespace sendconn::python {
namespace {

/// From an object with the attributes of smtp::ClientOptions: sendconn.smtp.ClientOptions.
smtp::ClientOptions take_options(py::handle given, py::handle nonce) {
  const auto time = [given](const char* name) { return take_whole_seconds(given.attr(name), name); };
  smtp::ClientOptions options;
  options.hello_name = take_text(given.attr("hello_name"), "hello_name");
  options.tls = take_word<smtp::TlsMode>(given.attr("tls"), "tls");
  if (const py::object user = given.attr("user"); !user.is_none()) {
    smtp::Credentials credentials;
    credentials.user = take_text(user, "user");
    credentials.password = take_text(given.attr("password"), "password");
    credentials.mechanisms = take_mechanisms(given.attr("mechanisms"), "mechanisms");
    credentials.allow_plaintext = take_flag(given.attr("allow_plaintext"), "allow_plaintext");
    options.credentials = std::move(credentials);
  }
  options.nonce = take_text(nonce, "nonce");
  options.lmtp = take_flag(given.attr("lmtp"), "lmtp");
  options.greeting_timeout = time("greeting_timeout");
  options.command_timeout = time("command_timeout");
  options.data_start_timeout = time("data_start_timeout");
  options.data_timeout = time("data_timeout");
  options.message_timeout = time("message_timeout");
  options.max_reply_octets = take_size(given.attr("max_reply_octets"), "max_reply_octets");
  return options;
}

/// A session with what it has not taken yet.
class Client {
 public:
  Client(smtp::ClientOptions options, Instant now) : session_(std::move(options), now) {}

  smtp::ClientSession& session() noexcept { return session_; }
  Input& input() noexcept { return input_; }

  /// The next event other than NeedInput while there is input. Without the GIL: SCRAM costs a PBKDF2.
  smtp::ClientEvent next_event(Instant now) {
    input_.forget_taken();
    while (true) {
      smtp::ClientEvent event = session_.next_event();
      const bool in_clear = std::holds_alternative<smtp::StartTls>(event) && !input_.empty();
      if (!in_clear && !std::holds_alternative<smtp::NeedInput>(event)) return event;
      if (!input_.empty()) {  // behind the reply to STARTTLS, this fails the session
        input_.take(session_.feed(input_.rest(), now));
      } else if (input_.take_end()) {
        session_.input_closed();
      } else {
        return event;
      }
    }
  }

 private:
  smtp::ClientSession session_;
  Input input_;
};

/// Events as the package's classes.
struct ToPython {
  py::object operator()(const smtp::NeedInput& /*event*/) const { return py::none(); }
  py::object operator()(const smtp::StartTls& /*event*/) const { return start_tls_event(); }
  py::object operator()(const smtp::Closed& event) const { return closed_event(event); }
  py::object operator()(const smtp::Ready& /*event*/) const {
    static auto& type = *new ValueType("sendconn.smtp", "Ready");
    return type.make();
  }
  py::object operator()(const smtp::SendContent& /*event*/) const {
    static auto& type = *new ValueType("sendconn.smtp", "SendContent");
    return type.make();
  }
  py::object operator()(const smtp::RecipientReply& event) const {
    static auto& type = *new ValueType("sendconn.smtp", "RecipientReply");
    return type.make(integer(event.index), to_python(event.reply));
  }
  py::object operator()(const smtp::MessageDone& event) const {
    static auto& type = *new ValueType("sendconn.smtp", "MessageDone");
    return type.make(to_python(event.reply));
  }
  py::object operator()(const smtp::Failed& event) const {
    static auto& type = *new ValueType("sendconn.smtp", "Failed");
    return type.make(to_python(event.reason), boolean(event.sent_final_dot), boolean(event.local),
                     boolean(event.login));
  }
};

py::object to_python(const smtp::Capabilities& found) {
  static auto& type = *new ValueType("sendconn.smtp", "Capabilities");
  return type.make(boolean(found.extended), boolean(found.pipelining), boolean(found.eight_bit_mime),
                   boolean(found.smtputf8), boolean(found.starttls), boolean(found.enhanced_codes),
                   found.size ? integer(found.max_octets) : py::object(py::none()), mechanisms(found.mechanisms));
}

using Machine = Held<Client>;

py::object next_event(Machine& self, py::handle now) {
  const Instant time = take_instant(now);
  const Machine::Use client(self);
  const auto next = [&] {
    const py::gil_scoped_release nogil;
    return client->next_event(time);
  };
  return std::visit(ToPython{}, next());
}

void begin(Machine& self, py::handle reverse_path, py::handle recipients, py::handle body, py::handle smtputf8,
           py::handle size, py::handle now) {
  smtp::Envelope envelope;
  if (!reverse_path.is_none()) envelope.reverse_path = take_address(reverse_path, "reverse_path");
  envelope.recipients =
      take_list(recipients, "recipients", [](py::handle one) { return take_address(one, "a recipient"); });
  envelope.body = take_word<smtp::BodyType>(body, "body");
  envelope.smtputf8 = take_flag(smtputf8, "smtputf8");
  envelope.octets = take_size(size, "size");
  const Instant time = take_instant(now);
  need(Machine::Use(self)->session().begin(envelope, time));
}

py::bytes take_output(Machine& self, py::handle now) {
  const Instant time = take_instant(now);
  const Machine::Use client(self);
  const std::string_view waiting = client->session().output();
  py::bytes out = octets(waiting);
  client->session().consumed_output(waiting.size(), time);
  return out;
}

/// A method that says no more than that time has come for something.
template <void (smtp::ClientSession::*method)(Instant)>
void timed(Machine& self, py::handle now) {
  const Instant time = take_instant(now);
  (Machine::Use(self)->session().*method)(time);
}

}  // namespace

void bind_smtp_client(py::module_& module) {
  py::class_<Machine>(module, "SmtpClientSession")
      .def(py::init([](py::handle options, py::handle nonce, py::handle now) {
        return std::make_unique<Machine>(std::in_place, take_options(options, nonce), take_instant(now));
      }))
      .def("feed",
           [](Machine& self, py::handle given) {
             const std::string_view view = take_octets(given, "octets");
             Machine::Use(self)->input().append(view);
           })
      .def("next_event", &next_event)
      .def("input_closed", [](Machine& self) { Machine::Use(self)->input().close(); })
      .def("begin", &begin)
      .def("content",
           [](Machine& self, py::handle given, py::handle now) {
             const std::string_view view = take_octets(given, "octets");
             const Instant time = take_instant(now);
             Machine::Use(self)->session().content(view, time);
           })
      .def_property_readonly("pending", [](Machine& self) { return Machine::Use(self)->input().rest().size(); })
      .def("end_content", &timed<&smtp::ClientSession::end_content>)
      .def("tls_started", &timed<&smtp::ClientSession::tls_started>)
      .def("quit", &timed<&smtp::ClientSession::quit>)
      .def("on_time", &timed<&smtp::ClientSession::on_time>)
      .def("output", &take_output)
      .def_property_readonly("next_deadline",
                             [](Machine& self) { return maybe_instant(Machine::Use(self)->session().next_deadline()); })
      .def_property_readonly("capabilities",
                             [](Machine& self) { return to_python(Machine::Use(self)->session().capabilities()); })
      .def_property_readonly("tls", [](Machine& self) { return Machine::Use(self)->session().tls(); });
}

}  // namespace sendconn::python
