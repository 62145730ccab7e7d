// How the relay's answers look to a person. Each takes the "result" of an answer; --json prints that itself instead.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "tools/output.hpp"

namespace sendconn::tools::show {

using Json = nlohmann::json;

void account_added(const Output& out, const Json& result);
void accounts(const Output& out, const Json& result);
void account(const Output& out, const Json& result);
void connector_added(const Output& out, const Json& result);
void connectors(const Output& out, const Json& result);
void connector(const Output& out, const Json& result);
void password_set(const Output& out, const Json& result);
void domain_added(const Output& out, const Json& result);
void domains(const Output& out, const Json& result);
void domain(const Output& out, const Json& result);
void domain_verified(const Output& out, const Json& result);
void domain_granted(const Output& out, const Json& result);
void key_made(const Output& out, const Json& result);
void keys(const Output& out, const Json& result);
void key_record(const Output& out, const Json& result);
void queue(const Output& out, const Json& result);
void message(const Output& out, const Json& result);
void retried(const Output& out, const Json& result);
void removed(const Output& out, const Json& result);
void status(const Output& out, const Json& result);
void dns_answer(const Output& out, const Json& result);

}  // namespace sendconn::tools::show
