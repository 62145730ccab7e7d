#include "relay/admin/stores.hpp"

#include "relay/config/secret_file.hpp"

namespace sendconn::relay {

Result<ControlStore> open_control_store(const Config& config, std::chrono::milliseconds patience) {
  ControlOptions options;
  options.folder = config.state_folder;
  options.provider = config.provider;
  options.patience = patience;
  if (!config.passphrase_file.empty()) {
    auto passphrase = read_secret_file(config.passphrase_file);
    if (!passphrase) return std::move(passphrase).error();
    options.passphrase = std::move(*passphrase);
  }
  auto store = ControlStore::open(options);
  crypto::wipe(options.passphrase);
  return store;
}

SpoolOptions spool_options(const Config& config) {
  SpoolOptions options;
  options.folder = config.state_folder + "/spool";
  options.sync = config.spool_sync;
  options.max_octets = config.spool_max_octets;
  options.min_free_octets = config.spool_min_free_octets;
  return options;
}

}  // namespace sendconn::relay
