// What the files that bind DKIM share.
#pragma once

#include <memory>

#include <sendconn/crypto.hpp>
#include <sendconn/dkim.hpp>

#include "bindings/python/src/python.hpp"

namespace sendconn::python {

/// Python has no const: PrivateKey is immutable by itself.
using KeyPointer = std::shared_ptr<crypto::PrivateKey>;

/// A PrivateKey, or a PEM text, which is decoded anew each time.
KeyPointer take_key(py::handle key);
dkim::Selector take_selector(py::handle selector);

}  // namespace sendconn::python
