#include "stress/explore/engine/requests.h"

namespace hvo::stress {

std::optional<RequestWord> request_word(std::span<Cpu* const> cpus, const void* word) {
  const auto* at = static_cast<const std::byte*>(word);
  for (const Cpu* cpu : cpus) {
    for (const std::span<Slot> slots : {cpu->wiring().mailbox, cpu->wiring().tlbi}) {
      const auto bytes = std::as_bytes(slots);
      if (bytes.empty() || at < bytes.data() || at >= bytes.data() + bytes.size()) continue;
      const auto from = static_cast<u32>(static_cast<u64>(at - bytes.data()) / sizeof(Slot));
      const Slot& slot = slots[from];
      return RequestWord{.to = cpu->id(),
                         .from = from,
                         .is_posted = word == &slot.posted,
                         .is_served = word == &slot.served,
                         .slot = &slot};
    }
  }
  return std::nullopt;
}

void note_request(Moment& moment, std::span<Cpu* const> cpus) {
  if (moment.what != Moment::What::access) return;
  const auto found = request_word(cpus, moment.word);
  if (!found || !moment.access.is_write() || (!found->is_posted && !found->is_served)) return;
  constexpr auto kRelaxed = std::memory_order::relaxed;
  auto& slot = const_cast<Slot&>(*found->slot);
  moment.asked = ref(slot.what).load(kRelaxed);
  moment.first = ref(slot.first).load(kRelaxed);
  moment.last = ref(slot.last).load(kRelaxed);
}

}  // namespace hvo::stress
