#include "stress/explore/explain/values.h"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace hvo::stress {

namespace {

using Bit = std::pair<u64, std::string_view>;
constexpr std::array<Bit, 7> kFlags{{{PG_locked, "locked"},
                                     {PG_referenced, "referenced"},
                                     {PG_uptodate, "uptodate"},
                                     {PG_dirty, "dirty"},
                                     {PG_lru, "lru"},
                                     {PG_head, "head"},
                                     {PG_hwpoison, "hwpoison"}}};
constexpr std::array<Bit, 4> kHugeFlags{{{HPG_temporary, "temporary"},
                                         {HPG_freed, "freed"},
                                         {HPG_vmemmap_optimized, "optimized"},
                                         {HPG_raw_hwp_unreliable, "raw_hwp_unreliable"}}};

std::string number(u64 v) { return v < 4096 ? fmt::format("{}", v) : fmt::format("{:#x}", v); }

template <std::size_t kNr>
std::string bits_text(u64 value, const std::array<Bit, kNr>& bits) {
  std::string text;
  for (const auto& [bit, name] : bits) {
    if ((value & bit) == 0) continue;
    text += (text.empty() ? "" : "|") + std::string(name);
    value &= ~bit;
  }
  if (value == 0) return text.empty() ? "0" : text;
  return text + (text.empty() ? "" : "|") + number(value);
}

std::string tail_text(Machine& machine, u64 v) {
  if ((v & 1) == 0) return number(v);
  const Vmemmap& vmemmap = machine.vmemmap();
  if (vmemmap.encoding() != EncodingKind::mask) {
    const Page head{v - 1};
    return vmemmap.is_valid(head) ? fmt::format("page[{}]+1", vmemmap.pfn_of(head).v) : number(v);
  }
  for (const Order order : machine.config().geometry.huge_sizes()) {
    if (tail_word(EncodingKind::mask, {}, order) == v) return fmt::format("mask({})|1", order.v);
  }
  return number(v);
}

std::string count_text(u64 v) {
  const auto count = static_cast<u32>(v);
  return count > u32{1} << 31 ? fmt::format("{}", static_cast<int>(count)) : number(count);
}

std::string field_text(Machine& machine, u64 offset, u64 v) {
  constexpr u64 kZoneBits = ~u64{0} << kZoneShift;
  switch (offset) {
    case page_field::flags: return bits_text(v & ~kZoneBits, kFlags);
    case page_field::compound_head: return tail_text(machine, v);
    case page_field::compound_meta: {
      const CompoundMeta meta{v};
      if (v == 0 || (v & ~u64{0x1ff}) != 0) return number(v);
      return fmt::format("order {}{}", meta.order().v, meta.is_hugetlb() ? ", hugetlb" : "");
    }
    case page_field::mapping: return v == kTailMapping ? "TAIL_MAPPING" : number(v);
    case page_field::priv: return bits_text(v, kHugeFlags);
    case page_field::mapcount:
    case page_field::refcount: return count_text(v);
    default: return number(v);
  }
}

std::string pte_text(u64 v, std::string_view frame = "frame ") {
  const Pte pte{v};
  return pte.is_present() ? fmt::format("{}{} {}", frame, pte.frame().v, pte.is_writable() ? "rw" : "ro") : "nothing";
}

std::string pmd_text(u64 v) {
  const Pmd pmd{v};
  if (pmd.is_leaf()) return fmt::format("leaf frame {}", pmd.frame().v);
  return pmd.is_table() ? fmt::format("table {}", pmd.frame().v) : "nothing";
}

std::string rw_sem_text(u64 v) {
  if (v == 0) return "free";
  return static_cast<u32>(v) == ~u32{0} ? "a writer" : fmt::format("{} reader{}", v, v == 1 ? "" : "s");
}

}  // namespace

std::string value_text(Machine& machine, const Object& object, u64 value) {
  switch (object.kind) {
    case Object::Kind::page_field:
      return field_text(machine, (object.va - machine.vmemmap().page_of({0}).va) % kStructPageSize, value);
    case Object::Kind::page_counts: return fmt::format("{}, {}", count_text(value), count_text(value >> 32));
    case Object::Kind::pte: return pte_text(value);
    case Object::Kind::pmd: return pmd_text(value);
    case Object::Kind::spin_lock:
    case Object::Kind::mutex: return value == 0 ? "free" : fmt::format("CPU {}", value - 1);
    case Object::Kind::rw_sem: return rw_sem_text(value);
    case Object::Kind::static_key: return value == 0 ? "off" : "on";
    default: return number(value);
  }
}

std::string change_text(Machine& machine, const Object& object, std::optional<u64> old, u64 now) {
  if (!old) return "= " + value_text(machine, object, now);
  // Short where it is needed most.
  const std::string to =
      object.kind == Object::Kind::pte && Pte{*old}.is_present() ? pte_text(now, "") : value_text(machine, object, now);
  const std::string from = value_text(machine, object, *old);
  const bool is_short = from.find(' ') == std::string::npos && to.find(' ') == std::string::npos;
  return from + (is_short ? "→" : " → ") + to;
}

}  // namespace hvo::stress
