// What the files that bind DKIM share.
#pragma once

#include <memory>
#include <vector>

#include <sendconn/crypto.hpp>
#include <sendconn/dkim.hpp>

#include "bindings/python/src/python.hpp"

namespace sendconn::python {

/// Python has no const: PrivateKey is immutable by itself.
using KeyPointer = std::shared_ptr<crypto::PrivateKey>;

/// A PrivateKey, or a PEM text, which is decoded anew each time.
KeyPointer take_key(py::handle key);
dkim::Selector take_selector(py::handle selector);
/// Objects of the class Signature.
std::vector<dkim::Signature> take_signatures(py::handle signatures);
/// SignedFields, or None for the defaults.
dkim::SignedFields take_signed_fields(py::handle fields);

}  // namespace sendconn::python
