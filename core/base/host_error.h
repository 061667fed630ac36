// host_error: what the host said when it refused.
#pragma once

#include <cerrno>
#include <cstring>
#include <expected>
#include <string>

namespace hvo {

/// "what: <errno in words>". Call before anything else can change errno.
inline std::unexpected<std::string> host_error(const char* what) {
  const int error = errno;
  return std::unexpected(std::string(what) + ": " + std::strerror(error));
}

}  // namespace hvo
