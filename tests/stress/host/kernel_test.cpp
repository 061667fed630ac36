#include "stress/host/kernel.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "stress/host/report.h"

namespace hvo::stress {
namespace {

namespace fs = std::filesystem;

/// A root folder with the files of a kernel that we make up.
class HostKernelTest : public testing::Test {
 protected:
  HostKernelTest() {
    std::string name = (fs::temp_directory_path() / "hvo_host_XXXXXX").string();
    root_ = mkdtemp(name.data());
  }
  ~HostKernelTest() override {
    std::error_code ignored;
    fs::remove_all(root_, ignored);
  }
  void has(const std::string& path, const std::string& text) const {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  void has_pool(const std::string& size, const std::string& nr) const {
    const std::string folder = "sys/kernel/mm/hugepages/hugepages-" + size + "/";
    has(folder + "nr_hugepages", nr + "\n");
    has(folder + "free_hugepages", "3\n");
    has(folder + "surplus_hugepages", "1\n");
    has(folder + "nr_overcommit_hugepages", "9\n");
  }
  HostKernel read(u64 page_bytes = 4096) const { return read_host_kernel(root_, "x86_64", page_bytes); }

 private:
  fs::path root_;
};

TEST_F(HostKernelTest, KernelWithItsSysctlOnIsReadWhole) {
  has("proc/sys/kernel/osrelease", "6.12.113+deb12-cloud-amd64\n");
  has("proc/sys/vm/hugetlb_optimize_vmemmap", "1\n");
  has("proc/meminfo", "MemTotal:       24600000 kB\nMemFree: 12 kB\n");
  has("proc/vmstat", "nr_memmap 7\nnr_memmap_pages 3648\nnr_memmap_boot_pages 96\n");
  has_pool("1048576kB", "1");
  has_pool("2048kB", "64");
  const HostKernel k = read();
  EXPECT_EQ(k.release, "6.12.113+deb12-cloud-amd64");
  ASSERT_NE(k.design, nullptr);
  EXPECT_EQ(k.design->name, "fake-head-rcu");
  EXPECT_EQ(k.hvo, HostHvo::on);
  EXPECT_EQ(k.memory_bytes, u64{24600000} << 10);
  EXPECT_EQ(k.memmap_pages, 3744U);
  ASSERT_EQ(k.pools.size(), 2U);
  EXPECT_EQ(k.pools[0].bytes_per_page, u64{2} << 20);
  EXPECT_EQ(k.pools[0].nr, 64U);
  EXPECT_EQ(k.pools[0].nr_free, 3U);
  EXPECT_EQ(k.pools[0].nr_surplus, 1U);
  EXPECT_EQ(k.pools[0].nr_overcommit, 9U);
  EXPECT_EQ(k.frames_freed(k.pools[0]), 7U);
  EXPECT_EQ(k.frames_freed(k.pools[1]), 4095U);
  // 64 * 28 KiB + 16380 KiB
  EXPECT_NE(host_text(k).find("18172 KiB, if all were made while HVO was on"), std::string::npos) << host_text(k);
}

TEST_F(HostKernelTest, SysctlOfZeroIsOffWhateverTheBootParameterSaid) {
  has("proc/sys/kernel/osrelease", "7.2.0\n");
  has("proc/sys/vm/hugetlb_optimize_vmemmap", "0\n");
  has("proc/cmdline", "quiet hugetlb_free_vmemmap=on\n");
  EXPECT_EQ(read().hvo, HostHvo::off);
  EXPECT_EQ(read().design->name, "shared-tail");
}

TEST_F(HostKernelTest, BeforeTheSysctlTheBootParameterDecidesThenTheConfiguration) {
  has("proc/sys/kernel/osrelease", "5.15.0-1-amd64\n");
  EXPECT_EQ(read().hvo, HostHvo::unknown);
  has("boot/config-5.15.0-1-amd64", "CONFIG_HUGETLB_PAGE_FREE_VMEMMAP=y\n");
  EXPECT_EQ(read().hvo, HostHvo::off);
  has("boot/config-5.15.0-1-amd64",
      "CONFIG_HUGETLB_PAGE_FREE_VMEMMAP=y\nCONFIG_HUGETLB_PAGE_FREE_VMEMMAP_DEFAULT_ON=y\n");
  EXPECT_EQ(read().hvo, HostHvo::on);
  has("proc/cmdline", "ro hugetlb_free_vmemmap=off quiet\n");
  EXPECT_EQ(read().hvo, HostHvo::off);
  has("proc/cmdline", "ro xhugetlb_free_vmemmap=on hugetlb_free_vmemmap=on\n");
  EXPECT_EQ(read().hvo, HostHvo::on);
  has("boot/config-5.15.0-1-amd64", "# CONFIG_HUGETLB_PAGE_FREE_VMEMMAP is not set\n");
  EXPECT_EQ(read().hvo, HostHvo::absent);
}

TEST_F(HostKernelTest, TwoFrameKernelsFreeOneFrameLess) {
  has("proc/sys/kernel/osrelease", "5.15.0\n");
  has_pool("2048kB", "2");
  const HostKernel k = read();
  EXPECT_EQ(k.design->name, "two-frame");
  EXPECT_EQ(k.frames_freed(k.pools[0]), 6U);
}

TEST_F(HostKernelTest, OldKernelHasNone) {
  has("proc/sys/kernel/osrelease", "5.10.0-33-amd64\n");
  const HostKernel k = read();
  EXPECT_EQ(k.design, nullptr);
  EXPECT_EQ(k.hvo, HostHvo::absent);
  EXPECT_NE(host_text(k).find("HVO began with 5.14"), std::string::npos);
}

TEST_F(HostKernelTest, SizesWhoseStructPagesFillNoMoreThanAPageFreeNothing) {
  has("proc/sys/kernel/osrelease", "6.18.1\n");
  has_pool("2048kB", "1");
  has_pool("524288kB", "1");
  const HostKernel k = read(65536);
  EXPECT_EQ(k.frames_freed(k.pools[0]), 0U) << "64 KiB pages: 2 KiB of struct pages";
  EXPECT_EQ(k.frames_freed(k.pools[1]), 7U);
}

TEST_F(HostKernelTest, NothingReadableIsSaidNotGuessed) {
  const HostKernel k = read();
  EXPECT_EQ(k.design, nullptr);
  EXPECT_TRUE(k.pools.empty());
  EXPECT_FALSE(k.memory_bytes.has_value());
  EXPECT_FALSE(k.memmap_pages.has_value());
}

TEST_F(HostKernelTest, TextFitsAMail) {
  has("proc/sys/kernel/osrelease", "6.18.44\n");
  has("proc/sys/vm/hugetlb_optimize_vmemmap", "0\n");
  has("proc/meminfo", "MemTotal: 24600000 kB\n");
  has_pool("2048kB", "12345678");
  has_pool("1048576kB", "123");
  const std::string text = host_text(read());
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    EXPECT_LE(end - at, 72U) << text.substr(at, end - at);
    at = end + 1;
  }
}

}  // namespace
}  // namespace hvo::stress
