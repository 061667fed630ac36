// Scenario: actors, their weights, and the windows a run must hit to mean anything.
#pragma once

#include <span>
#include <string_view>

#include "core/machine/machine.h"
#include "stress/shared.h"

namespace hvo::stress {

/// One bounded operation of one CPU.
using ActorFn = void (*)(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng);

struct Actor {
  std::string_view name;
  u32 weight = 1;
  ActorFn run = nullptr;
};

/// Which designs, and geometries, can open a window at all.
enum class Asked : u8 {
  of_all,
  of_optimizing,       ///< HVO does something
  of_fake_heads,       ///< tails that look like heads
  of_unguarded,        ///< fake heads, and walkers that no guard keeps off
  of_splits,           ///< HVO has to split PMDs first
  of_page_table_lock,  ///< two CPUs may look at one PMD
  of_optimize_allocs,  ///< optimising needs memory itself: for a page table or the head's copy
  of_rcu,              ///< optimising waits for a grace period
  of_batch_retries,    ///< batches whose optimising needs memory
  of_copies,           ///< the head is copied
  of_shared_tail,
  of_holes,            ///< walkers that can store to a read-only tail
  of_overcommit,       ///< where a pool may be exceeded
  of_nodes_that_help,  ///< several nodes, and a restore may take frames of any
  of_nodes_alone,      ///< several nodes, and a restore may not
  of_boot_pools,       ///< hugepages of the command line that are mapped optimised from the start
  of_hot_added,        ///< memory that holds its own struct pages
};

/// A race or event that a run must meet to mean anything.
struct Window {
  Event event{};
  Asked asked = Asked::of_optimizing;
};
bool is_asked(Asked asked, const MachineConfig& config);
inline bool is_asked(const Window& window, const MachineConfig& config) { return is_asked(window.asked, config); }
/// Whether an event, counted on a machine with this MMU, says what it is for. The host's flushes at each change of a
/// mapping: what is about simulated TLBs means nothing there.
bool shows(Mmu mmu, Event event);
/// A safeguard against what only a translation that outlives its PTE, or an unordered PTE store, can do: nothing that
/// the host's MMU shows.
bool is_about_translations(Safeguard safeguard);
/// Some run of this machine can come to where the safeguard stands. Else removing it changes nothing.
bool is_met(Safeguard safeguard, const MachineConfig& config);

/// What a scenario wants when the user says nothing.
struct DefaultPools {
  u64 nr_huge = 0;
  u64 nr_gigantic = 0;
  u64 nr_overcommit = 0;  ///< of default-size hugepages
  u64 nr_spare = 64;      ///< memory beyond the pools, in default-size hugepages; fewer where these are large
};

struct Scenario {
  std::string_view name;
  std::string_view what;
  std::span<const Actor> first;   ///< actors of CPU 0
  std::span<const Actor> others;  ///< actors of the other CPUs
  std::span<const Window> windows;
  u32 ops_per_round = 2000;  ///< per CPU
  u32 default_cpus = 2;
  u64 default_failure_rate = 0;  ///< one allocation in so many fails; 0: none
  DefaultPools pools{};
};

/// Fills what `config` leaves open (no pool at all; memory_pages 0) with what the scenario wants under the config's
/// geometry.
void set_defaults(const Scenario& scenario, MachineConfig& config);

std::span<const Scenario> scenarios();
const Scenario* find_scenario(std::string_view name);

}  // namespace hvo::stress
