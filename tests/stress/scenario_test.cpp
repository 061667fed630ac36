#include "stress/scenario.h"

#include <gtest/gtest.h>

#include "stress/host/memory.h"

namespace hvo::stress {
namespace {

constexpr u64 kHostMemory = u64{1536} << 20;

TEST(SetDefaults, FitEveryGeometryAndAreCheapToSimulate) {
  for (const Geometry& g : kGeometries) {
    for (const Scenario& scenario : scenarios()) {
      MachineConfig config;
      config.geometry = g;
      config.memory_pages = 0;
      config.nr_nodes = 2;
      set_defaults(scenario, config);
      EXPECT_TRUE(check_host_memory(config, kHostMemory)) << g.name << " " << scenario.name << ", two nodes";
      EXPECT_EQ(config.memory_pages, pages_for_nodes(g, config.memory_pages, 2));
      config.memory_pages = 0;
      config.nr_nodes = 1;
      set_defaults(scenario, config);
      EXPECT_TRUE(check_host_memory(config, kHostMemory)) << g.name << " " << scenario.name;
      u64 pages = 0;
      for (const PoolConfig& pool : config.pools) {
        EXPECT_TRUE(pool.order.v == 0 || g.huge_sizes().contains(pool.order));
        pages += pool.nr_huge_pages << pool.order.v;
      }
      EXPECT_GE(config.memory_pages, pages + (scenario.pools.nr_spare == 0 ? 0 : g.huge_order.nr_pages()));
    }
  }
}

MachineConfig config_of(std::string_view geometry, std::string_view design) {
  MachineConfig config;
  config.geometry = *find_geometry(geometry);
  config.design = find_design(design);
  return config;
}

TEST(IsAsked, WindowsOfASplitAreNotWhereTheVmemmapIsOfBasePages) {
  const Window split{Event::pmd_split, Asked::of_splits};
  const Window optimize_enomem{Event::window_optimize_enomem, Asked::of_optimize_allocs};
  EXPECT_TRUE(is_asked(split, config_of("arm64-4k", "fake-head")));
  EXPECT_FALSE(is_asked(split, config_of("arm64-64k", "fake-head")));
  EXPECT_FALSE(is_asked(split, config_of("x86-64", "none")));
  EXPECT_FALSE(is_asked(optimize_enomem, config_of("arm64-64k", "fake-head"))) << "it allocates nothing then";
  EXPECT_TRUE(is_asked(optimize_enomem, config_of("arm64-64k", "shared-tail"))) << "the head's copy";
}

TEST(IsAsked, WindowsOfNodesDependOnWhereARestoreMayTakeFrames) {
  const Window node_full{Event::window_restore_node_full, Asked::of_nodes_alone};
  const Window helped{Event::window_restore_other_node, Asked::of_nodes_that_help};
  MachineConfig config = config_of("x86-64", "fake-head");
  EXPECT_FALSE(is_asked(node_full, config)) << "one node";
  config.nr_nodes = 2;
  EXPECT_TRUE(is_asked(node_full, config));
  EXPECT_FALSE(is_asked(helped, config));
  config.design = find_design("shared-tail");
  EXPECT_FALSE(is_asked(node_full, config));
  EXPECT_TRUE(is_asked(helped, config));
}

}  // namespace
}  // namespace hvo::stress
