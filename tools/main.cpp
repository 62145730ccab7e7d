// The program sendconn: reads its command line, runs one command.
#include <CLI/CLI.hpp>
#include <csignal>
#include <map>

#include "tools/commands.hpp"

namespace {

constexpr const char* footer = R"(Examples:
  sendconn account add acme
  sendconn connector add acme/shop --rate "100/min, burst 20"
  sendconn domain add example.org --account acme --connector shop
  sendconn domain verify example.org
  sendconn dkim keygen --domain example.org --selector s1
  sendconn queue list

Each command has its own --help with examples.

Exit codes: 0 done, 1 refused or failed, 2 wrong usage or value, 3 not found, 4 temporary: try again later.)";

}  // namespace

int main(int argc, char** argv) {
  using namespace sendconn::tools;
  std::signal(SIGPIPE, SIG_IGN);  // a relay or a server that goes away is an error to report, not an end
  Session session;
  Colour colour = Colour::automatic;
  CLI::App program{
      "sendconn: accounts, connectors, domains, keys and the queue of the sendconn relay, and tools to try it."};
  program.name("sendconn");
  program.footer(footer);
  program.fallthrough();  // global options may stand behind the command too
  program.require_subcommand(1);
  program.set_version_flag("--version", "sendconn " SENDCONN_VERSION);
  program.add_option("--config", session.config, "The relay's configuration file")
      ->type_name("FILE")
      ->envname("SENDCONN_CONFIG")
      ->capture_default_str();
  program.add_flag("--json", session.json, "Print JSON for programs");
  program.add_option("--color", colour, "auto (terminals only), always or never")
      ->type_name("WHEN")
      ->transform(CLI::CheckedTransformer(std::map<std::string, Colour>{{"auto", Colour::automatic},
                                                                        {"always", Colour::always},
                                                                        {"never", Colour::never}})
                      .description(""));
  program.parse_complete_callback([&] { session.out = Output(colour); });

  add_account_commands(program, session);
  add_connector_commands(program, session);
  add_domain_commands(program, session);
  add_dkim_commands(program, session);
  add_dmarc_commands(program, session);
  add_queue_commands(program, session);
  add_send_command(program, session);
  add_dig_command(program, session);
  add_spf_commands(program, session);
  add_authenticate_command(program, session);
  add_relay_commands(program, session);
  add_completion_command(program, session);
  try {
    program.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return program.exit(error) == 0 ? exit_ok : exit_usage;
  }
  return session.exit_code;
}
