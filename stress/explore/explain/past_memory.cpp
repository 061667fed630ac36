#include "stress/explore/explain/past_memory.h"

#include <algorithm>
#include <cstring>

namespace hvo::stress {

namespace {

u64 cut(u64 value, u8 size) { return size >= sizeof(u64) ? value : value & ((u64{1} << (8 * size)) - 1); }

std::vector<std::byte> copy(std::span<const std::byte> bytes) { return {bytes.begin(), bytes.end()}; }

}  // namespace

u64 value_after(const Access& access, u64 old, u64 result) {
  const auto sized = [&](u64 v) { return cut(v, access.size); };
  switch (access.kind) {
    case Kind::store:
    case Kind::plain_store:
    case Kind::exchange: return sized(access.operand);
    case Kind::fetch_add: return sized(result + access.operand);
    case Kind::fetch_or: return sized(result | access.operand);
    case Kind::fetch_and: return sized(result & access.operand);
    case Kind::cmpxchg: return sized(result == sized(access.expected) ? access.operand : result);
    default: return old;
  }
}

PastMemory::PastMemory(Machine& machine) : machine_(machine) {
  for (const auto bytes : {machine.arena().bytes(), machine.memory().bytes()}) {
    parts_.push_back({bytes.data(), copy(bytes), std::vector<bool>((bytes.size() + kGrain - 1) / kGrain)});
  }
}

u64 PastMemory::frame_bytes() const { return machine_.memory().frame_bytes(); }

const PastMemory::Part* PastMemory::part_of(const void* word, u64 size) const {
  const auto* at = static_cast<const std::byte*>(word);
  for (const Part& part : parts_) {
    if (at >= part.first && at + size <= part.first + part.bytes.size()) return &part;
  }
  return nullptr;
}

std::optional<u64> PastMemory::read(const void* word, u8 size) const {
  const Part* part = part_of(word, size);
  if (part == nullptr || size > sizeof(u64)) return std::nullopt;
  const auto offset = static_cast<u64>(static_cast<const std::byte*>(word) - part->first);
  for (u64 i = 0; i < size; i += kGrain) {
    if (part->is_unknown[(offset + i) / kGrain]) return std::nullopt;
  }
  u64 value = 0;
  std::memcpy(&value, part->bytes.data() + offset, size);
  return value;
}

void PastMemory::set(const void* word, u8 size, u64 value) {
  auto* part = const_cast<Part*>(part_of(word, size));
  if (part == nullptr || size > sizeof(u64)) return;
  const auto offset = static_cast<u64>(static_cast<const std::byte*>(word) - part->first);
  std::memcpy(part->bytes.data() + offset, &value, size);
  for (u64 i = 0; i < size; i += kGrain) part->is_unknown[(offset + i) / kGrain] = false;
}

void PastMemory::forget(const void* word, u64 size) {
  auto* part = const_cast<Part*>(part_of(word, size));
  if (part == nullptr) return;
  const auto offset = static_cast<u64>(static_cast<const std::byte*>(word) - part->first);
  for (u64 i = 0; i < size; i += kGrain) part->is_unknown[(offset + i) / kGrain] = true;
}

void PastMemory::happened(const Moment& moment) {
  if (moment.what != Moment::What::access) return;
  const Access& a = moment.access;
  if (a.kind == Kind::fill_frame) return forget(moment.word, frame_bytes());
  if (a.kind == Kind::load_line) return;
  if (!a.is_write()) {
    if (!moment.is_old) set(moment.word, a.size, moment.result);
    return;
  }
  const std::optional<u64> old = read(moment.word, a.size);
  const u64 now = value_after(a, old.value_or(0), moment.result);
  set(moment.word, a.size, now);
  if (old && a.size == sizeof(u64)) note_split(moment.word, Pmd{*old}, Pmd{now});
}

void PastMemory::note_split(const void* word, Pmd old, Pmd now) {
  if (!old.is_leaf() || !now.is_table()) return;
  const FrameTable& frames = machine_.frame_table();
  const auto tables = machine_.page_table().pmd_tables();
  const bool is_pmd = std::ranges::any_of(tables, [&](FrameNo table) {
    const std::byte* first = frames.address(table);
    return word >= first && word < first + frame_bytes();
  });
  if (!is_pmd) return;
  const auto* entries = reinterpret_cast<const u64*>(frames.address(now.frame()));
  for (u64 i = 0; i < machine_.config().geometry.ptrs_per_table(); ++i) {
    if (!read(&entries[i], sizeof(u64))) set(&entries[i], sizeof(u64), Pte::make(old.frame() + i, true).v);
  }
}

bool PastMemory::is_mapped_address(u64 va) const {
  const PageTable& table = machine_.page_table();
  return va >= table.vmemmap_base() && va < table.vmemmap_end();
}

const void* PastMemory::pmd_word(u64 va) const { return &machine_.page_table().pmd_word(va); }

Pmd PastMemory::pmd_at(u64 va) const { return Pmd{read(pmd_word(va), sizeof(u64)).value_or(0)}; }

const void* PastMemory::pte_word(u64 va) const {
  const Pmd pmd = pmd_at(va);
  return pmd.is_table() ? &machine_.page_table().pte_word(pmd.frame(), va) : nullptr;
}

std::optional<Pte> PastMemory::pte_at(u64 va) const {
  const void* word = pte_word(va);
  if (word == nullptr) return std::nullopt;
  const auto value = read(word, sizeof(u64));
  return value ? std::optional(Pte{*value}) : std::nullopt;
}

const std::byte* PastMemory::address_of(u64 va) const {
  if (!is_mapped_address(va)) return nullptr;
  const Geometry& g = machine_.config().geometry;
  const FrameTable& frames = machine_.frame_table();
  const Pmd pmd = pmd_at(va);
  if (pmd.is_leaf()) return frames.address(pmd.frame()) + va % g.pmd_size();
  const auto pte = pte_at(va);
  return pte && pte->is_present() ? frames.address(pte->frame()) + va % g.page_size() : nullptr;
}

}  // namespace hvo::stress
