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
constexpr std::array<Event, 3> kEventsWanted{{
    {PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS},
    {PERF_TYPE_HW_CACHE,
     PERF_COUNT_HW_CACHE_L1D | (PERF_COUNT_HW_CACHE_OP_READ << 8) | (PERF_COUNT_HW_CACHE_RESULT_ACCESS << 16)},
    {PERF_TYPE_HARDWARE, PERF_COUNT_HW_BRANCH_INSTRUCTIONS},
}};

int open_event(const Event& event, int leader) {
  perf_event_attr attributes{};
  attributes.size = sizeof attributes;
  attributes.type = event.type;
  attributes.config = event.config;
  attributes.disabled = leader < 0 ? 1 : 0;
  attributes.exclude_kernel = 1;
  attributes.exclude_hv = 1;
  return static_cast<int>(syscall(SYS_perf_event_open, &attributes, 0, -1, leader, PERF_FLAG_FD_CLOEXEC));
}

u64 value_of(int fd) {
  u64 value = 0;
  return read(fd, &value, sizeof value) == sizeof value ? value : 0;
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

PartTotals PerfCounters::stop() {
  ioctl(fds_[0], PERF_EVENT_IOC_DISABLE, PERF_IOC_FLAG_GROUP);
  return {.instructions = value_of(fds_[0]), .loads = value_of(fds_[1]), .branches = value_of(fds_[2])};
}

}  // namespace hvo::bench
