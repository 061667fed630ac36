#include "stress/explore/subjects/scenario_subject.h"

#include <algorithm>
#include <optional>

#include "stress/mix.h"
#include "stress/scenarios/actors.h"

namespace hvo::stress {

namespace {

constexpr u64 kMostSpare = 24;  // hugepages beyond the pools
constexpr u64 kMostHuge = 4;
constexpr u64 kSeedStream = 0x65787031;  // apart from the streams of the strategies

/// Notes which frames are stored to while nobody else runs, so that only those are put back.
class Noter final : public Engine {
 public:
  explicit Noter(Snapshot& snapshot, const FrameTable& frames)
      : dirty_(snapshot.dirty_frames()),
        memory_(frames.memory),
        bytes_(frames.nr_frames() << frames.page_shift),
        page_shift_(frames.page_shift) {}

  void before(Cpu& /*cpu*/, const Access& /*access*/) override {}
  u64 perform(Cpu& cpu, const Access& access, void* word) override {
    const u64 at = static_cast<u64>(static_cast<const std::byte*>(word) - memory_);
    if (access.is_write() && at < bytes_) dirty_[at >> page_shift_] = 1;
    return cpu.perform(access, word);
  }
  void wait(Cpu& cpu, WaitFor /*why*/, const void* /*word*/) override { cpu.relax(); }
  u32 choose(Cpu& /*cpu*/, Choice /*choice*/, u32 /*n*/) override { return 0; }
  void report(Cpu& /*cpu*/, const Violation& /*violation*/) override {}

 private:
  u8* dirty_;
  const std::byte* memory_;
  u64 bytes_;
  u8 page_shift_;
};

class ScenarioSubject final : public Subject {
 public:
  ScenarioSubject(std::unique_ptr<Machine> machine, const Scenario& scenario, u32 nr_ops, u64 seed)
      : Subject(std::move(machine)), mix_(Mix::of(scenario, false, seed)), nr_ops_(nr_ops), seed_(seed) {
    begin_here();
  }

  void restart(u64 variant) override {
    Subject::restart(variant);
    shared_.emplace(nr_cpus());
    const u64 seed = mix64(seed_ ^ mix64(variant ^ kSeedStream));
    for (u32 i = 0; i < nr_cpus(); ++i) shared_->cpus[i].rng = Rng::seeded(seed, i);
  }

  void act(Cpu& cpu) override {
    CpuShare& share = shared_->cpus[cpu.id()];
    const WeightedActors& actors = mix_.of_cpu(cpu.id());
    for (u32 i = 0; i < nr_ops_; ++i) {
      const std::size_t nth = actors.pick(share.rng);
      actors.actors()[nth].run(cpu, machine(), *shared_, share.rng);
    }
  }

  /// What actors hold is no part of the machine's trace.
  bool remembers_traces() const override { return false; }
  void judge(End end, Outcomes& outcomes, EventCounts& events, u64 /*trace*/) override {
    for (u32 i = 0; i < nr_cpus(); ++i) seen(i) += shared_->cpus[i].outcomes;
    judge_without_validation(outcomes, events);
    if (end == End::deadlock || end == End::endless) outcomes.add(Key::stuck);
    if (end != End::done) return;
    note_state();
    if (!wind_up()) outcomes.add(Key::not_drained);
    if (!machine().validate()) outcomes.add(Key::not_valid);
    for (u32 i = 0; i < nr_cpus(); ++i) {
      grade_violations(machine().design(), machine().diagnostics(i).violations, outcomes);
    }
  }

 private:
  bool wind_up() {
    Machine& m = machine();
    Noter noter(snapshot(), m.frame_table());
    m.frames().next().set_plan({});
    for (Cpu* cpu : m.cpus()) cpu->attach(&noter);
    Cpu& cpu = m.cpu(0);
    cpu.run();
    const bool all_back = give_all_back(cpu, m, *shared_);
    cpu.idle();
    for (Cpu* c : m.cpus()) c->attach(nullptr);
    return all_back;
  }

  Mix mix_;
  u32 nr_ops_;
  u64 seed_;
  std::optional<Shared> shared_;
};

}  // namespace

void make_small(const Scenario& scenario, bool pools_are_given, MachineConfig& config) {
  const Geometry& g = config.geometry;
  u64 given = 0;
  for (PoolConfig& pool : config.pools) {
    if (pools_are_given) given += pool.nr_huge_pages << pool.order.v;
    if (!pools_are_given && pool.order == g.huge_order) pool.nr_huge_pages = std::min(pool.nr_huge_pages, kMostHuge);
  }
  Scenario small = scenario;
  small.pools.nr_spare = std::min(small.pools.nr_spare, kMostSpare);
  config.memory_pages = 0;
  set_defaults(small, config);
  config.memory_pages += (given << kStructPageShift) >> g.page_shift;  // the struct pages of small pages are many
  if (config.self_hosted_pages == 0) return;
  const u64 ordinary = align_up(config.memory_pages, g.memory_granule());
  config.memory_pages = pages_for_nodes(g, ordinary + config.self_hosted_pages, config.nr_nodes);
}

std::expected<std::unique_ptr<Subject>, std::string> make_scenario_subject(const Scenario& scenario,
                                                                           const MachineConfig& config, u32 nr_ops,
                                                                           u64 seed) {
  MachineConfig c = config;
  c.recording = false;
  auto machine = Machine::create(c);
  if (!machine) return std::unexpected(machine.error());
  return std::make_unique<ScenarioSubject>(std::move(*machine), scenario, nr_ops, seed);
}

}  // namespace hvo::stress
