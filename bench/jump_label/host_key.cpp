#include "bench/jump_label/host_key.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <mutex>
#include <vector>

#include "bench/jump_label/text_alias.h"
#include "core/base/check.h"

namespace hvo::bench {

namespace {

class FlagKey final : public HostKey {
 public:
  explicit FlagKey(std::atomic<bool>& flag) : flag_(flag) { flag_.store(false, std::memory_order::relaxed); }
  std::expected<void, std::string> set(bool on) override {
    flag_.store(on, std::memory_order::relaxed);
    return {};
  }
  const char* kind() const override { return "atomic flag"; }

 private:
  std::atomic<bool>& flag_;
};

std::atomic<u64> traps{0};

#if HVO_JUMP_LABEL

constexpr std::byte kInt3{0xcc};
constexpr std::byte kJmpRel8{0xeb};
constexpr std::byte kJmpRel32{0xe9};
constexpr u64 kLongest = 5;
/// The nops of two and of five bytes that Intel's manual recommends.
constexpr std::array<std::byte, 2> kNop2{std::byte{0x66}, std::byte{0x90}};
constexpr std::array<std::byte, 5> kNop5{std::byte{0x0f}, std::byte{0x1f}, std::byte{0x44}, std::byte{0x00},
                                         std::byte{0x00}};

/// A place that is patched.
struct Site {
  std::byte* code = nullptr;
  u64 size = 0;
  const std::byte* target = nullptr;
  std::array<std::byte, kLongest> jump{};
  const std::byte* bytes(bool on) const {
    if (on) return jump.data();
    return size == kNop2.size() ? kNop2.data() : kNop5.data();
  }
};

/// What the handler needs. Immutable, and never freed: a late handler may still hold it.
struct Switch {
  std::span<const Site> sites;  ///< sorted by address
  bool on;                      ///< what they become
};
std::atomic<const Switch*> under_way{nullptr};
/// Counts when a switch begins and when it ends.
std::atomic<u64> phase{0};
struct sigaction previous_action{};

/// The site whose breakpoint is at `code`, or nullptr.
const Site* find_site(const Switch* s, const std::byte* code) {
  if (s == nullptr) return nullptr;
  const auto at = std::ranges::lower_bound(s->sites, code, {}, &Site::code);
  return at != s->sites.end() && at->code == code ? &*at : nullptr;
}

/// Where a thread goes on that trapped on the byte at `code`; nullptr when that breakpoint is not ours.
/// Async-signal-safe.
const std::byte* resume_address(const std::byte* code) {
  for (;;) {
    const u64 before = phase.load(std::memory_order::acquire);           // (D)
    const Switch* const s = under_way.load(std::memory_order::acquire);  // (B)
    if (const Site* site = find_site(s, code); site != nullptr) return s->on ? site->target : code + site->size;
    // Gone before the handler came: run what stands there now.
    if (std::atomic_ref(*const_cast<std::byte*>(code)).load(std::memory_order::relaxed) != kInt3) return code;
    // Or a switch began between the two looks.
    if (phase.load(std::memory_order::acquire) == before) return nullptr;  // (D)
  }
}

void on_trap(int signal, siginfo_t* info, void* context) {
  auto& registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
  const auto* const code = reinterpret_cast<const std::byte*>(registers[REG_RIP]) - 1;
  // SI_KERNEL: an int3. Any other SIGTRAP was sent by somebody, and the byte before says nothing.
  const std::byte* const resume = info->si_code == SI_KERNEL ? resume_address(code) : nullptr;
  if (resume != nullptr) {
    traps.fetch_add(1, std::memory_order::relaxed);
    registers[REG_RIP] = reinterpret_cast<greg_t>(resume);
    return;
  }
  if ((previous_action.sa_flags & SA_SIGINFO) != 0) return previous_action.sa_sigaction(signal, info, context);
  if (previous_action.sa_handler != SIG_DFL && previous_action.sa_handler != SIG_IGN) {
    return previous_action.sa_handler(signal);
  }
  std::signal(SIGTRAP, SIG_DFL);
  std::raise(SIGTRAP);
}

void install_handler_once() {
  static std::once_flag once;
  std::call_once(once, [] {
    struct sigaction action{};
    action.sa_sigaction = on_trap;
    action.sa_flags = static_cast<int>(SA_SIGINFO | SA_RESTART | SA_ONSTACK);
    sigaction(SIGTRAP, &action, &previous_action);
  });
}

long membarrier(int command) { return syscall(SYS_membarrier, command, 0, 0); }

std::expected<void, std::string> sync_cores() {
  if (membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE) == 0) return {};
  return std::unexpected(std::string("membarrier(SYNC_CORE): ") + std::strerror(errno));
}

/// Reads the entry; a site of size 0 when the code there is no jump.
Site site_of(const JumpEntry& entry) {
  auto at = [](const i32& field) {
    return reinterpret_cast<std::byte*>(reinterpret_cast<u64>(&field) + static_cast<u64>(static_cast<i64>(field)));
  };
  Site site{.code = at(entry.code), .target = at(entry.target)};
  if (*site.code == kJmpRel8) site.size = kNop2.size();
  if (*site.code == kJmpRel32) site.size = kNop5.size();
  std::copy_n(site.code, site.size, site.jump.begin());
  return site;
}

class PatchedKey final : public HostKey {
 public:
  PatchedKey(std::vector<Site> sites, TextAlias text)
      : sites_(std::move(sites)),
        text_(std::move(text)),
        switches_{{{.sites = sites_, .on = false}, {.sites = sites_, .on = true}}} {}

  std::expected<void, std::string> set(bool on) override {
    static std::mutex one_at_a_time;  // the handler knows of one switch
    const std::lock_guard guard(one_at_a_time);
    if (on == on_) return {};
    if (auto synced = sync_cores(); !synced) return synced;  // refused: nothing was written yet
    // In this order: who meets a breakpoint of this switch and saw the phase before it must have seen the switch too.
    under_way.store(&switches_[on ? 1 : 0], std::memory_order::release);  // (A)
    phase.fetch_add(1, std::memory_order::acq_rel);                       // (C)
    for (const Site& site : sites_) store(site.code, kInt3);
    must_sync();  // (1)
    for (const Site& site : sites_) {
      for (u64 i = 1; i < site.size; ++i) store(site.code + i, site.bytes(on)[i]);
    }
    must_sync();  // (2)
    for (const Site& site : sites_) store(site.code, site.bytes(on)[0]);
    must_sync();                                           // (3)
    under_way.store(nullptr, std::memory_order::release);  // (A)
    phase.fetch_add(1, std::memory_order::acq_rel);        // (C)
    on_ = on;
    return {};
  }
  const char* kind() const override { return "patched code"; }

 private:
  /// In the middle of a switch there is no way back.
  static void must_sync() {
    const auto synced = sync_cores();
    HVO_CHECK(synced.has_value(), "membarrier worked a moment ago");
  }
  void store(const std::byte* code, std::byte value) const {
    std::atomic_ref(*text_.writable(code)).store(value, std::memory_order::relaxed);
  }

  std::vector<Site> sites_;  ///< sorted by address
  TextAlias text_;
  std::array<Switch, 2> switches_;
  bool on_ = true;
};

#endif

}  // namespace

u64 HostKey::nr_traps() { return traps.load(std::memory_order::relaxed); }

HostKey* make_flag_key(std::atomic<bool>& flag) { return new FlagKey(flag); }

#if HVO_JUMP_LABEL

std::expected<HostKey*, std::string> make_patched_key(std::span<const JumpEntry> entries) {
  if (entries.empty()) return std::unexpected("there is no branch to patch");
  if (membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE) != 0) {
    return std::unexpected(std::string("this kernel has no membarrier(SYNC_CORE), which patching code needs: ") +
                           std::strerror(errno));
  }
  std::vector<Site> sites;
  for (const JumpEntry& entry : entries) {
    sites.push_back(site_of(entry));
    if (sites.back().size == 0) return std::unexpected("an entry of the jump table is no jump");
  }
  std::ranges::sort(sites, {}, &Site::code);
  auto text = TextAlias::make(sites.front().code, sites.back().code + sites.back().size);
  if (!text) return std::unexpected(text.error());
  install_handler_once();
  auto* const key = new PatchedKey(std::move(sites), std::move(*text));  // for ever: code may trap at any time
  if (auto off = key->set(false); !off) return std::unexpected(off.error());
  return key;
}

#else

std::expected<HostKey*, std::string> make_patched_key(std::span<const JumpEntry> /*entries*/) {
  return std::unexpected("this build tests a flag: it has no code to patch");
}

#endif

}  // namespace hvo::bench
