#include "bindings/python/src/source.hpp"

#include "bindings/python/src/machine.hpp"
#include "bindings/python/src/resolver.hpp"

namespace sendconn::python {

Source* source_of(py::handle resolver) {
  if (py::isinstance<HeldZone>(resolver)) return resolver.cast<HeldZone*>();
  if (py::isinstance<BlockingResolver>(resolver)) return resolver.cast<BlockingResolver*>();
  return nullptr;
}

void raise_not_ended() {
  raise({Errc::wrong_state, "the check waits for the end of the message: call finish() first", Error::no_position});
}

void raise_in_use() {
  raise({Errc::wrong_state, "the object is in use by another call, in another thread or further up in this one",
         Error::no_position});
}

void raise_not_done() {
  raise({Errc::wrong_state, "there is no result yet: answer every question first", Error::no_position});
}

}  // namespace sendconn::python
