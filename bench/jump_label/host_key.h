// HostKey: switches the branches of static_branch.h by patching the code, while other threads run through it.
//
// The order of one switch, for all entries at once (text_poke_bp() of the kernel)
//   (1) the first byte of each becomes int3; every core synchronised
//   (2) the bytes behind it are written; every core synchronised
//   (3) the first byte of each is written; every core synchronised
//   A thread that meets int3 in between traps, and the handler lets it go on as the new code will: behind the nop, or
//   at the target. Nobody runs a mixture of both. A thread that trapped finishes that one branch by the switch it met.
// "Synchronised" is membarrier(PRIVATE_EXPEDITED_SYNC_CORE): each thread of the process has executed an instruction
// that serialises its core since. The handler reads what it needs from words that are published before (1) and stay
// until after (3).
//
// Synchronises-with pairs
//   (A) publication of the switch under way, or of none: store release ↔ (B) the handler's load acquire.
//       The handler sees the sites whole.
//   (C) the phase, counted behind the publication and before the first breakpoint, and behind its end: RMW ↔ (D) the
//       handler's load acquire. A phase that has not moved between two looks means that no switch began or ended
//       between them: a breakpoint that is there, and in no switch seen, is then somebody else's.
#pragma once

#include <expected>
#include <span>
#include <string>

#include "bench/jump_label/static_branch.h"

namespace hvo::bench {

/// The key of one object. Made once for each, and never destroyed: code may trap at any time.
class HostKey {
 public:
  /// Switches; when it returns, every thread sees it. One caller at a time; any thread may run through the branches.
  /// Error: one line for the user; the key is then as before.
  virtual std::expected<void, std::string> set(bool on) = 0;
  /// "patched code", or "atomic flag".
  virtual const char* kind() const = 0;
  /// Threads that met a breakpoint so far, in the whole process.
  static u64 nr_traps();

 protected:
  ~HostKey() = default;
};

/// A key over these entries. Switches it off, for the compiler left it on.
/// Error: one line for the user: membarrier or the mapping was refused, or an entry is no jump.
std::expected<HostKey*, std::string> make_patched_key(std::span<const JumpEntry> entries);
/// A key that is this flag.
HostKey* make_flag_key(std::atomic<bool>& flag);

/// The key of the object that calls this.
[[gnu::always_inline]] inline std::expected<HostKey*, std::string> make_own_key() {
#if HVO_JUMP_LABEL
  return make_patched_key({hvo_jump_table_begin, hvo_jump_table_end});
#else
  return make_flag_key(hvo_key_flag);
#endif
}

}  // namespace hvo::bench
