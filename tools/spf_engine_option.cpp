#include "tools/spf_engine_option.hpp"

#include <CLI/CLI.hpp>

#include <sendconn/spf_engine.hpp>

namespace sendconn::tools {

void SpfEngineOption::add_options(CLI::App& command) {
  command.add_option("--spf-engine", engine, "sendconn, or libspf2 to compare (it knows no --trace)")
      ->type_name("NAME")
      ->check(CLI::IsMember({"sendconn", "libspf2"}).description(""))
      ->capture_default_str();
  command.add_option("--spf-module", module, "The module of libspf2")->type_name("FILE")->capture_default_str();
}

Result<std::unique_ptr<spf::Check>> SpfEngineOption::make(const spf::Options& options) const {
  if (engine == "libspf2") return spf::load_libspf2(module, options);
  return spf::make_check(options);
}

}  // namespace sendconn::tools
