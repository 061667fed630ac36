#include "stress/explore/memory/weak_memory.h"

#include <vector>

#include "core/base/check.h"
#include "stress/explore/memory/weak_model.h"

namespace hvo::stress {

namespace {

CpuParts parts_of(const Cpu& cpu) {
  const CpuWiring& w = cpu.wiring();
  return {.state = w.state,
          .mailbox = w.mailbox.data(),
          .tlbi = w.tlbi.data(),
          .nr_tlbi = static_cast<u32>(w.tlbi.size()),
          .pages = w.tlb.pages.data(),
          .blocks = w.tlb.blocks.data(),
          .nr_pages = static_cast<u32>(w.tlb.pages.size()),
          .nr_blocks = static_cast<u32>(w.tlb.blocks.size()),
          .page_shift = w.tlb.page_shift,
          .pmd_shift = w.tlb.pmd_shift,
          .memory = w.frames != nullptr ? w.frames->memory : nullptr,
          .mmu = w.mmu,
          .walk = w.walk};
}

std::vector<CpuParts> parts_of(std::span<Cpu* const> cpus) {
  std::vector<CpuParts> parts;
  for (const Cpu* cpu : cpus) {
    HVO_CHECK(cpu->id() == parts.size(), "CPUs in the order of their numbers, all of a machine");
    parts.push_back(parts_of(*cpu));
  }
  return parts;
}

}  // namespace

struct WeakMemory::Impl {
  explicit Impl(const std::vector<CpuParts>& parts) : model(parts.data(), static_cast<u32>(parts.size())) {}
  WeakModel model;
};

WeakMemory::WeakMemory(std::span<Cpu* const> cpus) : impl_(std::make_unique<Impl>(parts_of(cpus))) {}

WeakMemory::~WeakMemory() = default;

void WeakMemory::start() { impl_->model.start(); }

u64 WeakMemory::perform(Cpu& cpu, const Access& access, void* word, Chooser& chooser) {
  return impl_->model.perform(cpu, cpu.id(), access, word, chooser);
}

bool WeakMemory::catch_up(Cpu& cpu, const void* word) { return impl_->model.catch_up(cpu.id(), word); }

bool WeakMemory::was_old() const { return impl_->model.was_old(); }

}  // namespace hvo::stress
