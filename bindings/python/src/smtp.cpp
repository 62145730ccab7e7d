// sendconn.smtp: replies, mechanisms of login, and the verifier that a server keeps instead of a password.
#include "bindings/python/src/smtp.hpp"

#include <algorithm>
#include <array>
#include <memory>

#include <sendconn/crypto.hpp>

#include "bindings/python/src/bind.hpp"

namespace sendconn::python {
namespace {

ValueType& reply_type() {
  static auto& type = *new ValueType("sendconn.smtp", "Reply");
  return type;
}

constexpr std::array all_mechanisms = {sasl::Mechanism::plain, sasl::Mechanism::login, sasl::Mechanism::scram_sha_256};

WordList& mechanism_words() {
  static auto& list = *new WordList("sendconn.smtp", "Mechanism", {"PLAIN", "LOGIN", "SCRAM-SHA-256"});
  return list;
}

Reply checked(Reply reply, const char* what) {
  if (reply.code < 200 || reply.code > 599)
    raise({Errc::invalid_argument, std::string(what) + " must have a code of 200 to 599 (RFC 5321 section 4.2)"});
  return reply;
}

Reply parse_reply(std::string_view given, const char* what) {
  Reply reply;
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (given.size() < 3 || !std::all_of(given.begin(), given.begin() + 3, is_digit) ||
      (given.size() > 3 && given[3] != ' '))
    raise(
        {Errc::syntax, std::string(what) + " must begin with three digits and a space: \"550 5.1.1 nobody here\"", 0});
  for (const char digit : given.substr(0, 3))
    reply.code = static_cast<std::uint16_t>(reply.code * 10 + static_cast<unsigned>(digit - '0'));
  given.remove_prefix(std::min<std::size_t>(4, given.size()));
  const std::string_view first = given.substr(0, given.find(' '));
  if (const auto enhanced = EnhancedCode::parse(first)) {
    reply.enhanced = *enhanced;
    given.remove_prefix(std::min(first.size() + 1, given.size()));
  }
  reply.text = std::string(given);
  return checked(std::move(reply), what);
}

/// A made-up verifier that is the same for the same name every time, and that no password satisfies: whoever tries a
/// name learns nothing from the exchange.
sasl::ScramVerifier decoy(std::string_view user, std::string_view secret) {
  constexpr std::size_t salt_octets = 16;
  const auto derive = [&](std::string_view use) {
    const crypto::Sha256 digest = crypto::hmac_sha256(secret, std::string(use) + '\0' + std::string(user));
    return std::string(crypto::view(digest));
  };
  return {sasl::ScramVerifier::default_iterations, derive("salt").substr(0, salt_octets), derive("stored"),
          derive("server")};
}

sasl::ScramVerifier verifier_of(py::handle password, py::handle salt, py::handle iterations) {
  std::string secret = take_text(password, "password");
  const std::string used_salt =
      salt.is_none() ? std::string(crypto::random_octets(16)) : std::string(take_octets(salt, "salt"));
  const auto rounds =
      static_cast<std::uint32_t>(take_integer(iterations, "iterations", 0, sasl::ScramVerifier::max_iterations));
  const auto make = [&] {
    const py::gil_scoped_release nogil;
    return sasl::ScramVerifier::from_password(secret, used_salt, rounds);
  };
  Result<sasl::ScramVerifier> made = make();
  crypto::wipe(secret);
  return need(std::move(made));
}

}  // namespace

py::object to_python(const Reply& reply) {
  return reply_type().make(integer(reply.code), text(reply.enhanced.empty() ? "" : reply.enhanced.format()),
                           shown_text(reply.text));
}

py::object maybe_reply(const Reply& reply) {
  if (reply.code == 0) return py::none();
  return to_python(reply);
}

Reply take_reply(py::handle value, const char* what) {
  if (PyUnicode_Check(value.ptr())) return parse_reply(take_text(value, what), what);
  if (!reply_type().made(value)) wrong_type(what, "a Reply or its text", value);
  Reply reply;
  reply.code = static_cast<std::uint16_t>(take_integer(value.attr("code"), "code", 0, 999));
  const std::string enhanced = take_text(value.attr("enhanced"), "enhanced");
  if (!enhanced.empty()) reply.enhanced = need(EnhancedCode::parse(enhanced));
  reply.text = take_text(value.attr("text"), "text");
  return checked(std::move(reply), what);
}

py::object word(sasl::Mechanism mechanism) {
  const auto* const found = std::find(all_mechanisms.begin(), all_mechanisms.end(), mechanism);
  return mechanism_words().member(static_cast<std::size_t>(found - all_mechanisms.begin()));
}

std::uint8_t take_mechanisms(py::handle value, const char* what) {
  std::uint8_t bits = 0;
  for (const std::size_t number :
       take_list(value, what, [what](py::handle one) { return mechanism_words().number(one, what); }))
    bits = static_cast<std::uint8_t>(bits | static_cast<std::uint8_t>(all_mechanisms.at(number)));
  return bits;
}

py::tuple mechanisms(std::uint8_t bits) {
  std::vector<sasl::Mechanism> held;
  for (const sasl::Mechanism one : all_mechanisms)
    if ((bits & static_cast<std::uint8_t>(one)) != 0) held.push_back(one);
  return tuple_of(held, [](sasl::Mechanism one) { return word(one); });
}

std::chrono::seconds take_whole_seconds(py::handle value, const char* what) {
  constexpr std::int64_t longest = 1'000'000;  // half a month
  return std::chrono::seconds(take_integer(value, what, 0, longest));
}

py::object start_tls_event() {
  static auto& type = *new ValueType("sendconn.smtp", "StartTls");
  return type.make();
}

py::object closed_event(const smtp::Closed& closed) {
  static auto& type = *new ValueType("sendconn.smtp", "Closed");
  return type.make(boolean(closed.orderly), maybe_reply(closed.reason));
}

void bind_smtp(py::module_& module) {
  py::class_<sasl::ScramVerifier>(module, "ScramVerifier")
      .def_static("from_password", &verifier_of, py::arg("password"), py::kw_only(), py::arg("salt") = py::none(),
                  py::arg("iterations") = sasl::ScramVerifier::default_iterations)
      .def_static(
          "parse", [](py::handle given) { return need(sasl::ScramVerifier::parse(take_text(given, "text"))); },
          py::arg("text"))
      .def(
          "check_password",
          [](const sasl::ScramVerifier& self, py::handle password) {
            std::string secret = take_text(password, "password");
            const auto check = [&] {
              const py::gil_scoped_release nogil;
              return self.check_password(secret);
            };
            const bool good = check();
            crypto::wipe(secret);
            return good;
          },
          py::arg("password"))
      .def("__str__", [](const sasl::ScramVerifier& self) { return text(self.format()); })
      // Not the keys: a log is no place for them.
      .def("__repr__", [](const sasl::ScramVerifier& self) {
        return "<ScramVerifier of " + std::to_string(self.iterations) + " iterations>";
      });
  module.def("scram_decoy", [](py::handle user, py::handle secret) {
    return decoy(take_text(user, "user"), take_octets(secret, "secret"));
  });
  module.def("smtp_parse_reply", [](py::handle given) { return to_python(take_reply(given, "text")); });
}

}  // namespace sendconn::python
