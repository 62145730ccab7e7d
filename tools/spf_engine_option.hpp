// Which engine checks SPF on the command line: our own, or libspf2 for comparison.
#pragma once

#include <memory>
#include <string>

#include <sendconn/result.hpp>
#include <sendconn/spf.hpp>

namespace CLI {
class App;
}

namespace sendconn::tools {

struct SpfEngineOption {
  std::string engine = "sendconn";             ///< or "libspf2"
  std::string module = "libsendconn-spf2.so";  ///< of libspf2; a bare name is looked for where the system does

  void add_options(CLI::App& command);
  /// Errc::not_found and Errc::unsupported as spf::load_libspf2 has it.
  [[nodiscard]] Result<std::unique_ptr<spf::Check>> make(const spf::Options& options) const;
};

}  // namespace sendconn::tools
