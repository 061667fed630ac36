// The strategies: random walks, PCT, depth first, and one schedule again.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "core/base/rng.h"
#include "stress/explore/engine/engine.h"

namespace hvo::stress {

/// What the schedule without any preemption takes: strategies aim by it.
struct Baseline {
  std::array<u32, kMostCpus> steps{};  ///< of each CPU
  u32 nr_steps() const {
    u32 n = 0;
    for (const u32 s : steps) n += s;
    return n;
  }
};

/// Which schedules of a seed a worker takes: first, first + stride, …
struct Indices {
  u64 seed = 1;
  u64 first = 0;
  u64 stride = 1;
};

/// A strategy that draws lots. Schedule `index` of a seed is the same whatever was run before it.
class RandomStrategy : public Strategy {
 public:
  bool begin() final;
  u32 choose(const Question& question) final;
  u64 index() const final { return index_; }

 protected:
  explicit RandomStrategy(const Indices& indices) : indices_(indices), next_(indices.first) {}
  virtual void begin_with(Rng& rng) = 0;
  Rng& rng() { return rng_; }

 private:
  Indices indices_;
  u64 next_;
  u64 index_ = 0;
  Rng rng_;
};

/// Switches with probability 1 / `one_in` at each turn, to any other CPU alike.
class RandomWalk final : public RandomStrategy {
 public:
  RandomWalk(const Indices& indices, u32 one_in) : RandomStrategy(indices), one_in_(one_in) {}
  u32 pick(const Turn& turn) override;

 private:
  void begin_with(Rng& /*rng*/) override {}
  u32 one_in_;
};

/// Uniform random walk: each CPU is picked in proportion to the steps that it has left, so that all interleavings of
/// programs that don't meet are equally likely.
class UniformRandomWalk final : public RandomStrategy {
 public:
  UniformRandomWalk(const Indices& indices, const Baseline& baseline) : RandomStrategy(indices), baseline_(baseline) {}
  u32 pick(const Turn& turn) override;
  void step(u32 cpu) override { ++taken_[cpu]; }
  bool counts_steps() const override { return true; }

 private:
  void begin_with(Rng& rng) override;
  u64 left(u32 cpu) const;

  Baseline baseline_;
  std::array<u32, kMostCpus> taken_{};
};

/// PCT (Burckhardt and others, 2010): CPUs have random priorities, and the highest that can run does; at depth - 1
/// random steps the CPU that runs falls to the lowest. Finds a bug that needs `depth` ordered events with a probability
/// that is bounded below.
class PctStrategy final : public RandomStrategy {
 public:
  static constexpr u32 kMostDepth = 16;
  PctStrategy(const Indices& indices, u32 depth, const Baseline& baseline)
      : RandomStrategy(indices), depth_(depth), baseline_(baseline) {}
  u32 pick(const Turn& turn) override;
  void step(u32 cpu) override;
  bool counts_steps() const override { return true; }

 private:
  void begin_with(Rng& rng) override;

  u32 depth_;
  Baseline baseline_;
  std::array<u32, kMostCpus> priority_{};   ///< the higher the sooner
  std::array<u32, kMostDepth> falls_at_{};  ///< steps
  u32 nr_taken_ = 0;
};

/// All schedules with at most so many preemptions, depth first. Of several workers each takes those whose first
/// decision other than 0 is its own.
class DepthFirst final : public Strategy {
 public:
  explicit DepthFirst(u32 preemptions, u32 worker = 0, u32 nr_workers = 1)
      : bound_(preemptions), worker_(worker), nr_workers_(nr_workers) {}
  bool begin() override;
  u32 pick(const Turn& turn) override;
  u32 choose(const Question& question) override;
  void met_nobody() override;
  u64 index() const override { return index_; }
  std::optional<u32> nr_common() const override { return nr_common_; }
  bool wants_checkpoint() const override { return depth_ == decisions_.size() && nr_preemptions_ < bound_; }
  void go_on_behind(u32 nr_decisions) override;

  /// Of the schedule that was just run.
  u32 nr_preemptions() const { return nr_preemptions_; }
  /// All have been run.
  bool is_exhausted() const { return is_exhausted_; }
  bool has_begun() const { return has_begun_; }
  /// How many schedules are about left, by the decisions that are open.
  double nr_left() const;
  /// Where the search is, before the next schedule; to be taken up again by another one of the same bound and worker.
  struct Decision {
    u8 chosen = 0;
    u8 nr_alternatives = 1;
    u8 is_preemptible = 0;  ///< any other than 0 is a preemption
  };
  std::span<const Decision> decisions() const { return decisions_; }
  void resume(std::vector<Decision> decisions);
  /// A decision that was taken up again had other alternatives: it is of another program.
  bool has_strayed() const { return has_strayed_; }

 private:
  bool advance();
  u32 decide(u32 n, bool is_preemptible);

  u32 bound_;
  u32 worker_;
  u32 nr_workers_;
  bool has_begun_ = false;
  bool has_run_ = false;  ///< here: not only where this search was begun
  bool is_exhausted_ = false;
  bool has_strayed_ = false;
  u64 index_ = 0;
  u32 nr_common_ = 0;
  u32 nr_preemptions_ = 0;
  std::size_t depth_ = 0;
  std::size_t last_pick_ = 0;
  std::vector<Decision> decisions_;
};

/// Depth first with ever more preemptions: simple schedules first, without end.
class DeepeningSearch final : public Strategy {
 public:
  bool begin() override;
  u32 pick(const Turn& turn) override { return pass_.pick(turn); }
  u32 choose(const Question& question) override { return pass_.choose(question); }
  u64 index() const override { return pass_.index(); }
  std::optional<u32> bound() const override { return bound_; }

 private:
  u32 bound_ = 0;
  DepthFirst pass_{0};
};

/// One schedule again; where it says nothing more, nobody is preempted.
class ReplayStrategy final : public Strategy {
 public:
  explicit ReplayStrategy(std::span<const u8> decisions) : decisions_(decisions.begin(), decisions.end()) {}
  bool begin() override;
  u32 pick(const Turn& turn) override { return next(turn.nr); }
  u32 choose(const Question& question) override { return next(question.nr); }
  u64 index() const override { return 0; }
  /// A decision was none of the alternatives: this schedule is not of this program.
  bool has_strayed() const { return has_strayed_; }

 private:
  u32 next(u32 n);

  std::vector<u8> decisions_;
  std::size_t next_ = 0;
  bool has_strayed_ = false;
};

}  // namespace hvo::stress
