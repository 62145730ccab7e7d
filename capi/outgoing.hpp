// A message to send as a handle.
#pragma once

#include <sendconn/mime.hpp>

struct sendconn_message {
  sendconn::mime::Message message;
};
