// Results and options that more than one part gives and takes.
#pragma once

#include <sendconn/authres.hpp>
#include <sendconn/dkim_verify.hpp>
#include <sendconn/dmarc.hpp>
#include <sendconn/spf.hpp>

#include "bindings/python/src/python.hpp"

namespace sendconn::python {

/// An object with the attributes of sendconn.spf.Options, or None for the defaults.
spf::Options take_spf_options(py::handle options);
py::object to_python(const spf::Outcome& outcome);
spf::Outcome take_spf_outcome(py::handle result);

/// sendconn.dkim.VerifyPolicy, or None for the RFCs' own.
dkim::VerifyPolicy take_verify_policy(py::handle policy);
py::object to_python(const dkim::SignatureResult& result);
py::tuple to_python(const std::vector<dkim::SignatureResult>& results);
std::shared_ptr<dkim::KeyCache> take_key_cache(py::handle keys);

py::object to_python(const dmarc::Outcome& outcome);
dmarc::Outcome take_dmarc_outcome(py::handle result);
dmarc::Options take_dmarc_options(py::handle several_authors, py::handle max_authors);

py::object to_python(const authres::Statement& statement);
py::object to_python(const authres::Results& results);
authres::Results take_authres(py::handle results);

/// A message as it goes over the wire. bytes whose first line ends in a bare LF are in the form of local files: all
/// their lines get CRLF. Else it is a view of `given`, which must live as long.
class WireMessage {
 public:
  explicit WireMessage(py::handle given);
  WireMessage(const WireMessage&) = delete;
  WireMessage& operator=(const WireMessage&) = delete;
  [[nodiscard]] std::string_view view() const noexcept { return view_; }

 private:
  std::string converted_;
  std::string_view view_;
};

}  // namespace sendconn::python
