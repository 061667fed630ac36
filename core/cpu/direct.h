// perform_directly: an access as ordinary atomics, for engines that don't want to change values.
#pragma once

#include <cstring>

#include "core/cpu/access.h"
#include "core/cpu/word.h"

namespace hvo {

/// Replaces the value by f of it, in one fully ordered RMW; returns the old value.
template <class T, class F>
[[gnu::always_inline]] inline T update(Word<T>& w, F f) {
  T old = ref(w).load(std::memory_order::relaxed);
  while (!ref(w).compare_exchange_weak(old, f(old), std::memory_order::acq_rel, std::memory_order::relaxed)) {
  }
  return old;
}

/// The access of one typed word. The plain run inlines this; `order` and `kind` are constants there.
template <class T>
[[gnu::always_inline]] inline T direct(Word<T>& w, const Access& a) {
  constexpr auto relaxed = std::memory_order::relaxed;
  const T operand = static_cast<T>(a.operand);
  switch (a.kind) {
    case Kind::load:
    case Kind::walker_load:
      return a.order == MemoryOrder::acquire ? ref(w).load(std::memory_order::acquire) : ref(w).load(relaxed);
    case Kind::store:
      if (a.order == MemoryOrder::release) {
        ref(w).store(operand, std::memory_order::release);
      } else {
        ref(w).store(operand, relaxed);
      }
      return operand;
    // acq_rel, not seq_cst: the machine has no place where two CPUs each store one word and load the other's without
    // an RMW between (cpu.h, pairs), and x86 compiles both to the same instruction.
    case Kind::fetch_add: return ref(w).fetch_add(operand, std::memory_order::acq_rel);
    // Written out: g++ 12.2 at -O1 and above compiles fetch_or and fetch_and of a run-time operand, in this switch, to
    // a compare-exchange loop that stores the old value back (seen in its disassembly).
    case Kind::fetch_or: return update(w, [operand](T old) { return static_cast<T>(old | operand); });
    case Kind::fetch_and: return update(w, [operand](T old) { return static_cast<T>(old & operand); });
    case Kind::exchange: return ref(w).exchange(operand, std::memory_order::acq_rel);
    case Kind::cmpxchg: {
      T old = static_cast<T>(a.expected);
      ref(w).compare_exchange_strong(old, operand, std::memory_order::acq_rel, relaxed);
      return old;
    }
    case Kind::plain_load: return w.raw;
    case Kind::plain_store: return w.raw = operand;
    case Kind::load_line:
    case Kind::fill_frame:
    case Kind::nothing: break;
  }
  __builtin_unreachable();
}

/// Reads the 64 bytes at `line` with eight marked loads.
inline void direct_load_line(void* line, u64* out) {
  auto* words = static_cast<Word<u64>*>(line);
  for (unsigned i = 0; i < 8; ++i) out[i] = ref(words[i]).load(std::memory_order::relaxed);
}

/// Does any access on a word of any size; the result is zero-extended. `frame_bytes`: the size of a frame.
u64 perform_directly(const Access& access, void* word, u64 frame_bytes);

}  // namespace hvo
