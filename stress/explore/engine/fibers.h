// Fibers: one stack per simulated CPU, all on one host thread, that hand over to each other.
//
// Its source is compiled without instrumentation and tells a sanitizer of each switch. Under ThreadSanitizer a fiber is
// a thread of its own and a switch orders nothing: a publish by a relaxed store is reported, on one thread, each time.
// Only the beginning of a run and its end order, as those of threads do.
#pragma once

#include <memory>
#include <vector>

#include "core/base/types.h"

namespace hvo::stress {

class Fibers {
 public:
  /// Not in a fiber: where run() was called.
  static constexpr u32 kOutside = ~u32{0};
  /// What fiber `nth` does, from its beginning. Returns who goes on when it is done: another one, or kOutside.
  using Entry = u32 (*)(void* context, u32 nth);

  Fibers(u32 n, Entry entry, void* context);
  /// Those in the middle are dropped: their stacks are not unwound.
  ~Fibers();
  Fibers(const Fibers&) = delete;
  Fibers& operator=(const Fibers&) = delete;

  /// From outside: all are at their beginning, those in the middle dropped; `first` goes on. Returns when one hands
  /// over to kOutside. What was written before is visible to the fibers, what they wrote is visible afterwards.
  void run(u32 first);
  /// In fiber `from`: `to` goes on, until somebody hands over to `from` again.
  void hand_over(u32 from, u32 to);

  /// Where all fibers stand, with what is on their stacks.
  struct Kept {
    struct Stack {
      void* at = nullptr;  ///< where what is in use begins; it ends where the stack does
      std::vector<std::byte> bytes{};
      bool in_the_middle = false;
    };
    std::vector<Stack> stacks{};
  };
  /// False under sanitizers: they follow each stack, and would not know of one that is put back.
  static bool can_keep();
  /// From outside, after run() or go_on() came back.
  void keep(Kept& kept) const;
  /// From outside, on the thread that kept: the fibers stand where they stood, whatever they have done since. What they
  /// had on the heap is as it is now.
  void put_back(const Kept& kept);
  /// From outside: `nth` goes on from where it is. Else as run().
  void go_on(u32 nth);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hvo::stress
