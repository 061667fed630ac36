#include <array>

#include "stress/zoo/exhibits.h"

namespace hvo::stress {

namespace {

constexpr std::array kLater{
    Exhibit{.id = "Z19",
            .title = "compound_head() of a copy",
            .history =
                "The dump of a struct page works on a copy on the stack. The check for a fake head reads the struct "
                "behind it, and behind a copy there is none. A compiler's warning about array bounds showed it.",
            .fix = "6a7de1bf218d",
            .why_not = "the simulated lookup takes an address in the vmemmap: there is no lookup of a copy to break"},
    Exhibit{.id = "Z20",
            .title = "the vmemmap does not begin at a multiple of the largest folio's struct pages",
            .history =
                "A head found by a mask must lie at an address that the mask leaves alone. On riscv and loongarch the "
                "vmemmap began at one that was aligned to less, and the mask led to a place before the real head.",
            .fix = "9f94db4c7eaa, 476849b0fba4, 2969b42c8f99",
            .safeguard = "vmemmap-alignment",
            .explore = "--scenario demote+lookup --design shared-tail",
            .run = "--scenario resize_vs_demote --design shared-tail"},
    Exhibit{
        .id = "Z21",
        .title = "a deadlock of per-CPU page lists and CPU hotplug",
        .history =
            "Taking a hugepage with a memory error apart switched the per-CPU page lists off and then lowered the "
            "static key, which takes the lock of CPU hotplug. Hotplug takes the two locks the other way round.",
        .fix = "CVE-2024-26987",
        .why_not = "the machine has no CPU hotplug and no per-CPU page lists: both locks would serve this row alone"},
    Exhibit{
        .id = "Z22",
        .title = "a restore always fails on a node of movable memory",
        .history = "Frames for a restore were asked for on the folio's own node alone, and without trying hard. A node "
                   "with movable memory only has none to give: its hugepages could never be freed. Kernel 6.1 still "
                   "asks in that way. The cause is as we read it.",
        .fix = "2eaa6c2abb9d",
        .why_not = "it is a state that never gets better, not a wrong step: the model has no movable zone to run dry"},
    Exhibit{.id = "Z23",
            .title = "demotion counts wrong",
            .history =
                "Demotion had four errors of counting: poisoned pages were demoted, the limit grew by "
                "262144 where 512 was right, reserved pages could be demoted because a difference wrapped round, and "
                "surplus pages lost their mark.",
            .fix = "20220307215707.50916-1, 20220913 mail",
            .safeguard = "demote-healthy-only",
            .explore = "--scenario demote+poison"},
    Exhibit{.id = "Z24",
            .title = "a hugepage is added to its list twice",
            .history =
                "Where gigantic pages can't be freed at run time, taking one off the list returns early and leaves it "
                "there. When the restore failed next, it was added back: an entry that stood in the list twice.",
            .fix = "dissolve_free_hugetlb_folio() of 2026",
            .safeguard = "removed-before-added",
            .explore = "--scenario dissolve+lookup --fail 1"},
    Exhibit{.id = "Z25",
            .title = "the shrinking pool subtracts surplus pages twice",
            .history =
                "A hugepage whose restore failed goes back to the pool as a surplus one that is free. The shrinking of "
                "the pool subtracted free pages and surplus pages, this one in both, and went below what was asked.",
            .fix = "set_max_huge_pages() of 2026",
            .safeguard = "shrink-persistent-only",
            .explore = "--scenario batch_flush --fail 4 --ops 8",
            .run = "--scenario batch_flush --fail-alloc rate:6",
            .host_mmu = true},
    Exhibit{.id = "Z26",
            .title = "the counter of vmemmap pages goes below 0",
            .history =
                "A rollback took back from the counter of vmemmap pages what had never been added to it. The counter "
                "is unsigned and stands in /proc/vmstat for all to see.",
            .fix = "20260428081855.1249045-2",
            .safeguard = "uncount-what-counted",
            .explore = "--scenario gigantic+lookup --fail 1",
            .run = "--scenario enomem_rollback",
            .host_mmu = true},
    Exhibit{.id = "Z27",
            .title = "the leak checker sees vmemmap frames of boot twice",
            .history =
                "Frames from the boot-time allocator are known to the kernel's leak checker. HVO freed them to the "
                "page allocator without telling it, and the next owner overlapped an object that was still listed.",
            .fix = "dd0ff4d12dd2, 028725e73375",
            .why_not = "a registry of kmemleak would have to be built, and this row alone would use it"},
    Exhibit{.id = "Z28",
            .title = "a folio whose free is deferred is invisible to the contiguous allocator",
            .history =
                "Hugepages freed in atomic context wait on a list for a worker that restores them. The contiguous "
                "allocator had just freed one and looked for its pages in the buddy lists, where they were not yet. "
                "It has to wait for the worker first.",
            .fix = "20250219 mail, of c77c0a8ac4c5",
            .safeguard = "deferred-work-flushed",
            .explore = "--scenario deferred_free_backlog",
            .run = "--scenario deferred_free_backlog",
            .host_mmu = true},
    Exhibit{.id = "Z29",
            .title = "a renamed option loses its default",
            .history =
                "The configuration option of HVO got a new name, and the one for its default was asked for under the "
                "old name in one place: kernels built with HVO on by default had it off.",
            .fix = "0111def915b2",
            .why_not = "a name of the build configuration: there is nothing that runs"},
    Exhibit{.id = "Z30",
            .title = "struct pages are initialised for a deduplication that did not happen",
            .history =
                "Device memory has a variant of the same trick. The caller computed how many struct pages there are "
                "with another condition than the code that mapped them, so that some stayed as they came.",
            .fix = "87a7ae75d738",
            .safeguard = "init-every-struct",
            .explore = "--scenario lookup_vs_optimize --design none",
            .run = "--scenario lookup_vs_optimize --design none",
            .host_mmu = true},
    Exhibit{.id = "Z31",
            .title = "a compiler folds the tag bit into an unaligned load",
            .history =
                "A tail's pointer to its head has bit 0 set. One compiler joined the subtraction of that bit with the "
                "offset of a field into one unaligned load, on powerpc.",
            .fix = "20240913213351.3537411-1",
            .why_not = "an error in what one compiler makes of right code: nothing of it is in the protocol"},
    Exhibit{.id = "Z32",
            .title = "the static key is raised after the first remap",
            .history =
                "Lookups check for fake heads only while the key is up. It must be raised before the first tail is "
                "mapped to the head's frame and lowered after the last restore; else a lookup takes a fake head for a "
                "head. This never happened: it is the contract of the patch series.",
            .fix = "contract of e7d324850bfc and a6b40850c442",
            .safeguard = "key-before-remap",
            .explore = "--scenario optimise+lookup",
            .run = "--scenario lookup_vs_optimize",
            .host_mmu = true},
    Exhibit{.id = "Z33",
            .title = "the flag is set after the head was copied",
            .history =
                "From 6.2 on the head moves to a new frame, and with flushes deferred other CPUs still read the old "
                "one. The flag that says optimised has to be in both, so it is set before the copy; the source calls "
                "that very subtle. With the two exchanged, who frees the folio may skip its restore.",
            .fix = "contract of 6.8's batches",
            .safeguard = "flag-before-copy",
            .explore = "--scenario alloc+lookup --design fake-head-copy",
            .run = "--scenario batch_flush --design fake-head-rcu"},
    Exhibit{.id = "Z34",
            .title = "frames are freed before the flush",
            .history =
                "A batch collects the frames that it has unmapped, flushes once and frees them. Frames that are freed "
                "first get a new owner while some CPU still reads, or writes, through its old translation. The "
                "contract of the batch series; on s390 it broke by Z11.",
            .fix = "contract of f13b83fdd996",
            .safeguard = "flush-before-free",
            .explore = "--scenario optimise+relookup",
            .run = "--scenario batch_flush --design fake-head-copy"},
    Exhibit{.id = "Z35",
            .title = "too few struct pages are reset when a page is restored",
            .history =
                "A restored page is a copy of the head's frame, so its first structs carry the head's flag and the "
                "metadata of the first tails. They are overwritten by plain tails: three at first, four since the "
                "folio grew fields. One that is forgotten looks like a head when the folio is taken apart.",
            .fix = "contract of e7d324850bfc; 3 became 4 as fields grew",
            .safeguard = "reset-struct-pages",
            .explore = "--scenario free+lookup",
            .run = "--scenario lookup_vs_restore",
            .host_mmu = true},
    Exhibit{.id = "Z36",
            .title = "a restored frame is published before it is filled",
            .history =
                "A restore fills a frame with struct pages and then sets the PTE, with a write barrier between. "
                "Without it another CPU may follow the new PTE and read what the frame held before. A contract: every "
                "version of the code has the barrier.",
            .fix = "contract (smp_wmb before set_pte)",
            .safeguard = "release-pte-publish",
            .explore = "--scenario restore+lookup",
            .memory = NeededMemory::weak,
            .races = true},
    Exhibit{.id = "Z37",
            .title = "a write to the old head is lost between copy and flush",
            .history =
                "While the head is copied to its new frame, another CPU may set a flag in the old one, as a memory "
                "error does under a lock that the optimiser does not hold. After the flush nobody sees the old frame "
                "again. A hypothesis of ours: no report of it is known.",
            .fix = "none known",
            .safeguard = "error-waits-for-folio",
            .explore = "--scenario alloc+poison --design fake-head-copy",
            .run = "--scenario hwpoison_vs_free --design fake-head-copy",
            .host_mmu = true},
    Exhibit{.id = "Z38",
            .title = "restored tails are copied from the head (Debian 6.12.115 to .117)",
            .history =
                "Debian's 6.12.115 and .117 got half of a newer design: the restore copies tails and resets none of "
                "them, but the page that it copies is still the head's. Each freed hugepage leaves heads among its "
                "tails: bad page state in the log, and its memory is leaked. 6.12.113 is right.",
            .fix = "6.12.113 and before; seen under QEMU",
            .safeguard = "restore-from-tail",
            .explore = "--scenario free+lookup --design fake-head-rcu",
            .run = "--scenario lookup_vs_restore --design fake-head-rcu",
            .host_mmu = true},
};

}  // namespace

std::span<const Exhibit> later_exhibits() { return kLater; }

}  // namespace hvo::stress
