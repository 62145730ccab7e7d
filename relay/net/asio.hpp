// Asio as this project uses it: standalone, compiled once (relay/net/asio.cpp), only the parts that the relay needs.
#pragma once

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
