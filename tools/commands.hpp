// The command tree. Each function adds one group of commands to the program; a command runs when the line is parsed and
// leaves its exit code in the session, which must outlive the tree.
#pragma once

#include "tools/session.hpp"

namespace CLI {
class App;
}

namespace sendconn::tools {

void add_account_commands(CLI::App& program, Session& session);
void add_connector_commands(CLI::App& program, Session& session);
void add_domain_commands(CLI::App& program, Session& session);
void add_dkim_commands(CLI::App& program, Session& session);
/// Of the group dkim.
void add_dkim_verify_command(CLI::App& group, Session& session);
void add_dkim_lint_command(CLI::App& group, Session& session);
void add_dkim_rotate_command(CLI::App& group, Session& session);
void add_dmarc_commands(CLI::App& program, Session& session);
void add_authenticate_command(CLI::App& program, Session& session);
void add_queue_commands(CLI::App& program, Session& session);
void add_spf_commands(CLI::App& program, Session& session);
void add_send_command(CLI::App& program, Session& session);
void add_dig_command(CLI::App& program, Session& session);
void add_relay_commands(CLI::App& program, Session& session);
void add_completion_command(CLI::App& program, Session& session);

}  // namespace sendconn::tools
