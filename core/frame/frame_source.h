// FrameSource: where the simulated kernel gets its frames. The one place where the decorators are put together.
#pragma once

#include "core/frame/counting_allocator.h"
#include "core/frame/failing_allocator.h"
#include "core/frame/frame_allocator.h"

namespace hvo {

/// Constructed as a FrameAllocator: (arena, config, frame table, budget). Failures come from next().set_plan, the bare
/// allocator is next().next().
using FrameSource = CountingAllocator<FailingAllocator<FrameAllocator>>;

}  // namespace hvo
