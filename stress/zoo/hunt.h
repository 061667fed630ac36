// hunt: one attempt to find a planted bug, by a process of its own.
//
// A bug may crash the simulation, hang it or send it round for ever: the process that hunts it is another one, bounded
// in time, and what it says comes back as a file.
#pragma once

#include <filesystem>
#include <string>

#include "program/child.h"
#include "program/temporary_folder.h"
#include "stress/zoo/ways.h"

namespace hvo::stress {

/// What came of one attempt.
struct Attempt {
  enum class End : u8 {
    found,
    not_found,
    failed,       ///< nothing can be said: it was refused, or something was missing
    interrupted,  ///< by us
  };
  End end = End::failed;
  std::string by{};       ///< found: the rules or outcomes that told, or "crash", "hang", "data race"
  double seconds = 0;     ///< to the detection, without the start of the process where it says so; else what it took
  u64 nr_tries = 0;       ///< schedules, or rounds
  u64 nr_steps = 0;       ///< of the shrunk schedule; 0: there is none
  std::string story{};    ///< in plain text; empty: none
  std::string why{};      ///< failed: in one line
  std::string command{};  ///< that does the same

  bool is_found() const { return end == End::found; }
};

struct HuntLimits {
  double seconds = 10;
  bool shrinks = true;  ///< of what exploring finds, tell the shortest form
};

/// Runs `program` (of program_of()) with this seed. `tsan`: the program of that build, for Way::tsan alone.
Attempt hunt(const Words& program, Way way, u64 seed, const HuntLimits& limits, const TemporaryFolder& folder,
             const std::filesystem::path& tsan = {});

/// Reads what `explore --json` wrote, or `run --json`, and the end of the process.
Attempt read_explored(const Bounded& ended, const std::string& json);
Attempt read_run(const Bounded& ended, const std::string& json);
/// Of the ThreadSanitizer build: what it printed.
Attempt read_races(const Bounded& ended);

/// Stands behind "./hvo " to do the same by hand.
std::string typed_by_hand(const Words& program, u64 seed);

}  // namespace hvo::stress
