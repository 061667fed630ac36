#include "stress/explore/explain/object_names.h"

#include <fmt/format.h>

#include <algorithm>

namespace hvo::stress {

namespace {

std::string_view field_name(u64 offset) {
  switch (offset) {
    case page_field::flags: return "flags";
    case page_field::compound_head: return "compound_head";
    case page_field::compound_meta: return "compound_meta";
    case page_field::mapping: return "mapping";
    case page_field::index: return "index";
    case page_field::priv: return "private";
    case page_field::mapcount: return "mapcount";
    case page_field::refcount: return "refcount";
    case page_field::memcg_data: return "memcg_data";
    default: return "?";
  }
}

/// " of node 1" where there are several.
std::string of_node(const Machine& machine, u32 node) {
  return machine.nr_nodes() > 1 ? fmt::format(" of node {}", node) : "";
}

}  // namespace

ObjectNames::ObjectNames(const PastMemory& memory, const std::vector<Moment>& moments)
    : memory_(memory), machine_(memory.machine()) {
  add_locks();
  add_counters();
  for (const Moment& m : moments) {
    if (m.what != Moment::What::access || m.access.kind != Kind::store || m.access.size != sizeof(u64)) continue;
    const Object object = of_word(m.word);
    const Pmd now{m.access.operand};
    if (object.kind == Object::Kind::pmd && now.is_table()) tables_to_come_.emplace(now.frame().v, object.va);
  }
}

void ObjectNames::add(const void* first, u64 bytes, Object::Kind kind, std::string name) {
  named_[static_cast<const std::byte*>(first)] = {bytes, {.kind = kind, .name = std::move(name)}};
}

void ObjectNames::add_locks() {
  const InitMm& mm = machine_.page_table().init_mm();
  add(&mm.mmap_lock, sizeof(RwSem), Object::Kind::rw_sem, "mmap_lock");
  add(&mm.page_table_lock, sizeof(SpinLock), Object::Kind::spin_lock, "page_table_lock");
  add(&machine_.hugetlb().hugetlb_lock(), sizeof(SpinLock), Object::Kind::spin_lock, "hugetlb_lock");
  for (const Hstate& h : machine_.hugetlb().hstates()) {
    add(&h.resize_lock, sizeof(Mutex), Object::Kind::mutex, fmt::format("resize_lock[order {}]", h.order.v));
  }
  add(&machine_.vmemmap().key().mutex(), sizeof(Mutex), Object::Kind::mutex, "static key mutex");
  for (NodeId node; node.v < machine_.nr_nodes(); ++node.v) {
    const FrameAllocator& frames = machine_.frames().next().next().node(node);
    const std::string where = of_node(machine_, node.v);
    add(&frames.zone_lock(), sizeof(SpinLock), Object::Kind::spin_lock, "zone lock of frames" + where);
    add(&machine_.pages().zone_lock(node), sizeof(SpinLock), Object::Kind::spin_lock, "zone lock of pages" + where);
    for (u32 cpu = 0; cpu < machine_.nr_cpus(); ++cpu) {
      add(&frames.pcp_lock(cpu), sizeof(SpinLock), Object::Kind::spin_lock,
          fmt::format("pcp lock of CPU {}{}", cpu, where));
    }
  }
}

void ObjectNames::add_counters() {
  StaticKey& key = machine_.vmemmap().key();
  add(&key.enabled_word(), sizeof(u32), Object::Kind::static_key, "static key");
  add(&key.count_word(), sizeof(u32), Object::Kind::counter, "static key count");
  add(&machine_.hugetlb().hpage_freelist(), sizeof(u32), Object::Kind::counter, "hpage_freelist");
  add(&machine_.vmemmap().nr_poisoned(), sizeof(u64), Object::Kind::counter, "num_poisoned_pages");
  for (NodeId node; node.v < machine_.nr_nodes(); ++node.v) {
    add(&machine_.budget(node).word(), sizeof(u64), Object::Kind::counter, "free pages" + of_node(machine_, node.v));
  }
  const auto slots = machine_.optimizer().shared_tails().slots();
  for (std::size_t i = 0; i < slots.size(); ++i) {
    add(&slots[i], sizeof(u32), Object::Kind::counter,
        fmt::format("vmemmap_tails[zone {}][order {}]", i / SharedTails::kNrOrders, i % SharedTails::kNrOrders));
  }
}

Object ObjectNames::of(const Moment& moment) const {
  if (moment.access.space == Space::vmemmap && moment.access.size != 0 && moment.what != Moment::What::wait) {
    Object object = of_address(moment.access.object);
    const bool is_both = object.name.ends_with(".mapcount") && moment.access.size == sizeof(u64);
    if (is_both) {
      object.kind = Object::Kind::page_counts;
      object.name = object.name.substr(0, object.name.find('.')) + ".mapcount, refcount";
    }
    return object;
  }
  return of_word(moment.word);
}

Object ObjectNames::of_address(u64 va) const {
  const Vmemmap& vmemmap = machine_.vmemmap();
  if (!vmemmap.is_valid({va})) return {.kind = Object::Kind::other, .name = fmt::format("address {:#x}", va), .va = va};
  const u64 offset = (va - vmemmap.page_of({0}).va) % kStructPageSize;
  const u64 page = va - offset;
  return {.kind = Object::Kind::page_field,
          .name = fmt::format("page[{}].{}", vmemmap.pfn_of({page}).v, field_name(offset)),
          .va = va};
}

Object ObjectNames::of_word(const void* word) const {
  const auto* at = static_cast<const std::byte*>(word);
  const auto frames = machine_.memory().bytes();
  if (at >= frames.data() && at < frames.data() + frames.size()) return of_frame_word(word);
  auto next = named_.upper_bound(at);
  if (next != named_.begin()) {
    const auto& [first, named] = *std::prev(next);
    if (at < first + named.bytes) return named.object;
  }
  if (const auto slot = request_word(machine_.cpus(), word)) {
    return {.kind = Object::Kind::request, .name = fmt::format("request of CPU {} to CPU {}", slot->from, slot->to)};
  }
  if (!machine_.arena().contains(word)) return {.kind = Object::Kind::other, .name = "private memory"};
  return {.kind = Object::Kind::other, .name = fmt::format("arena + {:#x}", machine_.arena().offset_of(word))};
}

Object ObjectNames::of_frame_word(const void* word) const {
  const auto offset = static_cast<u64>(static_cast<const std::byte*>(word) - machine_.memory().bytes().data());
  const FrameNo frame{static_cast<u32>(offset / memory_.frame_bytes())};
  const u64 inside = offset % memory_.frame_bytes();
  if (auto table = of_table(frame)) {
    const Geometry& g = machine_.config().geometry;
    const bool is_pmd = table->kind == Object::Kind::pmd;
    const u64 bytes = is_pmd ? g.pmd_size() : g.page_size();
    table->va += inside / sizeof(u64) * bytes;
    const u64 pmd = (table->va - machine_.page_table().vmemmap_base()) / g.pmd_size();
    table->name = is_pmd ? fmt::format("PMD[{}]", pmd) : "PTE " + pages(table->va, table->va + bytes - 1);
    return *table;
  }
  if (const auto va = mapped_at(frame, inside)) return of_address(*va);
  return {.kind = Object::Kind::frame, .name = fmt::format("frame {} + {:#x}", frame.v, inside)};
}

std::optional<Object> ObjectNames::of_table(FrameNo frame) const {
  const PageTable& table = machine_.page_table();
  const Geometry& g = machine_.config().geometry;
  const auto pmds = table.pmd_tables();
  const auto found = std::ranges::find(pmds, frame);
  if (found != pmds.end()) {
    const auto n = static_cast<u64>(found - pmds.begin());
    return Object{.kind = Object::Kind::pmd, .va = table.vmemmap_base() + (n << g.table_shift) * g.pmd_size()};
  }
  for (u64 va = table.vmemmap_base(); va < table.vmemmap_end(); va += g.pmd_size()) {
    const Pmd pmd = memory_.pmd_at(va);
    if (pmd.is_table() && pmd.frame() == frame) return Object{.kind = Object::Kind::pte, .va = va};
  }
  const auto to_come = tables_to_come_.find(frame.v);
  if (to_come == tables_to_come_.end()) return std::nullopt;
  return Object{.kind = Object::Kind::pte, .va = to_come->second};
}

std::optional<u64> ObjectNames::mapped_at(FrameNo frame, u64 offset) const {
  const PageTable& table = machine_.page_table();
  const std::byte* wanted = machine_.frame_table().address(frame);
  for (u64 va = table.vmemmap_base(); va < table.vmemmap_end(); va += memory_.frame_bytes()) {
    if (memory_.address_of(va) == wanted) return va + offset / sizeof(u32) * sizeof(u32);
  }
  return std::nullopt;
}

std::string ObjectNames::pages(u64 first, u64 last) const {
  const PageTable& table = machine_.page_table();
  if (first <= table.vmemmap_base() && last >= table.vmemmap_end() - 1) return "all pages";
  // A request that was widened over one of another kind may begin at 0.
  const u64 from = machine_.vmemmap().pfn_of({std::max(first, table.vmemmap_base())}).v;
  const u64 to = machine_.vmemmap().pfn_of({last}).v;
  return from == to ? fmt::format("page[{}]", from) : fmt::format("page[{}..{}]", from, to);
}

std::string ObjectNames::page_or_number(u64 va) const {
  if (machine_.vmemmap().is_valid({va})) return of_address(va).name;
  return va < 1000 ? fmt::format("{}", va) : fmt::format("{:#x}", va);
}

std::string ObjectNames::request(const Moment& moment) const {
  std::string text;
  const auto add_part = [&text](const std::string& part) { text += (text.empty() ? "" : " + ") + part; };
  if ((moment.asked & kRequestFlush) != 0) add_part("flush " + pages(moment.first, moment.last));
  if ((moment.asked & kRequestQuiesce) != 0) add_part("RCU grace period");
  if ((moment.asked & kRequestSyncCore) != 0) add_part("core sync");
  return text.empty() ? "a request" : text;
}

}  // namespace hvo::stress
