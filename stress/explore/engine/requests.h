// requests: what CPUs ask of each other, as it stands in their mailboxes.
#pragma once

#include <optional>
#include <span>

#include "core/cpu/cpu.h"
#include "stress/explore/engine/moment.h"

namespace hvo::stress {

/// What a word of a mailbox is.
struct RequestWord {
  u32 to = 0;    ///< the CPU that is asked
  u32 from = 0;  ///< the CPU that asks
  bool is_posted = false;
  bool is_served = false;  ///< neither: the range, or the kind, of the request
  const Slot* slot = nullptr;
};

/// Nothing for a word that is in no mailbox. `cpus`: those of the machine, each at the place of its number.
std::optional<RequestWord> request_word(std::span<Cpu* const> cpus, const void* word);

/// Fills in what `moment` asks, takes or answers, if it does: `asked`, `first`, `last`. At once after the access, for
/// the slot is used again. For engines that record.
void note_request(Moment& moment, std::span<Cpu* const> cpus);

}  // namespace hvo::stress
