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
  last_reference,
  known_violation,
  violation,
  not_valid,
};
inline constexpr unsigned kNrKeys = 10;

struct Outcome {
  Key key{};
  std::string_view name;
  Grade grade{};
  std::string_view why;
};
inline constexpr std::array<Outcome, kNrKeys> kOutcomes{{
    {Key::right, "lookup-right", Grade::acceptable, "the head was found"},
    {Key::truth_moved, "lookup-moved", Grade::acceptable, "the compound changed meanwhile"},
    {Key::self_head, "self-head", Grade::interesting, "no reference held, raced with restore"},
    {Key::wrong, "lookup-wrong", Grade::forbidden, "an answer that never was true"},
    {Key::referenced_wrong, "referenced-wrong", Grade::forbidden, "a reference pins the folio"},
    {Key::frame_damaged, "frame-damaged", Grade::forbidden, "somebody wrote to an owned frame"},
    {Key::last_reference, "last-reference", Grade::forbidden, "a walker's was the owner's"},
    {Key::known_violation, "known-hole", Grade::known_hole, "this kernel really had it"},
    {Key::violation, "violation", Grade::forbidden, "a detector spoke"},
    {Key::not_valid, "not-valid", Grade::forbidden, "the machine's books don't balance"},
}};

/// Counts per outcome, and the first violations that matter. One writer.
struct Outcomes {
  std::array<u64, kNrKeys> count{};
  std::array<Violation, 4> first{};  ///< forbidden ones
  unsigned nr_first = 0;
  std::string_view fixed_by;  ///< of a known hole that was met

  void add(Key key) { ++count[static_cast<unsigned>(key)]; }
  u64 of(Key key) const { return count[static_cast<unsigned>(key)]; }
  u64 nr_forbidden() const;
  Outcomes& operator+=(const Outcomes& other);
};

/// Grades what the log holds, and clears it. Call as its CPU, or at a quiescent point.
void grade_violations(const Design& design, ViolationLog& log, Outcomes& outcomes);

}  // namespace hvo::stress
