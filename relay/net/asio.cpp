// The one translation unit that holds Asio's own code.
#include "relay/net/asio.hpp"

#include <asio/impl/src.hpp>
