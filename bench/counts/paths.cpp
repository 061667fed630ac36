#include "bench/counts/paths.h"

namespace hvo::bench {

namespace {

constexpr std::string_view kHead = "compound_head";

constexpr std::array kCounted{
    Counted{kHead, "none", Path::tail, false, {}},
    Counted{kHead, "none", Path::not_tail, false, {}},
    Counted{kHead, "fake-head", Path::tail, false, Counts{5, 1, 1}},
    Counted{kHead, "fake-head", Path::tail, true, Counts{5, 1, 1}},
    Counted{kHead, "fake-head", Path::not_tail, false, Counts{6, 1, 1}},
    Counted{kHead, "fake-head", Path::not_tail, true, Counts{8, 1, 2}},
    Counted{kHead, "fake-head", Path::aligned, true, Counts{11, 2, 3}},
    Counted{kHead, "fake-head", Path::aligned_head, true, Counts{16, 3, 3}},
    Counted{kHead, "fake-head", Path::aligned_fake, true, Counts{16, 3, 3}},
    Counted{kHead, "fake-head-flag", Path::not_tail, false, {}},
    Counted{kHead, "fake-head-flag", Path::not_tail, true, {}},
    Counted{kHead, "fake-head-flag", Path::aligned_head, true, {}},
    Counted{kHead, "shared-tail", Path::tail, false, {}},
    Counted{kHead, "shared-tail", Path::not_tail, false, {}},
    Counted{"PageHead", "none", Path::aligned_head, false, {}},
    Counted{"PageHead", "fake-head", Path::tail, false, Counts{5, 1, 1}},
    Counted{"PageHead", "fake-head", Path::aligned_head, false, Counts{7, 1, 1}},
    Counted{"PageHead", "fake-head", Path::aligned_head, true, Counts{19, 3, 4}},
    Counted{"PageTail", "none", Path::tail, false, {}},
    Counted{"PageTail", "fake-head", Path::not_tail, false, Counts{7, 1, 1}},
    Counted{"PageTail", "fake-head", Path::aligned_fake, true, Counts{19, 3, 4}},
};

}  // namespace

std::string_view path_name(Path path) {
  switch (path) {
    case Path::tail: return "tail";
    case Path::not_tail: return "not tail, not aligned";
    case Path::aligned: return "aligned, no PG_head";
    case Path::aligned_head: return "aligned, true head";
    case Path::aligned_fake: return "aligned, fake head";
  }
  return "?";
}

std::span<const Counted> counted() { return kCounted; }

// Frame 0: a head and its tails. Frame 1: an alias of it, by its content. Frame 2: single pages.
PathPages::PathPages() : frames_{} {
  const Page head{address(0, 0)};
  for (const u64 frame : {u64{0}, u64{1}}) {
    frames_[frame].pages.fill(PageImage::tail(0, head.va | 1));
    frames_[frame].pages[0] = PageImage::free_page(0);
    frames_[frame].pages[0].w[page_field::flags / 8] |= PG_head;
  }
  frames_[2].pages.fill(PageImage::free_page(0));
}

u64 PathPages::page(Path path) const {
  switch (path) {
    case Path::tail: return address(0, 5);
    case Path::not_tail: return address(2, 5);
    case Path::aligned: return address(2, 0);
    case Path::aligned_head: return address(0, 0);
    case Path::aligned_fake: return address(1, 0);
  }
  return 0;
}

}  // namespace hvo::bench
