// A trace: steps that the guest and the model both take. Text, a step a line; '#' starts a comment. No file of core is
// used here, for the guest is built from this too.
//
//   sysctl 0|1         vm.hugetlb_optimize_vmemmap
//   set 2M N           nr_hugepages of the size becomes N; `1G` is the other size
//   fault 2M N         maps N hugepages without reservation and touches them
//   free 2M N          unmaps the N that were mapped first
//   demote N           so many to 1 GiB's demote
//   demote_size 2M     to 1 GiB's demote_size
//   overcommit 2M N    nr_overcommit_hugepages
//   drain              unmaps all; overcommit 0; both pools 0
//   poison 2M free N   a memory error in page N of the hugepage that would be handed out next
//   poison 2M used N   in page N of the hugepage that was mapped first; it is mapped no longer then
//   walk               every page of memory: a reference if it has one, and back (debugfs split_huge_pages)
//
// Behind a step that allocates stands, for the model, what the guest got: `got=9a,9b`, in the order of allocation, as
// numbers of 2 MiB blocks, hexadecimal. Nothing else about the guest is told to the model.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace hvo::kernel {

enum class StepKind : std::uint8_t { sysctl, set, fault, free, demote, demote_size, overcommit, drain, poison, walk };

/// log2 of the base pages of a hugepage.
inline constexpr unsigned kOrder2M = 9;
inline constexpr unsigned kOrder1G = 18;
inline constexpr unsigned kBlockOrder = 9;  ///< a block: 2 MiB
inline constexpr std::uint64_t kBlockPages = std::uint64_t{1} << kBlockOrder;

struct Step {
  StepKind kind{};
  unsigned order = kOrder2M;
  bool is_used = false;  ///< of poison
  std::uint64_t count = 0;
  std::vector<std::uint64_t> got;  ///< blocks
};

/// Error: one line, with the number of the bad line.
std::expected<std::vector<Step>, std::string> parse_trace(std::string_view text);
/// As parse_trace reads it, without what was got.
std::string to_text(const Step& step);
constexpr std::string_view size_name(unsigned order) { return order == kOrder1G ? "1G" : "2M"; }

/// What comes of `poison used` in a pool with surplus. There a worker frees the hugepage, sooner or later than its bad
/// page is looked for in the buddy: what that says (6.1 was seen to say EBUSY) is chance, so neither side tries.
inline constexpr const char* kSurplus = "surplus";

/// "9a,9b"; "-" when there is none.
std::string to_text(const std::vector<std::uint64_t>& blocks);

/// What both sides say of one struct-page array of a hugepage: the flags that lookups give, and the raw words.
struct FolioCheck {
  std::uint64_t block = 0;
  unsigned order = kOrder2M;
  std::uint64_t head = 0;        ///< pages that PageHead() says are heads
  std::uint64_t tail = 0;        ///< pages that PageTail() says are tails
  std::uint64_t huge = 0;        ///< pages that belong to a hugepage of a pool
  std::uint64_t wrong = 0;       ///< not what the kernel's selftest asks: first a head, all others tails, all huge
  std::uint64_t raw_heads = 0;   ///< struct pages with PG_head in their flags
  std::uint64_t raw_tails = 0;   ///< struct pages whose compound_head has bit 0 set
  std::uint64_t raw_direct = 0;  ///< of these, those that hold the head's address
};

/// A group of hugepages that are mapped alike.
struct FolioState {
  unsigned order = kOrder2M;
  bool flag = false;            ///< HPG_vmemmap_optimized
  bool head_writable = true;    ///< the first page of its struct pages
  std::uint64_t aliases = 0;    ///< pages of its struct pages that map the first one's frame
  std::uint64_t read_only = 0;  ///< pages of its struct pages that are mapped read-only
  friend constexpr auto operator<=>(const FolioState&, const FolioState&) = default;
};

// The lines of a report; both sides print these.
std::string line_of(const FolioCheck& check, unsigned step);
std::string line_of(const FolioState& state, const std::vector<std::uint64_t>& blocks, unsigned step);
struct PoolLine {
  unsigned order = kOrder2M;
  std::uint64_t nr = 0;
  std::uint64_t free = 0;
  std::uint64_t surplus = 0;
  std::uint64_t reserved = 0;
  std::uint64_t overcommit = 0;
};
std::string line_of(const PoolLine& pool, unsigned step);
/// `free`: the free list, front first; `used`: mapped hugepages, in the order of mapping.
std::string line_of_lists(unsigned order, const std::vector<std::uint64_t>& free,
                          const std::vector<std::uint64_t>& used, unsigned step);

/// Memory errors so far. `pfns`: the pages that were struck and are marked, in the order of the steps.
std::string line_of_errors(std::uint64_t nr_corrupted, const std::vector<std::uint64_t>& pfns, unsigned step);

}  // namespace hvo::kernel
