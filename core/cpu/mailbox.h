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

/// How a TLB flush reaches the other CPUs.
enum class FlushBy : u8 {
  ipi,        ///< an interrupt (x86): not served with interrupts off
  broadcast,  ///< the processor's own message (arm64 TLBI): needs no interrupt, and orders nothing else
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
