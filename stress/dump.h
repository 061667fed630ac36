// dump: the page tables of a small pool's struct pages before and after, two designs side by side.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "core/base/geometry.h"
#include "core/hvo/designs.h"

namespace hvo::stress {

/// What one design's machine looks like at one moment: a headline and a row per run of like entries.
struct DumpColumn {
  std::string headline;
  std::vector<std::string> rows;
};

/// Boots a machine without hugepages, makes `nr` of the default size, takes them away again; three columns. Error: one
/// line (the machine can't be made, or the pool did not fit).
std::expected<std::vector<DumpColumn>, std::string> dump_columns(const Design& design, const Geometry& geometry,
                                                                 u64 nr);
/// The two designs' columns beside each other, in 100 columns; one alone when both are the same.
std::expected<std::string, std::string> dump_text(const Design& left, const Design& right, const Geometry& geometry,
                                                  u64 nr);

}  // namespace hvo::stress
