// Small operations: what a CPU of an exhaustive exploration does once, on a folio of the tiny geometry.
#pragma once

#include <span>
#include <string_view>

#include "stress/explore/subjects/subject.h"

namespace hvo::stress {

/// What an operation needs to be there when it begins.
enum class Stage : u8 {
  nothing,
  optimized,    ///< an optimised folio, frozen: nobody else can take a reference
  unoptimized,  ///< the same, not optimised yet
  in_use,       ///< an optimised folio with one reference
  pooled,       ///< a gigantic folio, free in its pool
  page_in_use,  ///< a single page with one reference, in a block that is free otherwise
  reader,       ///< the page that it reads is another CPU's
};

struct SmallOpCall {
  Cpu& cpu;
  Machine& machine;
  Outcomes& seen;
  Pfn folio;  ///< or the page that is read, or put
  Order order;
};

struct SmallOp {
  std::string_view name;
  std::string_view what;
  Stage stage{};
  void (*act)(const SmallOpCall& call) = nullptr;
  bool is_long = false;     ///< so many steps that an exhaustive search takes a preemption less
  bool is_inner = false;    ///< readers look at a page in the middle of a vmemmap page, which never becomes a fake head
  bool holds_heap = false;  ///< between its steps
};

std::span<const SmallOp> small_ops();
const SmallOp* find_small_op(std::string_view name);

/// One CPU for each of `ops` (1 to kMostCpus), which acts at the same time as the others on one machine of `config`:
/// its geometry, design and knobs count; memory and pools are what the operations need.
std::expected<std::unique_ptr<Subject>, std::string> make_small_subject(MachineConfig config,
                                                                        std::span<const SmallOp* const> ops);

}  // namespace hvo::stress
