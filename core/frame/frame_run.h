// FrameRun: frames side by side.
#pragma once

#include "core/base/units.h"

namespace hvo {

/// The frames [first, first + nr).
struct FrameRun {
  FrameNo first;
  u64 nr = 0;
};

}  // namespace hvo
