// Recording: everything that the processes of a comparison measured, and what it was measured on. Written and read as
// JSON, so that two machines or two commits can be compared.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "bench/compare/statistics.h"
#include "bench/compare/worker.h"
#include "bench/environment.h"

namespace hvo::bench {

struct Recording {
  Facts facts;
  Extent extent = Extent::all;
  u64 seed = 1;
  std::vector<Measured> processes;
  bool is_partial = false;  ///< ended before its time

  /// Ratios of a cell to another of its case, one for each process that has both.
  std::vector<double> ratios(const std::string& case_name, const std::string& cell, std::string_view baseline) const;
  /// Nanoseconds a lookup of a cell in each process that has it.
  std::vector<double> ns(const std::string& case_name, const std::string& cell) const;
  /// The cells of a case, in order, baselines first.
  std::vector<std::string> cells(const std::string& case_name) const;
};

/// One process, as a line that the worker prints and the driver reads.
std::string to_line(const Measured& measured);
std::expected<Measured, std::string> from_line(const std::string& line);

std::string to_json(const Recording& recording);
/// Error: one line for the user, with the path in it.
std::expected<Recording, std::string> read_recording(const std::string& path);

/// A cell against one baseline.
struct Comparison {
  Interval ratio;
  Interval again;  ///< the baseline's copy against the baseline
  Judgement judgement;
};
/// Nothing when too few processes have both.
std::optional<Comparison> compare(const Recording& recording, const std::string& case_name, const std::string& cell,
                                  std::string_view baseline);

/// The baseline that a cell is judged by first: 2 MiB pages where the host had them.
std::string_view first_baseline(const Recording& recording, const std::string& case_name);

}  // namespace hvo::bench
