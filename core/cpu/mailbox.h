// The mailbox of a CPU: requests of other CPUs, one slot per initiator, so that a post can never overflow.
#pragma once

#include "core/base/types.h"
#include "core/cpu/word.h"

namespace hvo {

/// What is asked of a CPU; several bits may stand in one slot.
enum Request : u32 {
  kRequestFlush = 1,     ///< drop TLB entries that overlap [first, last]
  kRequestQuiesce = 2,   ///< pass a quiescent state: answered outside RCU read sections only
  kRequestSyncCore = 4,  ///< see newly patched code (static keys)
};

/// One initiator's requests to one CPU. Written by the initiator, `served` by the receiver.
/// Served when served == posted. An unserved slot is widened by the next post, never replaced.
struct Slot {
  Word<u64> first;  ///< virtual addresses, inclusive
  Word<u64> last;
  Word<u64> posted;  ///< number of the newest request
  Word<u64> served;  ///< number of the newest request that was served
  Word<u32> what;
  u32 reserved = 0;
};
static_assert(sizeof(Slot) == 40);

}  // namespace hvo
