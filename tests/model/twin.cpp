#include "tests/model/twin.h"

#include <fmt/format.h>

#include <algorithm>

namespace hvo::test {

namespace {

constexpr u64 kEventsPerValidate = 8;
constexpr u32 kMostNth = 12;
constexpr u32 kMostEvery = 4;

MachineConfig machine_config(const TwinConfig& config) {
  MachineConfig m;
  m.geometry = *find_geometry(config.geometry);
  m.design = find_design(config.design);
  m.memory_pages = config.memory_pages;
  m.nr_cpus = 1;
  m.recording = false;
  m.safeguards = config.safeguards;
  return m;
}

}  // namespace

Twin::Twin(const TwinConfig& config)
    : machine_(Machine::create(machine_config(config)).value()),
      model_(*find_geometry(config.geometry), machine_->design(), machine_->vmemmap().nr_pages(), config.rules) {}

void Twin::expect(bool ok, std::string_view what, u64 expected, u64 seen) {
  if (ok || wrong_) return;
  wrong_ = fmt::format("{}: {}: expected {}, seen {}", where_, what, expected, seen);
}

std::optional<std::string> Twin::run(const Events& events) {
  where_ = "at boot";
  compare();
  for (std::size_t i = 0; i < events.size() && !wrong_; ++i) {
    where_ = fmt::format("event {}, {}({}, {})", i, kind_name(events[i].kind), events[i].which, events[i].amount);
    step(events[i]);
    if (i % kEventsPerValidate == 0) expect(machine_->validate(), "the machine's own recount found something");
  }
  if (!wrong_) end();
  return wrong_;
}

void Twin::step(const ModelEvent& event) {
  injected_before_ = counts()[Event::alloc_failure_injected];
  cpu().run();
  apply(event);
  cpu().idle();
  if (!wrong_) compare();
}

void Twin::apply(const ModelEvent& event) {
  const Order order = size(event.which);
  const u64 nr_that_fit = model_.nr_pages() / order.nr_pages();
  auto plan = [&](FailurePlan::Mode mode, u64 n) { machine_->frames().next().set_plan({.mode = mode, .n = n}); };
  switch (event.kind) {
    case EventKind::take_pages: return take_pages({static_cast<u8>(event.amount % (geometry().huge_order.v + 2U))});
    case EventKind::get_page: return get_page(event.which);
    case EventKind::put_page: return put_page(event.which);
    case EventKind::alloc_hugetlb: return alloc_hugetlb(order);
    case EventKind::alloc_migrate: return alloc_migrate(order);
    // One more than there can be; but a large machine is never filled.
    case EventKind::set_max: return set_max(order, event.amount % (is_tiny() ? nr_that_fit + 2 : 9));
    case EventKind::set_overcommit: {
      const u64 count = event.amount % 4;
      hugetlb().set_nr_overcommit_huge_pages(cpu(), order, count);
      model_.pool(order).nr_overcommit_huge_pages = count;
      return;
    }
    case EventKind::demote: return demote(order, event.amount % 4);
    case EventKind::dissolve: return dissolve(event.which);
    case EventKind::set_sysctl:
      machine_->optimizer().set_enabled(cpu(), event.amount % 2 != 0);
      return model_.set_enabled(event.amount % 2 != 0);
    case EventKind::fail_nth: return plan(FailurePlan::Mode::nth, 1 + event.amount % kMostNth);
    case EventKind::fail_every: return plan(FailurePlan::Mode::every, 1 + event.amount % kMostEvery);
    case EventKind::fail_never: return plan(FailurePlan::Mode::none, 1);
    case EventKind::fill_memory: return is_tiny() ? fill_memory(event.amount % 20) : void();
    case EventKind::give_memory_back: return give_memory_back(event.amount);
  }
}

// ---- ordinary pages
// --------------------------------------------------------------------------------------------------

void Twin::take_pages(Order order) {
  const bool can = model_.can_alloc(order);
  const auto head = machine_->pages().alloc_pages(cpu(), order);
  expect_equal("an allocation of pages succeeded", can, head.has_value());
  if (!head) {
    expect(head.error() == Errno::enomem, "no pages is ENOMEM");
    return;
  }
  expect(is_aligned(*head, order) && model_.is_free(head->v, order), "pages were handed out twice, from (pfn)", 0,
         head->v);
  model_.folios()[head->v] = {.order = order, .refs = 1};
}

void Twin::fill_memory(u64 left) {
  while (!wrong_ && model_.free_pages() > left) take_pages(Order{0});
}

void Twin::give_memory_back(u64 most) {
  const std::vector<u64> pages = model_.heads([](const ModelFolio& f) { return f.order.v == 0; });
  u64 nr = most == 0 ? pages.size() : std::min<u64>(most, pages.size());
  for (const u64 page : pages) {
    if (nr-- == 0) return;
    while (!wrong_ && model_.folios().contains(page)) put_head(page);
  }
}

void Twin::get_page(u32 which) {
  const std::vector<u64> heads = model_.heads([](const ModelFolio&) { return true; });
  if (heads.empty()) return;
  const u64 head = heads[which % heads.size()];
  ModelFolio& folio = model_.folios().at(head);
  const auto pages = machine_->vmemmap().pages(cpu());
  const auto taken = get_page_unless_zero(machine_->design(), pages, machine_->vmemmap().page_of({head}));
  expect(taken.has_value(), "taking a reference on a head trapped (pfn)", 0, head);
  expect_equal("a reference was taken", folio.refs != 0, taken.value_or(false));
  if (folio.refs != 0) ++folio.refs;
}

void Twin::put_page(u32 which) {
  const std::vector<u64> heads = model_.heads([](const ModelFolio& f) { return f.refs != 0; });
  if (!heads.empty()) put_head(heads[which % heads.size()]);
}

void Twin::put_head(u64 head) {
  ModelFolio& folio = model_.folios().at(head);
  if (folio.refs == 1 && folio.huge) return last_put(head);
  expect(hugetlb().folio_put(cpu(), {head}).has_value(), "folio_put failed (pfn)", 0, head);
  if (--folio.refs == 0) model_.folios().erase(head);
}

// ---- the end
// ---------------------------------------------------------------------------------------------------------

void Twin::give_everything_back() {
  machine_->frames().next().set_plan({});
  auto put_all = [&](bool huge) {
    for (const u64 head : model_.heads([&](const ModelFolio& f) { return f.huge == huge && f.refs != 0; })) {
      for (u32 n = model_.folios().at(head).refs; n != 0 && !wrong_; --n) put_head(head);
    }
  };
  put_all(false);
  put_all(true);
  for (const Order order : {geometry().gigantic_order, geometry().huge_order}) {
    hugetlb().set_nr_overcommit_huge_pages(cpu(), order, 0);
    model_.pool(order).nr_overcommit_huge_pages = 0;
  }
  // What a failed restore left as surplus is made persistent by the pool's own size. One that failed may succeed once
  // others are gone, so as long as any goes all are tried again.
  for (std::size_t before = ~std::size_t{0}; !wrong_ && before != model_.folios().size();) {
    before = model_.folios().size();
    for (const Order order : {geometry().huge_order, geometry().gigantic_order}) {
      if (!wrong_) set_max(order, model_.pool(order).nr_huge_pages);
      if (!wrong_) set_max(order, 0);
    }
  }
}

bool Twin::is_stuck() {
  const auto& folios = model_.folios();
  return !folios.empty() && std::ranges::all_of(folios, [&](const auto& entry) {
    return entry.second.is_free() && model_.free_pages() < model_.frames_saved(entry.second);
  });
}

void Twin::end() {
  where_ = "at the end, everything given back";
  injected_before_ = counts()[Event::alloc_failure_injected];
  cpu().run();
  give_everything_back();
  cpu().idle();
  if (!wrong_) compare();
  if (wrong_) return;
  expect(machine_->validate(), "the machine's own recount found something");
  // The frames that HVO won may have gone into further folios; then there are none to restore the first one with.
  if (is_stuck()) return;
  expect_equal("folios left", 0, model_.folios().size());
  for (const auto& [order, pool] : model_.pools())
    expect(pool == PoolCounters{}, "a pool is not empty (order)", 0, order);
  const FrameCensus census = machine_->census();
  expect_equal("frames that back struct pages are not as at boot", model_.nr_pages() / geometry().structs_per_page(),
               census.mapped);
  expect_equal("read-only PTEs are left", 0, census.read_only_ptes);
  expect_equal("free pages are not as at boot, but for PTE pages",
               model_.nr_pages() - census.mapped - census.pmd_pages - census.pte_pages, free_pages());
}

}  // namespace hvo::test
