#include "stress/dump.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/machine/machine.h"
#include "core/pgtable/dump.h"
#include "stress/pools.h"

namespace hvo::stress {

namespace {

constexpr int kColumn = 48;
constexpr std::string_view kRowTitle = "vmemmap offset        maps  page   frames";

/// "+0x00000..+0x01000    RW    4K     17", "... 7 x 17", "... 18 .. 511".
std::string row_text(const DumpRow& row, const PageTable& table) {
  const Geometry& g = table.geometry();
  const u64 size = row.is_block ? g.pmd_size() : g.page_size();
  std::string frames = fmt::format("{}", row.frame.v);
  if (row.nr_entries > 1 && row.shape == DumpRow::Shape::same) {
    frames = fmt::format("{} x {}", row.nr_entries, row.frame.v);
  } else if (row.is_block || row.nr_entries > 1) {
    const u64 last = row.frame.v + (row.end - row.start) / g.page_size() - 1;
    frames = fmt::format("{} .. {}", row.frame.v, last);
  }
  const u64 base = table.vmemmap_base();
  return fmt::format("+{:<8x} .. +{:<8x} {}    {:<6} {}", row.start - base, row.end - base, row.writable ? "RW" : "RO",
                     size_name(size), frames);
}

u64 resize(Machine& m, u64 nr) {
  m.cpu(0).run();
  const u64 reached = m.hugetlb().set_max_huge_pages(m.cpu(0), m.config().geometry.huge_order, nr);
  m.cpu(0).idle();
  return reached;
}

DumpColumn column_of(Machine& m, const std::string& what) {
  PageTable& table = m.page_table();
  std::vector<DumpRow> rows;
  m.cpu(0).run();
  ptdump(m.cpu(0), table, table.vmemmap_base(), table.vmemmap_end(), rows);
  m.cpu(0).idle();
  const FrameCensus census = m.census();
  DumpColumn column{fmt::format("{}: {} frames mapped, {} PTE pages", what, census.mapped, census.pte_pages),
                    {std::string(kRowTitle)}};
  for (const DumpRow& row : rows) column.rows.push_back(row_text(row, table));
  return column;
}

std::string beside(const DumpColumn& left, const DumpColumn& right) {
  std::string s = fmt::format("{:<{}}  {}\n", left.headline, kColumn, right.headline);
  for (std::size_t i = 0; i < std::max(left.rows.size(), right.rows.size()); ++i) {
    const std::string l = i < left.rows.size() ? left.rows[i] : "";
    const std::string r = i < right.rows.size() ? right.rows[i] : "";
    s += r.empty() ? l + "\n" : fmt::format("{:<{}}  {}\n", l, kColumn, r);
  }
  return s;
}

std::string alone(const DumpColumn& column) {
  std::string s = column.headline + "\n";
  for (const std::string& row : column.rows) s += row + "\n";
  return s;
}

}  // namespace

std::expected<std::vector<DumpColumn>, std::string> dump_columns(const Design& design, const Geometry& geometry,
                                                                 u64 nr) {
  MachineConfig config;
  config.design = &design;
  config.geometry = geometry;
  config.nr_cpus = 1;
  const PoolRequest pool{geometry.huge_order, nr};
  config.memory_pages = mib_needed({&pool, 1}, geometry) << 20 >> geometry.page_shift;
  auto machine = Machine::create(config);
  if (!machine) return std::unexpected(machine.error());
  Machine& m = **machine;
  const std::string size = size_name(geometry.folio_bytes(geometry.huge_order));
  std::vector<DumpColumn> columns;
  columns.push_back(column_of(m, "at boot"));
  if (const u64 reached = resize(m, nr); reached != nr) {
    return std::unexpected(fmt::format("only {} of {} hugepages could be made", reached, nr));
  }
  columns.push_back(column_of(m, fmt::format("{} x {}", nr, size)));
  resize(m, 0);
  columns.push_back(column_of(m, "given back"));
  return columns;
}

std::expected<std::string, std::string> dump_text(const Design& left, const Design& right, const Geometry& geometry,
                                                  u64 nr) {
  const auto l = dump_columns(left, geometry, nr);
  if (!l) return std::unexpected(l.error());
  if (&left == &right) {
    std::string s = fmt::format("{}\n", left.name);
    for (const DumpColumn& column : *l) s += "\n" + alone(column);
    return s;
  }
  const auto r = dump_columns(right, geometry, nr);
  if (!r) return std::unexpected(r.error());
  std::string s = fmt::format("{:<{}}  {}\n", left.name, kColumn, right.name);
  for (std::size_t i = 0; i < l->size(); ++i) s += "\n" + beside((*l)[i], (*r)[i]);
  return s;
}

}  // namespace hvo::stress
