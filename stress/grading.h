// Grading: every observation of a run gets a grade; only FORBIDDEN fails it.
#pragma once

#include <array>
#include <string_view>

#include "core/cpu/diagnostics.h"
#include "core/hvo/designs.h"

namespace hvo::stress {

enum class Grade : u8 { acceptable, interesting, known_hole, forbidden };
std::string_view grade_name(Grade grade);

enum class Key : u8 {
  right,
  truth_moved,
  self_head,
  wrong,
  referenced_wrong,
  frame_damaged,
  known_violation,
  violation,
  not_valid,
  not_drained,
  stuck,
  stale_head,
  nowhere,
};
inline constexpr unsigned kNrKeys = 13;

struct Outcome {
  Key key{};
  std::string_view name;
  Grade grade{};
  std::string_view why;
};
inline constexpr std::array<Outcome, kNrKeys> kOutcomes{{
    {Key::right, "lookup-right", Grade::acceptable, "The lookup found the head that the page really had."},
    {Key::truth_moved, "lookup-moved", Grade::acceptable,
     "The compound was formed, destroyed or demoted while the lookup ran, so nothing can be said about its answer."},
    {Key::self_head, "self-head", Grade::interesting,
     "A lookup without a reference raced with a restore and returned the tail itself. The kernel allows that: who "
     "holds "
     "no reference must look again."},
    {Key::wrong, "lookup-wrong", Grade::forbidden, "A lookup gave an answer that was at no moment true."},
    {Key::referenced_wrong, "referenced-wrong", Grade::forbidden,
     "A lookup with a reference gave a wrong answer, although the reference pins the folio."},
    {Key::frame_damaged, "frame-damaged", Grade::forbidden,
     "A frame was changed by somebody who did not own it: its pattern was broken."},
    {Key::known_violation, "known-hole", Grade::known_hole,
     "A detector caught a bug that the kernels of this design really had."},
    {Key::violation, "violation", Grade::forbidden, "A detector reported what must never happen."},
    {Key::not_valid, "not-valid", Grade::forbidden,
     "The recount at the end of a round found frames, flags, page tables or lookups that are not as they must be."},
    {Key::not_drained, "not-drained", Grade::forbidden,
     "When all was given back at the end of a round, hugepages or optimised folios were left."},
    {Key::stuck, "stuck", Grade::forbidden,
     "An explored schedule came to a point where no CPU could go on, or did not end."},
    {Key::stale_head, "stale-head", Grade::interesting,
     "With weak memory a lookup without a reference read the head of a compound that was gone: loads may be old. Who "
     "holds no reference must look again."},
    {Key::nowhere, "lookup-nowhere", Grade::forbidden,
     "A lookup gave an address at which no struct page lies: it read what no struct page ever held."},
}};

inline constexpr std::size_t kMostHoles = 4;

/// Counts per outcome, and the first violations that matter. One writer.
struct Outcomes {
  std::array<u64, kNrKeys> count{};
  std::array<Violation, 4> first{};  ///< forbidden ones, one of each kind: rule, operation and what was seen
  unsigned nr_first = 0;
  std::array<u64, kMostHoles> holes{};  ///< hits of the design's known holes, in its order

  /// Keeps `v` if it is the first of its kind.
  void keep(const Violation& v);
  void add(Key key) { ++count[static_cast<unsigned>(key)]; }
  u64 of(Key key) const { return count[static_cast<unsigned>(key)]; }
  u64 nr_of(Grade grade) const;
  u64 nr_forbidden() const { return nr_of(Grade::forbidden); }
  Outcomes& operator+=(const Outcomes& other);
};

/// Grades what the log holds, and clears it. Call as its CPU, or at a quiescent point.
void grade_violations(const Design& design, ViolationLog& log, Outcomes& outcomes);

}  // namespace hvo::stress
