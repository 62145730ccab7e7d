// The rotation of a domain's DKIM key between two runs of the program: a file
// with its state, and beside it each key in a file of its own.
//
// No key is ever lost: a key's file is made anew (never over another), synced,
// and its name synced, before the state speaks of it; no key's file is ever
// removed or written again. The state is replaced as a whole by a rename that
// is synced too, so a crash at any instant leaves the old state or the new one.
// All files are readable by their owner alone. While a RotationFile is open, no
// other process can open one in the same folder.
#pragma once

#include <map>
#include <optional>
#include <string>

#include <sendconn/address.hpp>
#include <sendconn/crypto.hpp>
#include <sendconn/dkim_rotation.hpp>
#include <sendconn/result.hpp>

namespace sendconn::tools {

/// All there is in the file of the state.
struct StoredRotation {
  std::string domain;
  dkim::RotationState state;
  dkim::RotationTimes times;
  std::map<std::string, std::string> keys;  ///< selector to PEM file: an absolute path, or one beside the state
};

class RotationFile {
 public:
  /// Locks the folder of `path` and reads the state, if there is one. Errc::io;
  /// Errc::conflict while another process has it open; Errc::syntax for a file
  /// that is no state; Errc::invalid_argument for a state that cannot be.
  static Result<RotationFile> open(const std::string& path);
  RotationFile(RotationFile&& other) noexcept;
  RotationFile& operator=(RotationFile&& other) noexcept;
  ~RotationFile();

  [[nodiscard]] const std::optional<StoredRotation>& stored() const noexcept { return stored_; }
  /// Errc::io: the state on the disk is the one before.
  Result<void> save(const StoredRotation& rotation);

  /// Where a new key of this selector is kept:
  /// "<selector>._domainkey.<domain>.pem", beside the state.
  [[nodiscard]] static std::string key_name(const std::string& domain, const std::string& selector);
  /// Keeps a key's PEM text. Errc::conflict if there is a file of that name
  /// already.
  Result<void> keep_key(const std::string& name, const std::string& pem);
  [[nodiscard]] bool has_key(const std::string& name) const;
  /// The path of a key, as the state names it.
  [[nodiscard]] std::string path_of(const std::string& key) const;

 private:
  RotationFile(std::string folder, std::string name, int lock)
      : folder_(std::move(folder)), name_(std::move(name)), lock_(lock) {}

  std::string folder_;
  std::string name_;
  int lock_ = -1;  ///< the folder's descriptor; its lock ends with it
  std::optional<StoredRotation> stored_;
};

}  // namespace sendconn::tools
