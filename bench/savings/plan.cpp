#include "bench/savings/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "bench/savings/sizes.h"
#include "core/hvo/design_names.h"

namespace hvo::bench::savings {

namespace {

constexpr u64 kMostRounds = 1000;
constexpr u64 kMostBytes = u64{1} << 48;  // 256 TiB; frames are numbered by 32 bits
/// Copies of heads that a batch makes before it frees anything, and what lies on a CPU's list.
constexpr u64 kSparePages = 4096;

const Geometry& geometry() { return kGeometries[0]; }

std::optional<u64> number(std::string_view text) {
  u64 n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return n;
}

std::string known_hugepages() {
  const HugeSizes sizes = geometry().huge_sizes();
  std::vector<std::string> names;
  for (const Order order : sizes) names.push_back(short_size_text(geometry().folio_bytes(order)));
  std::ranges::reverse(names);  // the smallest first
  return fmt::format("{}", fmt::join(names, ", "));
}

std::string known_designs() {
  std::string s;
  for (const Design& d : kDesigns) s += fmt::format("{}{}", s.empty() ? "" : ", ", d.name);
  return s;
}

std::expected<Order, std::string> order_of(const std::string& word) {
  const auto bytes = parse_size(word);
  for (const Order order : geometry().huge_sizes()) {
    if (bytes && geometry().folio_bytes(order) == *bytes) return order;
  }
  return std::unexpected(fmt::format("--hugepage takes {}, not '{}'", known_hugepages(), word));
}

std::expected<u64, std::string> memory_of(const std::string& word, Order order) {
  const auto bytes = parse_size(word);
  if (!bytes) return std::unexpected(fmt::format("--memory takes a size such as 64GiB or 1TiB, not '{}'", word));
  const u64 each = geometry().folio_bytes(order);
  if (*bytes % each != 0) {
    return std::unexpected(
        fmt::format("--memory must be a multiple of the hugepage size, {}, not '{}'", size_text(each), word));
  }
  if (*bytes > kMostBytes) return std::unexpected(fmt::format("--memory is at most {}", size_text(kMostBytes)));
  return *bytes;
}

/// The baseline first, then the others in the order asked for, each once.
std::expected<std::vector<const Design*>, std::string> designs_of(const std::vector<std::string>& words) {
  std::vector<const Design*> designs{find_design("none")};
  const auto add = [&](const Design* d) {
    if (std::ranges::find(designs, d) == designs.end()) designs.push_back(d);
  };
  for (const std::string& word : words) {
    const auto design = design_of(word);
    if (!design) {
      return std::unexpected(
          fmt::format("--design takes a kernel version from 5.14 on, or {}; not '{}'", known_designs(), word));
    }
    add(*design);
  }
  if (!words.empty()) return designs;
  for (const Design& d : kDesigns) add(&d);
  return designs;
}

/// Largest power of two that fits, as text; empty when not even one hugepage does.
std::string largest_that_fits(const Plan& plan, u64 available_bytes) {
  const u64 each = geometry().folio_bytes(plan.order);
  u64 best = 0;
  for (u64 bytes = each; bytes <= plan.memory_bytes && bytes <= kMostBytes; bytes *= 2) {
    Plan smaller = plan;
    smaller.memory_bytes = bytes;
    if (host_bytes_needed(smaller) <= available_bytes) best = bytes;
  }
  return best == 0 ? "" : size_text(best);
}

}  // namespace

std::expected<Plan, std::string> make_plan(const Words& words) {
  const auto order = order_of(words.hugepage);
  if (!order) return std::unexpected(order.error());
  const auto memory = memory_of(words.memory, *order);
  if (!memory) return std::unexpected(memory.error());
  auto designs = designs_of(words.designs);
  if (!designs) return std::unexpected(designs.error());
  const auto rounds = number(words.rounds);
  if (!rounds || *rounds == 0 || *rounds > kMostRounds) {
    return std::unexpected(fmt::format("--rounds must be 1 to {}, not '{}'", kMostRounds, words.rounds));
  }
  return Plan{.memory_bytes = *memory, .order = *order, .designs = std::move(*designs), .nr_rounds = *rounds};
}

MachineConfig config_of(const Plan& plan, const Design& design) {
  MachineConfig config;
  config.geometry = geometry();
  config.design = &design;
  config.nr_cpus = 1;
  config.poison = false;
  config.recording = false;
  config.backing = Backing::anonymous;  // nothing mirrors the frames
  // The vmemmap takes its share of the memory that it describes, so more memory needs more of it: a few rounds settle.
  const u64 pool = plan.memory_bytes >> geometry().page_shift;
  config.memory_pages = pool;
  for (u64 before = 0; before != config.memory_pages;) {
    before = config.memory_pages;
    const MachineSizes sizes = sizes_of(config);
    const u64 own = (sizes.vmemmap_bytes >> geometry().page_shift) + sizes.nr_pmds + sizes.nr_pmds / 512 + 1;
    config.memory_pages = align_up(pool + own + kSparePages, geometry().memory_granule());
  }
  return config;
}

u64 host_bytes_needed(const Plan& plan) {
  const MachineConfig config = config_of(plan, *find_design("none"));
  const MachineSizes sizes = sizes_of(config);
  const u64 page = geometry().page_size();
  const u64 frames = sizes.vmemmap_bytes + sizes.nr_pmds * page + (sizes.nr_pmds / 512 + 1) * page;
  // States, orders, epochs, links (12 bytes a frame); a bitmap, an order and links for 512 units of either number
  // space (73 bytes); the truth and a pool's link for a hugepage of the smallest size.
  const u64 beside = sizes.nr_frames * 12 + (sizes.nr_frames + sizes.nr_pages) / 512 * 73 +
                     (sizes.nr_pages >> geometry().smallest_order().v) * 16;
  const u64 host_tables = (frames + beside) / 512;
  constexpr u64 kProgram = u64{32} << 20;
  return frames + beside + host_tables + kProgram;
}

std::expected<void, std::string> check_fits(const Plan& plan, std::optional<u64> available_bytes) {
  const u64 needed = host_bytes_needed(plan);
  if (!available_bytes || needed <= *available_bytes) return {};
  const std::string fits = largest_that_fits(plan, *available_bytes);
  return std::unexpected(fmt::format(
      "{} of hugepages need {} of this host's memory, and {} GiB are available{}", size_text(plan.memory_bytes),
      gib_text(needed) + " GiB", gib_text(*available_bytes), fits.empty() ? "" : "; --memory " + fits + " would fit"));
}

}  // namespace hvo::bench::savings
