// Paths: the ways that one lookup can take through a design's code, each with a struct page that makes it take it.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string_view>

#include "bench/arms/kernels.h"
#include "core/vmemmap/page.h"

namespace hvo::bench {

/// Instructions (the return included), loads (without the return's) and conditional branches of one call.
struct Counts {
  double instructions = 0;
  double loads = 0;
  std::optional<double> branches;  ///< nothing: not counted
};

enum class Path : u8 {
  tail,
  not_tail,      ///< neither tail nor page-aligned
  aligned,       ///< page-aligned, no PG_head
  aligned_head,  ///< page-aligned, PG_head: a true head
  aligned_fake,  ///< page-aligned, PG_head: a fake head
};
inline constexpr std::array kPaths{Path::tail, Path::not_tail, Path::aligned, Path::aligned_head, Path::aligned_fake};
std::string_view path_name(Path path);

/// A function on a path with its key on or off.
struct Counted {
  std::string_view helper;
  std::string_view arm;
  Path path{};
  bool key = false;
  /// What gcc-12 makes of the kernel's own function there, as read from Debian's 6.1 and 6.12; only where it was read.
  std::optional<Counts> kernel;
};
/// Everything that is counted. In the order to print.
std::span<const Counted> counted();

/// Struct pages for every path: two pages of them.
class PathPages {
 public:
  PathPages();
  /// The address of one that makes a lookup take this path.
  u64 page(Path path) const;

 private:
  static constexpr u64 kStructs = 64;
  struct alignas(4096) StructPages {
    std::array<PageImage, kStructs> pages;
  };
  u64 address(u64 frame, u64 index) const { return reinterpret_cast<u64>(&frames_[frame].pages[index]); }

  std::array<StructPages, 3> frames_;
};

}  // namespace hvo::bench
