// Sockets that c-ares wants watched, under poll(2): for the places in lib/io that block.
#pragma once

#include <chrono>
#include <map>
#include <vector>

#include <sendconn/result.hpp>

namespace sendconn::io {

class PollSet {
 public:
  struct Ready {
    int socket = -1;
    bool read = false;
    bool write = false;
  };

  /// Neither read nor write: forget it.
  void watch(int socket, bool read, bool write);
  /// What became ready; empty when the time is over or a signal came. A socket with an error is ready for reading: who
  /// reads learns of it. Errc::io.
  Result<std::vector<Ready>> wait(std::chrono::milliseconds longest) const;

 private:
  std::map<int, short> watched_;
};

}  // namespace sendconn::io
