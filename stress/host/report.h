// report: what the running kernel has of HVO, saves by it and could save, for a reader or a program.
#pragma once

#include <string>

#include "stress/host/kernel.h"

namespace hvo::stress {

/// Fits in 72 columns.
std::string host_text(const HostKernel& kernel);
std::string host_json(const HostKernel& kernel);

}  // namespace hvo::stress
