#include "bench/exploration/exploration.h"

#include <unistd.h>

#include <nlohmann/json.hpp>

#include "program/child.h"
#include "program/exit_codes.h"
#include "program/signals.h"
#include "program/temporary_folder.h"

namespace hvo::bench {

namespace {

namespace fs = std::filesystem;

std::expected<Explored, std::string> explore(const fs::path& program, const Drive& drive, unsigned divisor,
                                             const TemporaryFolder& folder) {
  const std::string json = folder.file("explored.json");
  std::vector<std::string> words{program.string(), "explore",
                                 "--scenario",     std::string(drive.scenario),
                                 "--strategy",     std::string(drive.strategy),
                                 "--memory",       std::string(drive.memory),
                                 "--schedules",    std::to_string(drive.nr_schedules / divisor),
                                 "--workers",      "1",
                                 "--no-reduction", "--keep-going",
                                 "--quiet",        "--no-shrink",
                                 "--save",         folder.file("found.json"),
                                 "--json",         json};
  if (!drive.checkpoints) words.emplace_back("--no-checkpoints");
  const auto ran = run_timed(words);
  if (!ran) return std::unexpected(ran.error());
  // A search of so many schedules is not complete: that is said by a code of its own.
  if (ran->code != kPass && ran->code != kVacuous && ran->code != kInterrupted) {
    return std::unexpected("ended with code " + std::to_string(ran->code));
  }
  return parse_explored(text_of_file(json), ran->cpu_seconds);
}

template <class Count>
Spread rate_of(const std::vector<Explored>& samples, Clock clock, Count count) {
  std::vector<double> rates;
  rates.reserve(samples.size());
  for (const Explored& e : samples) rates.push_back(e.*count / (clock == Clock::cpu ? e.cpu_seconds : e.seconds));
  return spread_of(rates);
}

}  // namespace

std::string Drive::name() const {
  std::string s(scenario);
  for (const std::string_view word : {strategy, memory}) s.append(" ").append(word);
  return s;
}

std::expected<Explored, std::string> parse_explored(std::string_view json, double cpu_seconds) {
  const auto parsed = nlohmann::json::parse(json, nullptr, false);
  const auto number = [&parsed](const char* key) {
    const auto found = parsed.is_object() ? parsed.find(key) : parsed.end();
    return parsed.is_object() && found != parsed.end() && found->is_number() ? found->get<double>() : 0;
  };
  const Explored e{.nr_schedules = number("schedules"),
                   .nr_steps = number("steps_taken"),
                   .seconds = number("seconds"),
                   .cpu_seconds = cpu_seconds};
  if (e.nr_schedules > 0 && e.nr_steps > 0 && e.seconds > 0 && e.cpu_seconds > 0) return e;
  return std::unexpected("wrote no numbers of schedules, steps and seconds");
}

Spread schedules_rate(const std::vector<Explored>& samples, Clock clock) {
  return rate_of(samples, clock, &Explored::nr_schedules);
}

Spread steps_rate(const std::vector<Explored>& samples, Clock clock) {
  return rate_of(samples, clock, &Explored::nr_steps);
}

bool is_met(const Spread& rate, double goal) { return rate.median >= goal; }

std::expected<fs::path, std::string> find_hvo_stress(const fs::path& own) {
  const fs::path folder = own.parent_path();
  const fs::path built = folder.parent_path() / "stress" / "hvo-stress";
  for (const fs::path& path : {built, folder / "hvo-stress"}) {
    if (access(path.c_str(), X_OK) == 0) return path;
  }
  return std::unexpected("there is no hvo-stress to be measured: neither " + built.string() +
                         " nor beside this program");
}

std::expected<Exploration, std::string> measure_exploration(const fs::path& program, unsigned nr_rounds,
                                                            unsigned divisor,
                                                            const std::function<void(u64, u64)>& progress) {
  const auto folder = TemporaryFolder::make("hvo-bench");
  if (!folder) return std::unexpected(folder.error());
  Exploration all{.divisor = divisor, .samples = {}};
  const std::size_t n = kDrives.size();
  for (unsigned round = 0; round < nr_rounds; ++round) {
    for (std::size_t k = 0; k < n; ++k) {
      progress(u64{round} * n + k, u64{nr_rounds} * n);
      const std::size_t i = (round + k) % n;
      const auto explored = explore(program, kDrives[i], divisor, *folder);
      // What was broken off is no sample, whatever became of it.
      if (is_interrupted()) return all;
      if (!explored) return std::unexpected("hvo-stress " + explored.error());
      all.samples[i].push_back(*explored);
    }
  }
  return all;
}

}  // namespace hvo::bench
