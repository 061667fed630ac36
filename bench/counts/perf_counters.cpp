#include "bench/counts/perf_counters.h"

#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench/counts/counter.h"

namespace hvo::bench {

namespace {

struct Event {
  u32 type;
  u64 config;
};
constexpr std::array<Event, 2> kEventsWanted{{
    {PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS},
    {PERF_TYPE_HW_CACHE,
     PERF_COUNT_HW_CACHE_L1D | (PERF_COUNT_HW_CACHE_OP_READ << 8) | (PERF_COUNT_HW_CACHE_RESULT_ACCESS << 16)},
}};

int open_event(const Event& event, int leader) {
  perf_event_attr attributes{};
  attributes.size = sizeof attributes;
  attributes.type = event.type;
  attributes.config = event.config;
  attributes.disabled = leader < 0 ? 1 : 0;
  attributes.exclude_kernel = 1;
  attributes.exclude_hv = 1;
  attributes.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
  return static_cast<int>(syscall(SYS_perf_event_open, &attributes, 0, -1, leader, PERF_FLAG_FD_CLOEXEC));
}

/// Nothing when the counter did not run all the time that it was on.
std::optional<u64> value_of(int fd) {
  struct {
    u64 value;
    u64 enabled;
    u64 running;
  } read_out{};
  if (read(fd, &read_out, sizeof read_out) != sizeof read_out || read_out.enabled != read_out.running) return {};
  return read_out.value;
}

}  // namespace

std::optional<PerfCounters> PerfCounters::open() {
  PerfCounters counters;
  for (u64 i = 0; i < kEvents; ++i) {
    counters.fds_[i] = open_event(kEventsWanted[i], i == 0 ? -1 : counters.fds_[0]);
    if (counters.fds_[i] < 0) return std::nullopt;
  }
  return counters;
}

PerfCounters::~PerfCounters() {
  for (const int fd : fds_) {
    if (fd >= 0) close(fd);
  }
}

void PerfCounters::start() {
  ioctl(fds_[0], PERF_EVENT_IOC_RESET, PERF_IOC_FLAG_GROUP);
  ioctl(fds_[0], PERF_EVENT_IOC_ENABLE, PERF_IOC_FLAG_GROUP);
}

std::optional<PartTotals> PerfCounters::stop() {
  ioctl(fds_[0], PERF_EVENT_IOC_DISABLE, PERF_IOC_FLAG_GROUP);
  const auto instructions = value_of(fds_[0]);
  const auto loads = value_of(fds_[1]);
  if (!instructions || !loads || *instructions == 0) return {};
  return PartTotals{.instructions = *instructions, .loads = *loads, .branches = {}};
}

}  // namespace hvo::bench
