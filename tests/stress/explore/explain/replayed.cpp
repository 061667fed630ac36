#include "tests/stress/explore/explain/replayed.h"

#include <algorithm>

#include "stress/explore/explain/requests.h"

namespace hvo::test {

namespace {

MachineConfig machine_config(const RaceConfig& config) {
  MachineConfig c;
  c.geometry = *find_geometry("tiny");
  c.design = find_design(config.design);
  c.memory_pages = 128;
  c.nr_cpus = config.nr_cpus;
  c.recording = false;
  return c;
}

Order order_of(const Machine& machine) {
  const Geometry& g = machine.config().geometry;
  return g.vmemmap_pages(g.huge_order) > machine.design().nr_kept_pages() ? g.huge_order : g.gigantic_order;
}

}  // namespace

Replayed::Replayed(const RaceConfig& config)
    : config_(config),
      machine_(Machine::create(machine_config(config)).value()),
      page_{machine_->design().nr_kept_pages() * machine_->config().geometry.structs_per_page()},
      next_(config.nr_cpus) {
  use_page();
  start_ = std::make_unique<Snapshot>(*machine_);
}

void Replayed::use_page() {
  Cpu& cpu = machine_->cpu(0);
  cpu.run();
  std::vector<Pfn> others;
  for (Pfn got{}; got != page_;) {
    got = machine_->pages().alloc_pages(cpu, Order{0}).value();
    if (got != page_) others.push_back(got);
  }
  for (const Pfn other : others) machine_->pages().put_page(cpu, other, Order{0});
  cpu.idle();
}

void Replayed::recycle(Cpu& cpu) {
  machine_->pages().put_page(cpu, page_, Order{0});
  (void)machine_->hugetlb().alloc_migrate_hugetlb_folio(cpu, order_of(*machine_));
}

void Replayed::walk(Cpu& cpu) {
  const OpScope scope(cpu, config_.walker);
  const CpuPages pages = machine_->vmemmap().pages(cpu);
  const Page page = machine_->vmemmap().page_of(page_);
  if (config_.walker == Op::pfn_walk_filtered) {
    const bool is_tail =
        with_encoding(machine_->design().encoding, [&]<class E>(E) { return PageTail<E>(pages, page); });
    if (is_tail || pages.refcount(page) == 0) return;
  }
  const auto taken = get_page_unless_zero(machine_->design(), pages, page);
  if (taken && *taken) (void)machine_->hugetlb().folio_put(cpu, page_);
}

std::vector<FiberEngine::Body> Replayed::bodies() {
  std::vector<FiberEngine::Body> all{[this](Cpu& cpu) { recycle(cpu); }, [this](Cpu& cpu) { walk(cpu); }};
  if (config_.nr_cpus > 2) {
    all.emplace_back([this](Cpu& cpu) {
      const auto page = machine_->pages().alloc_pages(cpu, Order{0});
      if (page) machine_->pages().put_page(cpu, *page, Order{0});
    });
  }
  return all;
}

bool Replayed::find(u32 preemptions) {
  const std::vector<FiberEngine::Body> work = bodies();
  DepthFirstSchedule schedule(preemptions);
  const auto is_trap = [](const Violation& v) { return v.rule == Rule::read_only_store && v.cpu == 1; };
  do {
    FiberEngine engine;
    start_->restore();
    const auto result = engine.run(machine_->cpus().first(work.size()), work, schedule, false);
    const auto found = std::ranges::find_if(result.violations, is_trap);
    if (found == result.violations.end()) continue;
    violation_ = *found;
    FiberEngine again;
    again.listen([this](const Moment& m) { listen(m); });
    ReplaySchedule same(schedule.picks());
    start_->restore();
    again.run(machine_->cpus().first(work.size()), work, same, false);
    start_->restore();
    return true;
  } while (schedule.next());
  return false;
}

void Replayed::listen(const Moment& moment) {
  using Why = HandBack::Why;
  using What = stress::Moment::What;
  const HandBack& said = moment.said;
  const auto cpu = static_cast<u8>(moment.cpu);
  if (said.why == Why::step) {
    ++nr_steps_;
    if (said.access.kind != Kind::walker_load) next_[cpu] = said.access;
    return;
  }
  stress::Moment m{
      .cpu = cpu, .op = said.op, .wait_for = said.wait_for, .step = nr_steps_, .rcu_depth = said.rcu_depth};
  m.word = said.word;
  m.result = said.result;
  switch (said.why) {
    case Why::step: break;
    case Why::did: m.what = What::access; break;
    case Why::wait: m.what = What::wait; break;
    case Why::violation: m.what = What::violation; break;
    case Why::done: m.what = What::done; break;
  }
  m.access = said.why == Why::violation ? next_[cpu] : said.access;
  m.violation = said.violation;
  stress::note_request(m, machine_->cpus());
  moments_.push_back(m);
}

}  // namespace hvo::test
