// Whole folios on the software machine: alloc and free, optimise and restore, pools, demotion, PMD split; and what a
// restore is held against, seven bare copies of a page.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "bench/arm.h"
#include "core/machine/machine.h"

namespace hvo::bench {

/// A machine of design fake-head with a pool of hugepages, all free and optimised between any two calls. Every time_…
/// does n operations, in batches of the folios that there are, and returns nanoseconds.
class Folios {
 public:
  static std::expected<std::unique_ptr<Folios>, std::string> make(u64 nr_folios);

  /// A hugepage from the pool and back: nothing is remapped.
  double time_alloc_free(u64 n);
  /// A hugepage from the page allocator and back, optimised and restored on the way.
  double time_fresh_free(u64 n);
  /// A hugepage of a pool that is grown, or shrunk, in one batch.
  double time_grow(u64 n);
  double time_shrink(u64 n);
  /// Optimising one 2 MiB folio whose PMD has been split.
  double time_optimize(u64 n);
  /// Restoring one to frames that are in no cache.
  double time_restore(u64 n);
  /// Seven memcpys of the head's page to frames that are in no cache, of the same allocator.
  double time_seven_copies(u64 n);

 private:
  explicit Folios(std::unique_ptr<Machine> machine) : machine_(std::move(machine)) {}
  /// Optimises or restores the first n.
  void optimize(u64 n);
  void restore(u64 n);
  /// Drops all frames of the machine from the host's caches.
  void chill();
  double seven_copies(u64 n);
  double resize(u64 n, bool time_growth);
  const std::byte* head_page(Pfn head);

  std::unique_ptr<Machine> machine_;
  std::vector<Pfn> heads_;
};

/// First pfns of the 2 MiB hugepages of a quiescent machine, ascending.
std::vector<Pfn> heads_of_hugepages(Machine& machine);

/// Nanoseconds of n demotions of a 1 GiB hugepage, optimised where the design does, to 512 of 2 MiB.
double time_demotions(const Design& design, u64 n);

/// Nanoseconds of n PMD splits. A PMD is split once in a machine's life: fresh machines are booted for it, untimed.
double time_pmd_splits(const Design& design, u64 n);

}  // namespace hvo::bench
