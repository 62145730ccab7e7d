// sendconn.mailer: for an application that only sends.
#include <sendconn/mailer.hpp>

#include <memory>

#include "bindings/python/src/bind.hpp"
#include "bindings/python/src/dkim.hpp"
#include "bindings/python/src/results.hpp"
#include "bindings/python/src/smtp.hpp"

namespace sendconn::python {
namespace {

ValueType& recipient_type() {
  static auto& type = *new ValueType("sendconn.mailer", "RecipientReport");
  return type;
}
ValueType& report_type() {
  static auto& type = *new ValueType("sendconn.mailer", "Report");
  return type;
}

py::object to_python(const MailReport& report) {
  return report_type().make(tuple_of(report.recipients,
                                     [](const RecipientReport& one) {
                                       return recipient_type().make(text(one.recipient.format()), word(one.fate),
                                                                    python::to_python(one.reply));
                                     }),
                            python::to_python(report.reply), word(report.failed_at), boolean(report.may_have_arrived),
                            text(report.tls));
}

/// From a dict with the members of MailerOptions, as sendconn/mailer.py makes it.
MailerOptions take_options(py::handle given) {
  const auto string = [given](const char* name) { return take_text(given[name], name); };
  const auto flag = [given](const char* name) { return take_flag(given[name], name); };
  const auto time = [given](const char* name) { return take_whole_seconds(given[name], name); };
  MailerOptions options;
  options.host = string("host");
  options.port = static_cast<std::uint16_t>(take_integer(given["port"], "port", 0, 65'535));
  options.tls = take_word<smtp::TlsMode>(given["tls"], "tls");
  options.cleartext_beyond_loopback = flag("cleartext_beyond_loopback");
  options.verify = flag("verify");
  options.authorities_file = string("authorities_file");
  if (const py::object user = given["user"]; !user.is_none()) {
    MailerLogin login;
    login.user = take_text(user, "user");
    login.password = string("password");
    login.without_tls = flag("login_without_tls");
    options.login = std::move(login);
  }
  options.hello_name = string("hello_name");
  options.signatures = take_signatures(given["signatures"]);
  options.signed_fields = take_signed_fields(given["fields"]);
  options.keep_open = time("keep_open");
  options.max_messages = take_size(given["max_messages"], "max_messages");
  options.connect_timeout = time("connect_timeout");
  options.command_timeout = time("command_timeout");
  options.data_timeout = time("data_timeout");
  options.message_timeout = time("message_timeout");
  options.send_timeout = time("send_timeout");
  options.dns_servers = take_texts(given["dns_servers"], "dns_servers");
  options.max_message_octets = take_size(given["max_message_octets"], "max_message_octets");
  options.max_recipients = take_size(given["max_recipients"], "max_recipients");
  return options;
}

/// Callbacks into Python, from a call that has let go of the GIL. What they raise comes out of send(); Ctrl-C does,
/// too.
MailerCallbacks make_callbacks(py::handle on_progress, py::handle is_cancelled, py::handle on_trace) {
  MailerCallbacks callbacks;
  if (!on_progress.is_none())
    callbacks.on_progress = [on_progress](std::uint64_t sent, std::uint64_t total) {
      const py::gil_scoped_acquire gil;
      on_progress(sent, total);
    };
  if (!on_trace.is_none())
    callbacks.on_trace = [on_trace](std::string_view line) {
      const py::gil_scoped_acquire gil;
      on_trace(shown_text(line));
    };
  callbacks.is_cancelled = [is_cancelled] {
    const py::gil_scoped_acquire gil;
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    if (is_cancelled.is_none()) return false;
    const int cancelled = PyObject_IsTrue(py::object(is_cancelled()).ptr());
    if (cancelled < 0) throw py::error_already_set();
    return cancelled != 0;
  };
  return callbacks;
}

}  // namespace

void bind_mailer(py::module_& module) {
  using Machine = Held<Mailer>;
  py::class_<Machine>(module, "Mailer")
      .def(py::init([](py::handle options) {
        return std::make_unique<Machine>(std::in_place, need(Mailer::create(take_options(options))));
      }))
      .def("send",
           [](Machine& self, py::handle message, py::handle sender, py::handle recipients, py::handle on_progress,
              py::handle is_cancelled, py::handle on_trace) {
             const WireMessage wire(message);
             smtp::Envelope envelope;
             if (!sender.is_none()) envelope.reverse_path = take_address(sender, "sender");
             envelope.recipients =
                 take_list(recipients, "recipients", [](py::handle one) { return take_address(one, "a recipient"); });
             const MailerCallbacks callbacks = make_callbacks(on_progress, is_cancelled, on_trace);
             const Machine::Use mailer(self);
             const auto work = [&] {
               const py::gil_scoped_release nogil;
               return mailer->send_octets(wire.view(), envelope, callbacks);
             };
             return to_python(need(work()));
           })
      .def("close",
           [](Machine& self) {
             const Machine::Use mailer(self);
             const py::gil_scoped_release nogil;
             mailer->close();
           })
      .def_property_readonly("is_open", [](Machine& self) {
        const Machine::Use mailer(self);
        return mailer->is_open();
      });
}

}  // namespace sendconn::python
