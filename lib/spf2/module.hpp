// What libsendconn-spf2.so exports, and lib/io/spf_engine.cpp looks for.
#pragma once

#include <sendconn/spf.hpp>

namespace sendconn::spf {

/// Changes with every change of Check, Options or what they are made of: module and program must agree on their layout.
constexpr int engine_interface = 1;

/// One function, by its C name: an engine for these options; null for another interface. The caller owns it.
using MakeEngine = Check* (*)(int interface, const Options* options);
constexpr const char* make_engine_name = "sendconn_spf2_engine";

}  // namespace sendconn::spf
