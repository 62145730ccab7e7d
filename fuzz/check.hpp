// What a fuzzer calls a fault, besides a crash: a property of the parser that does not hold.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace sendconn::fuzz {

inline void check(bool holds, const char* property) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", property);
  std::abort();
}

}  // namespace sendconn::fuzz
