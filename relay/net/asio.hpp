// Asio as this project uses it: standalone, compiled once (relay/net/asio.cpp), only the parts that the relay needs.
#pragma once

// First: Asio's configuration asks for macros that any standard header defines. Without one it would take memory by one
// allocator here and give it back by another there.
#include <cstddef>

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
