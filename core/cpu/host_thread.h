// host_thread: how a host thread lets others run while its simulated CPU waits. Not part of the simulated machine.
#pragma once

#include "core/cpu/word.h"

namespace hvo {

/// Lets another thread have the core, if one wants it.
void yield_host_thread();
/// Sleeps until wake_host_thread(word), or at most so long; not at all when the word is no longer `seen`.
void sleep_host_thread(Word<u32>& word, u32 seen, u32 microseconds);
/// Wakes the thread that sleeps on this word, if one does.
void wake_host_thread(Word<u32>& word);

}  // namespace hvo
