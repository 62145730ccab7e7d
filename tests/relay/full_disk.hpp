// A full disk, as one process can have it for itself.
#pragma once

#include <csignal>

#include <sys/resource.h>

namespace sendconn::relay::testing {

/// While it lives, no file can grow beyond `octets`, nor be written to behind it.
class FullDisk {
 public:
  explicit FullDisk(rlim_t octets) : old_handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    rlimit bound = before_;
    bound.rlim_cur = octets;
    ::setrlimit(RLIMIT_FSIZE, &bound);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, old_handler_);
  }

 private:
  void (*old_handler_)(int);
  rlimit before_{};
};

}  // namespace sendconn::relay::testing
