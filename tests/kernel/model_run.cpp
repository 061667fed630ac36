#include "tests/kernel/model_run.h"

#include <algorithm>

namespace hvo::kernel {

namespace {

constexpr unsigned kMaxPageOrder = 10;           ///< MAX_PAGE_ORDER: blocks of the buddy
constexpr u64 kSparePages = u64{1} << kOrder1G;  ///< half of them are memory for the vmemmap

constexpr Order order_of(const Step& step) { return Order{static_cast<u8>(step.order)}; }
std::string did(u64 n) { return "did:" + std::to_string(n); }

}  // namespace

std::expected<std::unique_ptr<ModelRun>, std::string> ModelRun::create(const Design& design, u64 memory_pages,
                                                                       Print print) {
  MachineConfig config;
  config.design = &design;
  config.memory_pages = align_up(memory_pages, kSparePages) + kSparePages;
  config.nr_cpus = 1;
  config.recording = false;
  auto machine = Machine::create(config);
  if (!machine) return std::unexpected(machine.error());
  std::unique_ptr<ModelRun> run(new ModelRun(std::move(*machine), std::move(print)));
  if (!run->take_all_memory()) return std::unexpected("the machine's memory is in use after boot");
  run->machine_->optimizer().set_enabled(run->cpu_, false);
  return run;
}

ModelRun::ModelRun(std::unique_ptr<Machine> machine, Print print)
    : machine_(std::move(machine)), print_(std::move(print)), cpu_(machine_->cpu(0)) {
  cpu_.run();
}

ModelRun::~ModelRun() { cpu_.idle(); }

// ---- memory that is the guest's to give
// -----------------------------------------------------------------------------------

bool ModelRun::take_all_memory() {
  const u64 nr_blocks = machine_->vmemmap().nr_pages() / kBlockPages;
  const u64 nr_ordinary = nr_blocks - kSparePages / kBlockPages;
  taken_.assign(nr_ordinary, true);
  nr_taken_ = nr_ordinary;
  for (u64 block = 0; block < nr_blocks; ++block) {
    const Pfn first{block * kBlockPages};
    // The spare ones are made room of as they are taken: the vmemmap itself costs frames.
    if (!machine_->pages().take_boot_pages(cpu_, first, Order{kBlockOrder})) {
      if (block < nr_ordinary) return false;
      break;
    }
    if (block < nr_ordinary) continue;
    for (u64 i = 0; i < kBlockPages; i += 2) machine_->pages().free_frozen_range(cpu_, first + i, Order{0});
  }
  return true;
}

bool ModelRun::give(u64 block, Order order) {
  const u64 nr = order.nr_pages() / kBlockPages;
  if (block % nr != 0 || block + nr > taken_.size()) return false;
  for (u64 b = block; b < block + nr; ++b) {
    if (!taken_[b]) return false;
  }
  for (u64 b = block; b < block + nr; ++b) {
    taken_[b] = false;
    machine_->pages().free_frozen_range(cpu_, {b * kBlockPages}, Order{kBlockOrder});
  }
  nr_taken_ -= nr;
  return true;
}

void ModelRun::take_back() {
  for (u64 b = 0; b < taken_.size(); ++b) {
    if (taken_[b] || !machine_->pages().take_boot_pages(cpu_, {b * kBlockPages}, Order{kBlockOrder})) continue;
    taken_[b] = true;
    ++nr_taken_;
  }
}

// ---- steps
// ----------------------------------------------------------------------------------------------------------------

bool ModelRun::play(const std::vector<Step>& trace) {
  show(0);
  unsigned n = 0;
  for (const Step& step : trace) {
    const std::string came = take(step);
    take_back();
    print_("HVO step n=" + std::to_string(++n) + " result=" + came + " op=" + to_text(step));
    show(n);
  }
  for (unsigned i = 0; i < machine_->diagnostics(0).violations.nr_kept; ++i) {
    const Violation& v = machine_->diagnostics(0).violations.first[i];
    const auto is_it = [&](const KnownHole& hole) { return hole.rule == v.rule && hole.op == v.op; };
    if (std::ranges::any_of(machine_->design().holes, is_it)) continue;
    complain(std::string(rule_name(v.rule)) + ": " + std::string(v.what));
  }
  print_("HVO end steps=" + std::to_string(n));
  return ok_;
}

void ModelRun::complain(const std::string& what) {
  ok_ = false;
  print_("HVO violation " + what);
}

std::string ModelRun::take(const Step& step) {
  switch (step.kind) {
    case StepKind::sysctl: machine_->optimizer().set_enabled(cpu_, step.count != 0); return "ok";
    case StepKind::set: return set(step);
    case StepKind::fault: return fault(step);
    case StepKind::free: return free(order_of(step), step.count);
    case StepKind::demote: return demote(step.count);
    case StepKind::demote_size:
      return machine_->hugetlb().set_demote_size(cpu_, Order{kOrder1G}, order_of(step)) ? "ok" : "EINVAL";
    case StepKind::overcommit:
      // nr_overcommit_hugepages_store() refuses it.
      if (step.order == kOrder1G) return "EINVAL";
      machine_->hugetlb().set_nr_overcommit_huge_pages(cpu_, order_of(step), step.count);
      return "ok";
    case StepKind::drain: return drain();
    case StepKind::walk: return walk();
    case StepKind::poison: return poison(step);
  }
  return "?";
}

std::string ModelRun::set(const Step& step) {
  const u64 used = set_pool(order_of(step), step.count, step.got);
  if (used != step.got.size()) {
    complain("the guest got " + std::to_string(step.got.size()) + " hugepages, the machine asked for " +
             std::to_string(used));
  }
  return "ok";
}

/// One at a time, so that the folios get on the list in the guest's order.
u64 ModelRun::set_pool(Order order, u64 count, const std::vector<u64>& got) {
  Hugetlb& hugetlb = machine_->hugetlb();
  u64 used = 0;
  for (PoolCounters c = hugetlb.counters(cpu_, order); c.persistent() < count; c = hugetlb.counters(cpu_, order)) {
    if (c.surplus_huge_pages == 0) {
      if (used == got.size()) break;
      if (!give(got[used], order)) complain("the guest got a block that is in use or not aligned");
      ++used;
    }
    if (hugetlb.set_max_huge_pages(cpu_, order, c.persistent() + 1) != c.persistent() + 1) break;
  }
  (void)hugetlb.set_max_huge_pages(cpu_, order, count);
  return used;
}

std::string ModelRun::fault(const Step& step) {
  const Order order = order_of(step);
  std::size_t used = 0;
  std::string came = "ok";
  for (u64 i = 0; i < step.count; ++i) {
    const bool is_fresh = machine_->hugetlb().counters(cpu_, order).free_huge_pages == 0;
    if (is_fresh && used < step.got.size()) {
      if (!give(step.got[used], order)) complain("the guest got a block that is in use or not aligned");
      ++used;
    }
    const auto head = machine_->hugetlb().alloc_hugetlb_folio(cpu_, order);
    if (!head) {
      came = did(i);
      break;
    }
    mapped(order).push_back(*head);
  }
  if (used != step.got.size()) complain("the guest got more hugepages than the machine asked for");
  return came;
}

std::string ModelRun::free(Order order, u64 count) {
  u64 done = 0;
  for (; done < count && !mapped(order).empty(); ++done) {
    // Where an unmapping drops the last reference nobody may sleep.
    cpu_.local_irq_disable();
    (void)machine_->hugetlb().folio_put(cpu_, mapped(order).front(), Context::atomic);
    cpu_.local_irq_enable();
    mapped(order).pop_front();
  }
  (void)machine_->hugetlb().free_hpage_work(cpu_);
  return done == count ? "ok" : did(done);
}

std::string ModelRun::demote(u64 count) {
  if (count == 0) return "ok";
  const auto done = machine_->hugetlb().demote_pool_huge_pages(cpu_, Order{kOrder1G}, count);
  // demote_store() looks for free ones first, and is content with none.
  if (done || done.error() == Errno::ebusy) return "ok";
  return done.error() == Errno::enomem ? "ENOMEM" : "EINVAL";
}

std::string ModelRun::drain() {
  for (const Order order : {Order{kOrder1G}, Order{kOrder2M}}) {
    (void)free(order, mapped(order).size());
    machine_->hugetlb().set_nr_overcommit_huge_pages(cpu_, order, 0);
    set_pool(order, machine_->hugetlb().counters(cpu_, order).nr_huge_pages, {});
    set_pool(order, 0, {});
  }
  return "ok";
}

/// memory_failure() notes the error; then the kernel unmaps the hugepage and dissolves it, to save its other pages.
/// Source: try_memory_failure_hugetlb(), me_huge_page(), __page_handle_poison().
std::string ModelRun::poison(const Step& step) {
  const Order order = order_of(step);
  const std::vector<u64> free = free_list(order);
  if (step.is_used ? mapped(order).empty() : free.empty()) return did(0);
  Hugetlb& hugetlb = machine_->hugetlb();
  if (step.is_used && hugetlb.counters(cpu_, order).surplus_huge_pages != 0) return kSurplus;
  const Pfn head = step.is_used ? mapped(order).front() : Pfn{free.front() * kBlockPages};
  poisoned_.push_back(head + step.count);
  if (!hugetlb.memory_failure(cpu_, head + step.count)) return "EBUSY";
  if (step.is_used) {
    mapped(order).pop_front();
    (void)hugetlb.folio_put(cpu_, head);
  }
  if (!hugetlb.dissolve_free_hugetlb_folio(cpu_, head)) return "EBUSY";
  // Of a gigantic one only the good pages are given back: the bad one is not found in the buddy, and that says EBUSY.
  return order.v > kMaxPageOrder ? "EBUSY" : "ok";
}

std::string ModelRun::walk() {
  const OpScope scope(cpu_, Op::pfn_walk_unfiltered);
  for (Pfn pfn; pfn.v < taken_.size() * kBlockPages; ++pfn.v) {
    const auto taken =
        get_page_unless_zero(machine_->design(), machine_->vmemmap().pages(cpu_), machine_->vmemmap().page_of(pfn));
    if (!taken) return "killed pfn=" + std::to_string(pfn.v);
    if (*taken) (void)machine_->hugetlb().folio_put(cpu_, pfn);
  }
  return "ok";
}

// ---- what is to be seen
// --------------------------------------------------------------------------------------------------

std::vector<u64> ModelRun::free_list(Order order) {
  std::vector<u64> blocks;
  machine_->hugetlb().for_each_free_folio(cpu_, order, {}, [&](Pfn head) { blocks.push_back(head.v / kBlockPages); });
  return blocks;
}

}  // namespace hvo::kernel
