// load_libspf2: finds the module, asks it for an engine, and keeps it loaded, for nobody knows when its last check
// ends.
#include <dlfcn.h>

#include <cstring>

#include <sendconn/spf_engine.hpp>

#include "lib/spf2/module.hpp"

namespace sendconn::spf {

Result<std::unique_ptr<Check>> load_libspf2(const std::string& module, const Options& options) {
  void* handle = ::dlopen(module.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (handle == nullptr) {
    const char* reason = ::dlerror();
    return Error{Errc::not_found,
                 "cannot load the SPF engine: " + std::string(reason == nullptr ? module.c_str() : reason)};
  }
  MakeEngine make = nullptr;
  void* symbol = ::dlsym(handle, make_engine_name);
  static_assert(sizeof make == sizeof symbol);
  std::memcpy(&make, &symbol, sizeof make);  // POSIX lets a function's address pass through void*, C++ does not
  std::unique_ptr<Check> check(make == nullptr ? nullptr : make(engine_interface, &options));
  ::dlclose(handle);
  if (check == nullptr) return Error{Errc::unsupported, module + " is no SPF engine of this version"};
  return check;
}

}  // namespace sendconn::spf
