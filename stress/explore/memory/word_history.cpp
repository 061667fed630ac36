#include "stress/explore/memory/word_history.h"

namespace hvo::stress {

namespace {

constexpr u32 kFirstBuckets = 1024;

/// At most half of the buckets are used.
constexpr u32 capacity(u32 nr_buckets) { return nr_buckets / 2; }

}  // namespace

WordHistory::WordHistory(u32 nr_cpus)
    : nr_cpus_(nr_cpus),
      version_stride_(sizeof(Version) + (u64{nr_cpus} * sizeof(u32) + 7) / 8 * 8),
      stride_(sizeof(Word8) + Word8::kVersions * version_stride_),
      bucket_mask_(kFirstBuckets - 1),
      buckets_(new Bucket[kFirstBuckets]),
      words_(new std::byte[capacity(kFirstBuckets) * stride_]) {}

WordHistory::~WordHistory() {
  delete[] buckets_;
  delete[] words_;
}

void WordHistory::start() {
  nr_words_ = 0;
  now_ = 0;
  if (++generation_ != 0) return;
  for (u32 i = 0; i <= bucket_mask_; ++i) buckets_[i].generation = 0;
  generation_ = 1;
}

void WordHistory::put(u32 index) {
  u32 i = bucket_of(at(index).word);
  while (buckets_[i].generation == generation_) i = (i + 1) & bucket_mask_;
  buckets_[i] = {generation_, index};
}

void WordHistory::grow() {
  const u32 nr_buckets = 2 * (bucket_mask_ + 1);
  auto* words = new std::byte[capacity(nr_buckets) * stride_];
  for (u64 i = 0; i < nr_words_ * stride_; ++i) words[i] = words_[i];
  delete[] words_;
  words_ = words;
  delete[] buckets_;
  buckets_ = new Bucket[nr_buckets];
  bucket_mask_ = nr_buckets - 1;
  for (u32 i = 0; i < nr_words_; ++i) put(i);
}

void WordHistory::forget(Word8& w) {
  w.stored = 0;
  w.first = 0;
  w.last = 0;
  w.floor = 0;
  w.nr_observations = 0;
  Version& base = version(w, 0);
  base.value = peek(w.word);
  base.mask = 0;
  base.time = now_;
  base.event = 0;
  base.cpu = 0;
  for (u32 i = 0; i < nr_cpus_; ++i) base.view()[i] = 0;
}

Word8& WordHistory::touch(const Part& part) {
  Word8* w = find(part.word);
  if (w == nullptr) {
    if (nr_words_ == capacity(bucket_mask_ + 1)) grow();
    w = &at(nr_words_);
    w->word = part.word;
    forget(*w);
    // It has held this since the schedule began, or was changed behind the seam: nobody can tell.
    version(*w, 0).time = 0;
    put(nr_words_++);
  }
  const u64 more = part.mask & ~w->stored;
  if (more == 0) return *w;
  // Until now these bytes had no history: all versions have them as they are.
  const u64 held = peek(part.word) & more;
  for (u32 v = w->first; v <= w->last; ++v) {
    Version& version = this->version(*w, v);
    version.value = (version.value & ~more) | held;
  }
  w->stored |= more;
  return *w;
}

Version& WordHistory::add(Word8& w, u64 value, u64 mask, u32 cpu, u32 event) {
  ++w.last;
  if (w.last - w.first == Word8::kVersions) {
    ++w.first;
    if (w.floor < w.first) w.floor = w.first;
  }
  Version& v = version(w, w.last);
  v.value = value;
  v.mask = mask;
  v.time = ++now_;
  v.event = event;
  v.cpu = cpu;
  return v;
}

u32 WordHistory::floor(Word8& w, u64 mask, u32 cpu, ConstView view) {
  u32 floor = w.floor;
  for (u32 n = w.last; n > floor; --n) {
    const Version& v = version(w, n);
    if ((v.mask & mask) != 0 && (v.cpu == cpu || v.event <= view[v.cpu])) floor = n;
  }
  for (u32 i = 0; i < w.nr_observations; ++i) {
    const Observation& o = w.observations[i];
    if (o.version > floor && (o.mask & mask) != 0 && (o.cpu == cpu || o.event <= view[o.cpu])) floor = o.version;
  }
  return floor;
}

void WordHistory::observe(Word8& w, u64 mask, u32 cpu, u32 event, u32 version) {
  u32 kept = 0;
  for (u32 i = 0; i < w.nr_observations; ++i) {
    if (w.observations[i].version > w.floor) w.observations[kept++] = w.observations[i];
  }
  if (kept == Word8::kObservations) {
    // The oldest is made known to all: that allows less than it should, never more.
    if (w.floor < w.observations[0].version) w.floor = w.observations[0].version;
    for (u32 i = 1; i < kept; ++i) w.observations[i - 1] = w.observations[i];
    --kept;
  }
  w.observations[kept] = {mask, event, cpu, version, 0};
  w.nr_observations = kept + 1;
}

}  // namespace hvo::stress
