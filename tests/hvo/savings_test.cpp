#include "core/hvo/savings.h"

#include <cmath>

#include "tests/hugetlb/pool_machine.h"

namespace hvo {
namespace {

/// The table of sizes that was computed from the kernel's sources before this project began.
struct Known {
  std::string_view geometry;
  u64 folio_kib = 0;
  u64 vmemmap_bytes = 0;
  u64 freed = 0;            ///< frames, by all designs but the first
  u64 freed_by_first = 0;   ///< by the one that keeps two
  double saved_gib = 0;     ///< per TiB, to three places
  u64 second_page_mib = 0;  ///< per TiB: what the second frame alone was worth
};
constexpr u64 kKib = 1024;
constexpr u64 kMib = kKib * kKib;
constexpr std::array kKnown{
    Known{"x86-64", 2 * kKib, 32 * kKib, 7, 6, 14.000, 2048},
    Known{"x86-64", kMib, 16 * kMib, 4095, 4094, 15.996, 4},
    Known{"arm64-4k", 64, kKib, 0, 0, 0, 0},
    Known{"arm64-4k", 2 * kKib, 32 * kKib, 7, 6, 14.000, 2048},
    Known{"arm64-4k", 32 * kKib, 512 * kKib, 127, 126, 15.875, 128},
    Known{"arm64-4k", kMib, 16 * kMib, 4095, 4094, 15.996, 4},
    Known{"arm64-16k", 2 * kKib, 8 * kKib, 0, 0, 0, 0},
    Known{"arm64-16k", 32 * kKib, 128 * kKib, 7, 6, 3.500, 512},
    Known{"arm64-16k", kMib, 4 * kMib, 255, 254, 3.984, 16},
    Known{"arm64-64k", 2 * kKib, 2 * kKib, 0, 0, 0, 0},
    Known{"arm64-64k", 512 * kKib, 512 * kKib, 7, 6, 0.875, 128},
    Known{"arm64-64k", 16 * kMib, 16 * kMib, 255, 254, 0.996, 4},
};

Order order_of(const Geometry& g, u64 folio_kib) {
  for (const Order order : g.huge_sizes()) {
    if (g.folio_bytes(order) == folio_kib * kKib) return order;
  }
  ADD_FAILURE() << g.name << " has no hugepages of " << folio_kib << " KiB";
  return {};
}

TEST(Savings, AreThoseOfTheTableOfSizes) {
  for (const Known& known : kKnown) {
    const Geometry& g = *find_geometry(known.geometry);
    const Order order = order_of(g, known.folio_kib);
    EXPECT_EQ(g.vmemmap_size(order), known.vmemmap_bytes);
    const u64 first = saved_per_tib(g, order, *find_design("two-frame"));
    for (const Design& d : kDesigns) {
      const bool is_first = d.name == "two-frame";
      const u64 freed = !d.optimizes() ? 0 : is_first ? known.freed_by_first : known.freed;
      EXPECT_EQ(frames_saved(g, order, d), freed) << g.name << " " << known.folio_kib << " KiB, " << d.name;
      const u64 saved = saved_per_tib(g, order, d);
      if (!d.optimizes() || is_first) continue;
      EXPECT_DOUBLE_EQ(std::round(static_cast<double>(saved) / static_cast<double>(u64{1} << 30) * 1000) / 1000,
                       known.saved_gib);
      EXPECT_EQ(saved - first, known.second_page_mib * kMib) << g.name << " " << known.folio_kib << " KiB";
    }
  }
}

TEST(Savings, TheTableHasEverySizeOfEveryRealGeometry) {
  u64 nr = 0;
  for (const Geometry& g : kGeometries) nr += g.page_size() >= 4096 ? g.huge_sizes().size() : 0;
  EXPECT_EQ(nr, kKnown.size());
}

TEST(Savings, OfATebibyteAreTakenFromAllItsStructPagesAndCostPageTables) {
  EXPECT_EQ(vmemmap_per_tib(*find_geometry("x86-64")), u64{16} << 30);
  EXPECT_EQ(vmemmap_per_tib(*find_geometry("arm64-16k")), u64{4} << 30);
  EXPECT_EQ(vmemmap_per_tib(*find_geometry("arm64-64k")), u64{1} << 30);
  EXPECT_EQ(page_tables_per_tib(*find_geometry("x86-64")), 32 * kMib);
  EXPECT_EQ(page_tables_per_tib(*find_geometry("arm64-64k")), 0U);
}

/// The page tables are the judge: frames per hugepage of a pool, counted, are what the table says.
TEST(Savings, AreWhatThePageTablesOfAPoolShowForEveryGeometrySizeAndDesign) {
  for (const Geometry& g : kGeometries) {
    for (const Design& design : kDesigns) {
      for (const Order order : g.huge_sizes()) {
        const u64 nr = order == g.largest_order() ? 1 : 3;
        const u64 pages = 2 * nr * order.nr_pages() + 2 * g.memory_granule();
        test::PoolMachine m({.geometry = g.name, .design = design.name, .memory_pages = pages});
        const u64 before = m.mapped();
        ASSERT_EQ(m.hugetlb().set_max_huge_pages(m.cpu(), order, nr), nr) << g.name << " order " << int{order.v};
        const u64 nr_shared = m->optimizer().shared_tails().nr_frames(m.cpu());
        EXPECT_EQ(before - (m.mapped() - nr_shared), nr * frames_saved(g, order, design))
            << g.name << " order " << int{order.v} << " " << design.name;
        EXPECT_LE(nr_shared, Vmemmap::kNrZones) << "one per zone, for one size";
      }
    }
  }
}

}  // namespace
}  // namespace hvo
