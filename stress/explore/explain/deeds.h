// deeds: one moment of a schedule in words.
#pragma once

#include <optional>
#include <string>

#include "stress/explore/explain/object_names.h"

namespace hvo::stress {

struct Deed {
  std::string text{};
  std::string before{};  ///< empty when not known
  std::string after{};   ///< what was read, or is there now
};

/// What an access did to `object`, which held `old`.
Deed deed_of(Machine& machine, const Moment& moment, const Object& object, std::optional<u64> old);
/// What a CPU was about to do when it trapped; empty when that is not known.
std::string attempt_text(Machine& machine, const Access& access, const Object& object);
std::string wait_text(Machine& machine, const Moment& moment, const Object& object, std::optional<u64> holder);

/// What an access does to a lock.
enum class LockDeed : u8 { none, takes, lets_go };
LockDeed lock_deed(const Moment& moment, const Object& object);

}  // namespace hvo::stress
