// The one translation unit that holds Asio's own code.
#include <asio/impl/src.hpp>
