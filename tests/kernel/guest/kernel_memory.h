// KernelMemory: the running kernel's memory, read through /proc/kcore: struct pages as they are, and the page tables
// that map them. So no module is needed, and none of the kernel's headers.
//
// What is known here of x86-64 and of struct page: four levels of 512 entries (the kernel is started with no5lvl), 64
// bytes a struct page, and where its first words stand.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace hvo::kernel {

/// One entry of a page table.
struct Entry {
  std::uint64_t v = 0;
  bool is_present() const { return (v & 1) != 0; }
  bool is_writable() const { return (v & 2) != 0; }
  bool is_leaf() const { return (v & 0x80) != 0; }
  std::uint64_t pfn() const { return (v >> 12) & 0xffffffffff; }
};

/// How one page of the vmemmap is mapped.
struct Mapping {
  std::uint64_t pfn = 0;
  bool is_present = false;
  bool is_writable = false;
  bool by_leaf = false;
};

/// The eight words of a struct page.
struct RawPage {
  std::uint64_t flags;
  std::uint64_t compound_head;  ///< of the head of a hugepage: the next one of its list
  std::uint64_t previous;       ///< of the head of a hugepage: the previous one of its list
  std::uint64_t mapping;
  std::uint64_t index;
  std::uint64_t priv;
  std::uint64_t counts;
  std::uint64_t memcg;
};
static_assert(sizeof(RawPage) == 64);

class KernelMemory {
 public:
  /// Opens it and finds the symbols. Empty, or what is missing.
  std::string open();
  bool read(std::uint64_t va, void* into, std::size_t size) const;
  /// How often the key of the fake-head check was raised; -1: the kernel has none.
  long key_count() const;
  std::uint64_t page_address(std::uint64_t pfn) const { return vmemmap_ + pfn * sizeof(RawPage); }
  /// The pfn whose struct page stands there, if one does.
  bool pfn_of(std::uint64_t va, std::uint64_t& pfn) const;
  RawPage page(std::uint64_t pfn) const;

  /// Reads the page tables anew.
  void look(std::uint64_t nr_pages);
  /// The page that holds the struct page of `pfn`.
  Mapping mapping(std::uint64_t pfn) const;
  /// PMDs of the vmemmap that are tables: by number, of 128 MiB of memory each.
  std::vector<std::uint64_t> split_pmds() const;
  /// Distinct frames behind the vmemmap.
  std::uint64_t nr_frames() const;

 private:
  static constexpr std::uint64_t kEntries = 512;
  static constexpr std::uint64_t kPagesPerPmd = 32768;  ///< struct pages behind a PMD
  using Table = std::vector<Entry>;
  struct Segment {
    std::uint64_t va;
    std::uint64_t size;
    std::uint64_t offset;
  };
  bool read_segments();
  void read_symbols();
  Table table_at(std::uint64_t pfn) const;
  std::uint64_t word_at(const char* symbol, std::uint64_t otherwise) const;

  int fd_ = -1;
  std::vector<Segment> segments_;
  std::map<std::string, std::uint64_t> symbols_;
  std::uint64_t vmemmap_ = 0;
  std::uint64_t direct_ = 0;
  std::uint64_t nr_pages_ = 0;
  std::vector<Entry> pmds_;
  std::map<std::uint64_t, Table> tables_;  ///< by PMD
};

}  // namespace hvo::kernel
