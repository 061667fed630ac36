#include "stress/explore/explain/deeds.h"

#include <fmt/format.h>

#include "stress/explore/explain/values.h"

namespace hvo::stress {

namespace {

constexpr u64 kWriter = 0xffffffff;

bool has_stored(const Moment& m) {
  const Access& a = m.access;
  const u64 mask = a.size >= sizeof(u64) ? ~u64{0} : (u64{1} << (8 * a.size)) - 1;
  return a.is_write() && (a.kind != Kind::cmpxchg || m.result == (a.expected & mask));
}

std::string lock_text(Machine& machine, const Moment& m, const Object& lock) {
  const bool is_rw = lock.kind == Object::Kind::rw_sem;
  switch (lock_deed(m, lock)) {
    case LockDeed::takes:
      if (!is_rw) return "locks " + lock.name;
      return fmt::format("locks {} for {}", lock.name, (m.access.operand & kWriter) == kWriter ? "writing" : "reading");
    case LockDeed::lets_go: return "unlocks " + lock.name;
    case LockDeed::none: break;
  }
  if (is_rw && m.access.kind == Kind::store) return "downgrades " + lock.name;
  const std::string value = value_text(machine, lock, m.result);
  if (m.access.is_write()) return fmt::format("{} is taken: {}", lock.name, value);
  return fmt::format("{} is {}", lock.name, value);
}

std::string load_text(Machine& machine, const Moment& m, const Object& object, std::optional<u64> held) {
  const std::string value = value_text(machine, object, m.result);
  if (m.is_old) {
    const std::string now = held ? "; memory holds " + value_text(machine, object, *held) : "";
    return fmt::format("{} reads {} (old{})", object.name, value, now);
  }
  const std::string_view how = m.access.kind == Kind::walker_load ? "walk: " : "";
  return fmt::format("{}{} {} {}", how, object.name, how.empty() ? "is" : "=", value);
}

std::string write_text(Machine& machine, const Moment& m, const Object& object, std::optional<u64> old, u64 now) {
  const Access& a = m.access;
  if (a.kind == Kind::cmpxchg) {
    const std::string change = change_text(machine, object, a.expected, a.operand);
    if (has_stored(m)) return fmt::format("cmpxchg {} {}", object.name, change);
    return fmt::format("cmpxchg {} {}: finds {}", object.name, change, value_text(machine, object, m.result));
  }
  const std::string_view how = a.kind == Kind::plain_store ? "private " : "";
  return fmt::format("{}{} {}", how, object.name, change_text(machine, object, old, now));
}

/// "page[8]" of "page[8].flags".
std::string page_of(const std::string& name) { return name.substr(0, name.find('.')); }

}  // namespace

LockDeed lock_deed(const Moment& m, const Object& object) {
  if (!object.is_lock() || m.what != Moment::What::access) return LockDeed::none;
  const Access& a = m.access;
  if (a.kind == Kind::cmpxchg) return has_stored(m) ? LockDeed::takes : LockDeed::none;
  if (a.kind == Kind::store && a.operand == 0) return LockDeed::lets_go;
  return a.kind == Kind::fetch_add ? LockDeed::lets_go : LockDeed::none;
}

Deed deed_of(Machine& machine, const Moment& m, const Object& object, std::optional<u64> old) {
  const Access& a = m.access;
  if (a.kind == Kind::fill_frame) return {fmt::format("fills frame {}", a.object), "", ""};
  if (a.kind == Kind::load_line) return {page_of(object.name) + ": all of it is copied", "", ""};
  const bool is_rmw = a.is_write() && a.kind != Kind::store && a.kind != Kind::plain_store;
  if (is_rmw) old = m.result;
  const u64 now = a.is_write() ? value_after(a, old.value_or(0), m.result) : m.result;
  Deed deed;
  deed.before = a.is_write() && old ? value_text(machine, object, *old) : "";
  deed.after = value_text(machine, object, now);
  if (object.is_lock()) {
    deed.text = lock_text(machine, m, object);
  } else if (a.is_write()) {
    deed.text = write_text(machine, m, object, old, now);
  } else {
    deed.text = load_text(machine, m, object, old);
  }
  return deed;
}

std::string attempt_text(Machine& machine, const Access& a, const Object& object) {
  if (a.size == 0 || !a.is_write()) return {};
  if (a.kind == Kind::cmpxchg) {
    return fmt::format("cmpxchg {} {}", object.name, change_text(machine, object, a.expected, a.operand));
  }
  if (a.kind == Kind::store || a.kind == Kind::exchange) {
    return fmt::format("{} {}", object.name, change_text(machine, object, std::nullopt, a.operand));
  }
  const std::string_view how = a.kind == Kind::fetch_add ? "+=" : a.kind == Kind::fetch_or ? "|=" : "&=";
  return fmt::format("{} {} {}", object.name, how, value_text(machine, object, a.operand));
}

std::string wait_text(Machine& machine, const Moment& m, const Object& object, std::optional<u64> holder) {
  if (!object.is_lock()) return fmt::format("waits: {}", wait_name(m.wait_for));
  if (!holder || *holder == 0) return fmt::format("waits for {}", object.name);
  return fmt::format("waits for {}: {} has it", object.name, value_text(machine, object, *holder));
}

}  // namespace hvo::stress
