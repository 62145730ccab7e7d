// The program sendconn-relay.
#include <CLI/CLI.hpp>

#include <cstdio>
#include <string>

#include "relay/admin/once.hpp"
#include "relay/config/config.hpp"
#include "relay/relay.hpp"
#include "relay/spf2/helper.hpp"

namespace {

constexpr int exit_failure = 1;
constexpr int exit_usage = 2;

int fail(const sendconn::Error& error) {
  std::fprintf(stderr, "sendconn-relay: %s\n", error.text.c_str());
  return exit_failure;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{
      "sendconn-relay accepts mail from authorised connectors, signs it with DKIM, keeps it on stable storage and "
      "delivers it."};
  app.footer(
      "Examples:\n"
      "  sendconn-relay --config /etc/sendconn/sendconn.toml\n"
      "  sendconn-relay --config sendconn.toml --check-config\n"
      "Signals: SIGTERM drains and ends, a second one ends at once; SIGHUP reads the certificates anew.");
  std::string path = "/etc/sendconn/sendconn.toml";
  bool check = false;
  bool once = false;
  app.add_option("--config", path, "The configuration file")->envname("SENDCONN_CONFIG")->capture_default_str();
  app.add_flag("--check-config", check,
               "Read the configuration and the files that it names, say whether they are good, and end");
  app.add_flag("--admin-once", once)->group("");  // for the command line program, when no relay runs
  std::string spf_module;
  app.add_option("--spf-helper", spf_module)->group("");  // for the relay itself: libspf2, in a process of its own
  app.set_version_flag("--version", "sendconn-relay " SENDCONN_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? 0 : exit_usage;
  }

  if (!spf_module.empty()) return sendconn::relay::spf2::run_helper(spf_module);
  const auto config = sendconn::relay::load_config(path);
  if (!config) return fail(config.error());
  if (check) {
    if (const auto files = sendconn::relay::check_files(*config); !files) return fail(files.error());
    std::printf("%s is good\n", path.c_str());
    return 0;
  }
  if (once) return sendconn::relay::run_admin_once(*config);
  const auto code = sendconn::relay::run(*config);
  return code ? *code : fail(code.error());
}
