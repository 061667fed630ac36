#include "stress/zoo/hunt.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <type_traits>
#include <vector>

#include "program/exit_codes.h"
#include "stress/report/outcomes.h"

namespace hvo::stress {

namespace {

using Json = nlohmann::json;

/// Beyond its limit a process may still shrink, tell and end.
constexpr double kGraceSeconds = 45;
constexpr const char* kHangTimeout = "10";

std::string last_line(const std::string& text) {
  const auto end = text.find_last_not_of('\n');
  if (end == std::string::npos) return "it said nothing";
  const auto begin = text.rfind('\n', end);
  return text.substr(begin == std::string::npos ? 0 : begin + 1,
                     end - (begin == std::string::npos ? 0 : begin + 1) + 1);
}

/// Of an object; else `otherwise`.
template <class T>
T get(const Json& json, const char* key, T otherwise) {
  const auto found = json.is_object() ? json.find(key) : json.end();
  if (!json.is_object() || found == json.end() || found->is_null()) return otherwise;
  if constexpr (std::is_same_v<T, std::string>) {
    return found->is_string() ? found->get<std::string>() : otherwise;
  } else {
    return found->is_number() ? found->get<T>() : otherwise;
  }
}
const Json& part(const Json& json, const char* key) {
  static const Json nothing;
  const auto found = json.is_object() ? json.find(key) : json.end();
  return json.is_object() && found != json.end() ? *found : nothing;
}

void add_once(std::string& list, const std::string& word) {
  if ((", " + list + ", ").find(", " + word + ", ") != std::string::npos) return;
  list += (list.empty() ? "" : ", ") + word;
}

std::string signal_word(int signal) {
  const char* const name = sigabbrev_np(signal);
  return name == nullptr ? std::to_string(signal) : fmt::format("SIG{}", name);
}

/// What the end of the process says by itself, before its words are read.
std::optional<Attempt> told_by_end(const Bounded& ended) {
  Attempt a{.seconds = ended.seconds};
  if (ended.is_interrupted || ended.code == kInterrupted) {
    a.end = Attempt::End::interrupted;
    return a;
  }
  if (ended.is_late || ended.signal != 0 || ended.code == kCrash) {
    // The tool's own end, and no detector's word: it does not count as found.
    a.by = ended.is_late ? "hang" : ended.signal != 0 ? "crash by " + signal_word(ended.signal) : "crash";
    a.why = a.by + ": " + last_line(ended.text);
    return a;
  }
  if (ended.code == kUsage || ended.code == kResource) {
    a.why = last_line(ended.text);
    return a;
  }
  return std::nullopt;
}

Attempt without_result(const Bounded& ended) {
  return {.seconds = ended.seconds,
          .why = fmt::format("ended with code {} and wrote no result: {}", ended.code, last_line(ended.text))};
}

/// The forbidden outcomes that were counted.
std::string forbidden_of(const Json& outcomes) {
  std::string by;
  if (!outcomes.is_array()) return by;
  for (const Json& x : outcomes) {
    if (get<std::string>(x, "grade", "") == "FORBIDDEN" && get<u64>(x, "count", 0) != 0) {
      add_once(by, get<std::string>(x, "key", "?"));
    }
  }
  return by;
}

}  // namespace

Attempt read_explored(const Bounded& ended, const std::string& text) {
  if (auto told = told_by_end(ended)) return *told;
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return without_result(ended);
  Attempt a{.end = Attempt::End::not_found,
            .seconds = get(json, "seconds", ended.seconds),
            .nr_tries = get<u64>(json, "schedules", 0)};
  const auto verdict = get<std::string>(json, "verdict", "");
  if (verdict != "FOUND" && ended.code != kViolation) return a;
  a.end = Attempt::End::found;
  const Json& witness = part(json, "witness");
  a.nr_steps = get<u64>(witness, "steps", 0);
  for (const char* key : {"rules", "outcomes"}) {
    if (!a.by.empty() || !part(witness, key).is_array()) continue;
    for (const Json& word : part(witness, key)) {
      if (word.is_string()) add_once(a.by, word.get<std::string>());
    }
  }
  if (a.by.empty()) a.by = verdict == "NOT DETERMINED" ? "not determined" : forbidden_of(part(json, "outcomes"));
  a.story = get<std::string>(part(json, "story"), "text", "");
  return a;
}

Attempt read_run(const Bounded& ended, const std::string& text) {
  if (auto told = told_by_end(ended)) return *told;
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return without_result(ended);
  Attempt a{.end = Attempt::End::not_found,
            .seconds = get(json, "seconds", ended.seconds),
            .nr_tries = get<u64>(json, "rounds", 0)};
  if (ended.code != kViolation && ended.code != kHang) return a;
  a.end = Attempt::End::found;
  a.seconds = get(part(json, "first_bad_round"), "seconds", a.seconds);
  if (part(json, "violations").is_array()) {
    for (const Json& v : part(json, "violations")) {
      add_once(a.by, get<std::string>(v, "rule", "?"));
      if (a.story.empty()) {
        a.story = wrapped(fmt::format("{}: {} Seen: {}.", get<std::string>(v, "rule", "?"),
                                      get<std::string>(v, "meaning", ""), get<std::string>(v, "what", "?")),
                          0);
      }
    }
  }
  if (a.by.empty()) a.by = forbidden_of(part(json, "outcomes"));
  if (ended.code == kHang) add_once(a.by, "hang");
  return a;
}

Attempt read_races(const Bounded& ended) {
  Attempt a{.end = Attempt::End::not_found, .seconds = ended.seconds};
  constexpr std::string_view kSummary = "SUMMARY: ThreadSanitizer: ";
  const auto at = ended.text.find(kSummary);
  if (at != std::string::npos) {
    a.end = Attempt::End::found;
    const auto kind = ended.text.substr(at + kSummary.size());
    a.by = kind.substr(0, kind.starts_with("data race") ? 9 : kind.find_first_of(" \n"));
    a.story = ended.text.substr(at, ended.text.find('\n', at) - at) + "\n";
    return a;
  }
  if (auto told = told_by_end(ended)) return *told;
  // What other detectors see there counts in their own columns.
  if (ended.code == kPass || ended.code == kViolation || ended.code == kVacuous || ended.code == kHang) return a;
  return without_result(ended);
}

std::string typed_by_hand(const Words& program, u64 seed) {
  Words words = program;
  words.front() = program.front() == "run" ? "stress" : program.front();
  return fmt::format("{} --seed {}", joined(words), seed);
}

Attempt hunt(const Words& program, Way way, u64 seed, const HuntLimits& limits, const TemporaryFolder& folder,
             const std::filesystem::path& tsan) {
  const bool is_explored = program.front() == "explore";
  const std::string json = folder.file("result.json");
  std::error_code ignored;
  std::filesystem::remove(json, ignored);
  Words words = program + Words{"--quiet", "--json", json, "--seed", std::to_string(seed)};
  const std::string seconds = fmt::format("{:.3f}", limits.seconds);
  if (is_explored) {
    words = words + Words{"--budget", seconds, "--save", folder.file("schedule.json")};
    // A search by lot, so that a seed is an attempt of its own.
    if (!has_option(program, "--strategy")) words = words + Words{"--strategy", "portfolio"};
    if (!limits.shrinks || way == Way::tsan) words.emplace_back("--no-shrink");
  } else {
    words = words + Words{"--seconds", seconds, "--stop-at-first"};
    if (!has_option(program, "--hang-timeout")) words = words + Words{"--hang-timeout", kHangTimeout};
  }
  const Words start = way == Way::tsan ? Words{"/usr/bin/env", "TSAN_OPTIONS=halt_on_error=1:exitcode=1", tsan.string()}
                                       : Words{"/proc/self/exe"};
  const auto ended = run_bounded(start + words, limits.seconds + kGraceSeconds);
  Attempt a;
  if (!ended) {
    a.why = ended.error();
  } else if (way == Way::tsan) {
    a = read_races(*ended);
  } else {
    a = is_explored ? read_explored(*ended, text_of_file(json)) : read_run(*ended, text_of_file(json));
  }
  a.command = typed_by_hand(program, seed);
  return a;
}

}  // namespace hvo::stress
