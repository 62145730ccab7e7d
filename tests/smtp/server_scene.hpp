// What the tests of the server session begin with: options, a session led to a scene, and the reply that came of it.
#pragma once

#include <string>

#include "lib/base/base64.hpp"
#include "lib/smtp/replies.hpp"
#include "tests/smtp/drive.hpp"

namespace sendconn::smtp::test {

/// As an operator runs it; what the tests of single rules start from.
ServerOptions options();

/// The user and password that the driver accepts, by PLAIN.
inline const std::string plain_login = "AUTH PLAIN " + base64::encode(std::string("\0user\0pencil", 12)) + "\r\n";

/// Leads a session to where a dialogue begins, and forgets how it got there.
void enter(ServerDriver& driver, Scene scene);

/// The last reply of `output`: its lines share the code, and only the last has no hyphen.
std::string last_reply(const std::string& output);

}  // namespace sendconn::smtp::test
