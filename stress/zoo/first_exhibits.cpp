#include <array>

#include "stress/zoo/exhibits.h"

namespace hvo::stress {

namespace {

constexpr std::array kFirst{
    Exhibit{.id = "Z1",
            .title = "a high-order vmemmap block is not split into single frames",
            .history =
                "Hot-added memory gets its struct pages as one block of 512 frames with one count. When its PMD had "
                "been split, HVO freed frames of that block one by one; all but the first had a count of 0, and the "
                "allocator panicked. It takes memory hotplug and HVO together.",
            .fix = "39d35edee453",
            .safeguard = "split-page",
            .explore = "--scenario optimise+lookup",
            .run = "--scenario lookup_vs_restore",
            .host_mmu = true},
    Exhibit{.id = "Z2",
            .title = "who loses the race to split a PMD replaces a page table",
            .history =
                "Two CPUs came to split the PMD of one 128 MiB block. One looked at the PMD, let the lock go and took "
                "what the PMD pointed at for the block of struct pages; the other had put a page table there by then. "
                "Without the second look under the lock the new table would have replaced the table of the winner.",
            .fix = "20230707033859.16148-1",
            .safeguard = "split-recheck",
            .explore = "--scenario optimise+optimise",
            .run = "--scenario split_contention",
            .host_mmu = true},
    Exhibit{.id = "Z3",
            .title = "a page-table dump reports a range twice",
            .history =
                "The dump reads a PMD once and reports it as a leaf; the generic walker under it reads the PMD again. "
                "When a CPU splits it in between, the walker goes down into the new table and reports the same range a "
                "second time. Found while the lock of the split was changed, and closed in the same patch.",
            .fix = "d8d55f5616cf",
            .safeguard = "walk-continue",
            .explore = "--scenario split+dump",
            .run = "--scenario ptdump_vs_split",
            .host_mmu = true},
    Exhibit{.id = "Z4",
            .title = "a pfn walker takes a reference on a read-only tail",
            .history =
                "A walker of all pfns looks at a page in use and then adds to its count. In between the page can be "
                "freed and become a tail of a hugepage whose struct pages are read-only: the compare-exchange faults. "
                "The bug was there for three years; it was called very hard to trigger. Kernel 6.1 still has it.",
            .fix = "bd225530a4c7",
            .safeguard = "walker-guard",
            .explore = "--scenario recycle+filtered --design fake-head-acquire",
            .run = "--scenario walker_vs_remap --design fake-head-acquire",
            .host_mmu = true},
    Exhibit{.id = "Z5",
            .title = "a walker looks for a fake head before it reads the count",
            .history =
                "The mend of Z4 looked for a fake head and then at the count. A page that became a tail between the "
                "two looked fine in both: no fake head before, a count that is not 0 after, the head's own. The order "
                "was turned round, and the load of the count made an acquire, which weakly ordered CPUs need.",
            .fix = "20250108074822.722696-1",
            .safeguard = "walker-order",
            .explore = "--scenario recycle+filtered --design fake-head-acquire",
            .run = "--scenario walker_vs_remap --design fake-head-acquire",
            .host_mmu = true},
    Exhibit{.id = "Z6",
            .title = "a grace period for each folio, and where none is needed",
            .history =
                "The wait for readers under RCU came before the test whether the folio is optimised at all, and later "
                "once for each folio of a batch: 513 times for a demoted 1 GiB page. Demoting 100 of them took nine "
                "minutes; with one wait for each batch it took 0.9 s.",
            .fix = "c2a967f6ab0e, 20240812224823.3914837-1",
            .safeguard = "test-before-grace",
            .explore = "--scenario sysctl_vs_churn --design fake-head-rcu",
            .run = "--scenario sysctl_vs_churn --design fake-head-rcu",
            .host_mmu = true},
    Exhibit{.id = "Z7",
            .title = "a folio stops being a hugepage before its struct pages are restored",
            .history =
                "A hugepage that left the pool lost its mark first and got its struct pages back later. A memory error "
                "in between took it for an ordinary compound page and set a flag in a tail that was still read-only: "
                "a panic, reproduced on 6.5-rc2.",
            .fix = "32c877191e02",
            .safeguard = "mark-until-restored",
            .explore = "--scenario free+poison",
            .run = "--scenario hwpoison_vs_free",
            .host_mmu = true},
    Exhibit{.id = "Z8",
            .title = "a folio becomes a hugepage only after it was optimised",
            .history =
                "The other end of Z7: a fresh hugepage was optimised before it got its mark. A memory error in that "
                "window wrote to a read-only tail. The two lines were exchanged; kernel 6.1 still has them "
                "the other way round.",
            .fix = "d8f5f7e445f0",
            .safeguard = "mark-before-optimise",
            .explore = "--scenario alloc+poison",
            .run = "--scenario hwpoison_vs_free",
            .host_mmu = true},
    Exhibit{.id = "Z9",
            .title = "raw memory errors are moved before the hugepage mark goes",
            .history =
                "Errors in an optimised hugepage are kept in a list beside it and moved to the pages when it is freed. "
                "They were moved while the folio still passed for a hugepage, so that one more error could be added to "
                "the list behind the mover's back. The list was then forgotten, and a bad page went to the allocator.",
            .fix = "5596d9e8b553",
            .safeguard = "errors-moved-last",
            .explore = "--scenario free+poison",
            .run = "--scenario hwpoison_vs_free",
            .host_mmu = true},
    Exhibit{.id = "Z10",
            .title = "restore is called for what is no hugepage",
            .history =
                "After the mark was kept until a folio is restored (Z7), the ways that free and dissolve called "
                "restore for folios that were no hugepages, with HVO off too. They have to ask for the mark first.",
            .fix = "30a89adf872d",
            .safeguard = "restore-hugetlb-only",
            .explore = "--scenario sysctl_vs_churn",
            .run = "--scenario sysctl_vs_churn",
            .host_mmu = true},
    Exhibit{.id = "Z11",
            .title = "the flush of a batch does nothing",
            .history = "Batches rely on one flush of everything before their frames are freed. On s390 that function "
                       "was an empty stub. Frames were used again while CPUs still "
                       "had the old translations.",
            .fix = "20251028153930.37107-1, 64e2f60f355e",
            .safeguard = "tlb-flush",
            .explore = "--scenario optimise+relookup",
            .run = "--scenario batch_flush"},
    Exhibit{.id = "Z12",
            .title = "a valid translation is replaced by another one",
            .history =
                "arm64 demands that a valid entry is made invalid and flushed before another one takes its place. HVO "
                "replaces address and permission of a live entry in one step, and can't make a hole in memory that any "
                "CPU may read. HVO is off on arm64 since 2023; four attempts to bring it back were not merged.",
            .fix = "060a2c92d1b6 (HVO switched off)",
            .safeguard = "arch-replaces-valid",
            .explore = "--scenario optimise+lookup",
            .run = "--scenario lookup_vs_optimize"},
    Exhibit{.id = "Z13",
            .title = "a rollback makes the head's entry from the template of a tail",
            .history =
                "A 1 GiB page has struct pages under eight PMDs. When memory for the second or a later page table ran "
                "out, the entries that had been changed were put back, all in one manner: the first one too, which "
                "maps the copy of the head. The head was overwritten by tails.",
            .fix = "20260525025213.2229628-1",
            .safeguard = "rollback-keeps-head",
            .explore = "--scenario gigantic+lookup --design fake-head-copy --fail 2",
            .run = "--scenario enomem_rollback --design fake-head-copy",
            .host_mmu = true},
    Exhibit{.id = "Z14",
            .title = "bytes, pages and section numbers mixed up at boot",
            .history =
                "Gigantic pages of the command line are optimised while memory is set up. One function took a number "
                "of pages for a number of bytes and an address for a page number, so most tails stayed writable. "
                "Nothing failed by it at once.",
            .fix = "reply of 2026-06-11 to 752fe17af693",
            .safeguard = "boot-range-bytes",
            .explore = "--scenario lookup_vs_optimize --pool 32K=1 --at-boot --design shared-tail",
            .run = "--scenario mixed --pool 1G=1 --at-boot --design shared-tail",
            .host_mmu = true},
    Exhibit{.id = "Z15",
            .title = "the shared tail is used before it is initialised",
            .history =
                "With one shared page of tails for each zone and order, boot-time hugepages used it before the code "
                "that fills struct pages had run, which then wrote over it. A debug check read zone 0 from a tail of "
                "another zone.",
            .fix = "20260622101901.223961-1",
            .safeguard = "tail-filled-first",
            .explore = "--scenario shared_tail_creation --design shared-tail --flush broadcast --ops 3",
            .run = "--scenario shared_tail_creation --design shared-tail",
            .races = true},
    Exhibit{.id = "Z16",
            .title = "two CPUs both make the shared tail",
            .history =
                "The shared page of tails is made by who needs it first. In the first version of the series two CPUs "
                "could both see none, both make one and both store it: one was lost, and hugepages pointed at either. "
                "Found in review; a lock came in the second version, a compare-exchange in the fifth.",
            .fix = "review of the series for 7.1",
            .safeguard = "publish-by-cmpxchg",
            .explore = "--scenario optimise+optimise --design shared-tail",
            .run = "--scenario shared_tail_creation --design shared-tail",
            .host_mmu = true},
    Exhibit{.id = "Z17",
            .title = "shared tails show the node and zone of another page",
            .history =
                "Tails carry the number of their node and zone. One shared page for each size was right on a machine "
                "with one zone only; for each node it was still wrong between zones. It took seven versions of the "
                "series to come to one page for each zone and order.",
            .fix = "622026e87c40 (v7 of the series)",
            .safeguard = "tail-per-zone",
            .explore = "--scenario shared_tail_creation --design shared-tail",
            .run = "--scenario mixed --design shared-tail",
            .host_mmu = true},
    Exhibit{.id = "Z18",
            .title = "a rollback flushes the wrong range",
            .history =
                "On the way back after an error the start of the range had already been moved on, so the flush began "
                "behind the entries that had been changed. Found in review between two versions of the batch series.",
            .fix = "review of the batch series, v3",
            .safeguard = "rollback-flush",
            .explore = "--scenario enomem_rollback --design shared-tail --fail 4 --ops 12",
            .run = "--scenario enomem_rollback --design shared-tail"},
};

}  // namespace

std::span<const Exhibit> first_exhibits() { return kFirst; }

}  // namespace hvo::stress
