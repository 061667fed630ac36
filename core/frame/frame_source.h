// FrameSource: where the simulated kernel gets its frames. The one place where the decorators are put together.
#pragma once

#include "core/frame/counting_allocator.h"
#include "core/frame/failing_allocator.h"
#include "core/frame/node_frames.h"

namespace hvo {

/// Constructed as NodeFrames: (arena, config, frame table, budget or one budget per node). Failures are planned, and
/// frames in use counted, for the whole machine: next().set_plan; the bare allocators are next().next().node(…).
using FrameSource = CountingAllocator<FailingAllocator<NodeFrames>>;

}  // namespace hvo
