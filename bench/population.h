// Population: a machine whose memory is all of one kind, mirrored into this process; and the patterns in which its
// struct pages are looked up.
//
// Nothing here lays struct pages out by itself: a machine is run and its page tables are mirrored.
#pragma once

#include <expected>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/machine/host_mirror.h"

namespace hvo::bench {

enum class Kind : u8 {
  full,       ///< hugepages, none optimised: every struct page has its own memory
  optimized,  ///< hugepages, all optimised
  half,       ///< hugepages, every second one optimised, as a lookup meets them
  ordinary,   ///< single pages in use
};
std::string_view kind_name(Kind kind);

enum class Pattern : u8 {
  sequential,    ///< one struct page after the other
  random,        ///< any struct page of any hugepage
  page_aligned,  ///< tails at the start of a vmemmap page: fake heads where optimised
  heads,         ///< heads only
  hot,           ///< any struct page of one hugepage: all in the nearest cache
  hot_head,      ///< the same head again and again; of single pages, one that is not page-aligned
  hot_tail,      ///< tails of one hugepage that are not page-aligned
};
std::string_view pattern_name(Pattern pattern);
/// Single pages have no heads.
bool exists(Kind kind, Pattern pattern);

/// A mirrored machine. The machine can be run on, as long as no PTE changes.
class Population {
 public:
  static constexpr Order kHuge{9};  ///< of its hugepages

  /// Kind::optimized and Kind::half need a design that optimises. Error: one line for the user.
  static std::expected<std::unique_ptr<Population>, std::string> make(const Design& design, Kind kind, u64 nr_hugepages,
                                                                      Blocks blocks = Blocks::shared);

  Kind kind() const { return kind_; }
  Blocks blocks() const { return blocks_; }
  const Design& design() const { return machine_->design(); }
  Machine& machine() { return *machine_; }
  u64 base() const { return mirror_.vmemmap_base(); }
  u64 nr_mappings() const { return mirror_.nr_mappings(); }
  /// First pfns of the hugepages (or of as many runs of single pages), ascending.
  const std::vector<Pfn>& heads() const { return heads_; }

  /// `length` pfns in this pattern; the same for the same length.
  std::vector<u32> pfns(Pattern pattern, u64 length) const;
  /// `length` pfns in random order, round and round, over struct pages that fill `bytes` when each has memory of its
  /// own: of two hugepages at least, and of all of them at most. Every kind draws the same way.
  std::vector<u32> working_set(u64 bytes, u64 length) const;
  /// The sum of the vmemmap addresses of their heads, by the machine's truth: what right lookups add up to.
  u64 sum_of_heads(std::span<const u32> pfns);
  /// How many of them are heads of hugepages, by the truth.
  u64 nr_heads(std::span<const u32> pfns);

 private:
  Population(Kind kind, Blocks blocks, HostMirror mirror, std::unique_ptr<Machine> machine)
      : kind_(kind), blocks_(blocks), mirror_(std::move(mirror)), machine_(std::move(machine)) {}
  /// False: out of memory.
  bool fill(u64 nr_hugepages);
  bool take_single_pages(u64 nr_hugepages);
  /// In the order of Pattern::sequential.
  Pfn nth_head(u64 n) const;

  Kind kind_;
  Blocks blocks_;
  HostMirror mirror_;
  std::unique_ptr<Machine> machine_;
  std::vector<Pfn> heads_;
};

}  // namespace hvo::bench
