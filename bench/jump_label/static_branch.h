// static_branch: a branch that costs a nop while its key is off. Included by the code that is patched.
//
// asm goto leaves a jump in the code, of two or five bytes as the assembler finds it needs, and notes where it is and
// where it leads in the section hvo_jump_table. HostKey (host_key.h) turns all jumps of an object into nops and back
// while other threads run through them. Each shared object, or program, has one key of its own.
// Under sanitizers, and on other processors than x86-64, the branch tests an atomic flag instead.
// Source: static_branch_unlikely(), arch_static_branch() of the kernel: same code, own writing.
#pragma once

#include <atomic>

#include "core/base/types.h"

#if defined(__x86_64__) && !defined(HVO_NO_JUMP_LABEL)
#define HVO_JUMP_LABEL 1
#else
#define HVO_JUMP_LABEL 0
#endif

namespace hvo::bench {

/// One place that a key switches: distances from the fields themselves, so that the table needs no relocation.
struct JumpEntry {
  i32 code;    ///< to the instruction
  i32 target;  ///< to where it jumps while the key is on
};
static_assert(sizeof(JumpEntry) == 8);

}  // namespace hvo::bench

// The table's ends, as the linker names them, and the flag of an object without one. Never shared between objects.
extern "C" {
#if HVO_JUMP_LABEL
extern const hvo::bench::JumpEntry hvo_jump_table_begin[] __asm__("__start_hvo_jump_table")
    __attribute__((visibility("hidden")));
extern const hvo::bench::JumpEntry hvo_jump_table_end[] __asm__("__stop_hvo_jump_table")
    __attribute__((visibility("hidden")));
#endif
extern std::atomic<bool> hvo_key_flag __attribute__((visibility("hidden")));
}

namespace hvo::bench {

/// True while the key of this object is on. Any thread.
[[gnu::always_inline]] inline bool static_branch() {
#if HVO_JUMP_LABEL
  asm goto(
      "1: jmp %l[on]\n"
      ".pushsection hvo_jump_table, \"a\"\n"
      ".long 1b - .\n"
      ".long %l[on] - .\n"
      ".popsection\n"
      :
      :
      :
      : on);
  return false;
on:
  return true;
#else
  return hvo_key_flag.load(std::memory_order::relaxed);
#endif
}

}  // namespace hvo::bench
