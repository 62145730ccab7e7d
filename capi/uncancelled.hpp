// The border of the C interface for threads that are cancelled.
#pragma once

#include <pthread.h>

namespace sendconn::capi {

/// While it lives, the thread is not cancelled: the unwinding would meet a function that is noexcept, which ends the
/// process. Not only functions that block have cancellation points: opening a file is one, and so are random octets.
class Uncancelled {
 public:
  Uncancelled() noexcept { pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before_); }
  Uncancelled(const Uncancelled&) = delete;
  Uncancelled& operator=(const Uncancelled&) = delete;
  ~Uncancelled() { pthread_setcancelstate(before_, nullptr); }

 private:
  int before_ = PTHREAD_CANCEL_ENABLE;
};

}  // namespace sendconn::capi
