// Word: one word of modelled memory that several CPUs may touch.
//
// It is plain storage, so that it can live in the arena; marked accesses go through std::atomic_ref. Only Cpu (the
// seam) and the detectors use ref(); everything else asks a Cpu.
#pragma once

#include <atomic>
#include <type_traits>

#include "core/base/types.h"

namespace hvo {

template <class T>
struct Word {
  static_assert(std::is_integral_v<T> && sizeof(T) <= 8);
  alignas(sizeof(T)) T raw{};
};

template <class T>
std::atomic_ref<T> ref(Word<T>& w) {
  return std::atomic_ref<T>(w.raw);
}

}  // namespace hvo
