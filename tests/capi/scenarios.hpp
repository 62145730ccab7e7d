// The scenarios of tests/capi/trial.hpp, by part. Together they call every function of the interface.
#pragma once

#include <string>
#include <vector>

#include "tests/capi/trial.hpp"

namespace sendconn::test {

/// A file with a certificate that trusts itself.
const std::string& certificate_file();

std::vector<NamedScenario> value_scenarios();    ///< general, addresses, messages, limits, passwords
std::vector<NamedScenario> check_scenarios();    ///< DNS, DKIM, SPF, DMARC, whole messages, ownership
std::vector<NamedScenario> session_scenarios();  ///< TLS, SMTP
std::vector<NamedScenario> mailer_scenarios();   ///< messages to send, and the mailer

}  // namespace sendconn::test
