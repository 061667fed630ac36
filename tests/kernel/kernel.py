#!/usr/bin/env python3
"""Holds hvolab's machine against a real Linux kernel: the same steps on both, compared after each. See README.md."""
import argparse
import glob
import json
import os
import signal
import sys

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position # no __pycache__ in the sources
import guest
import traces
from run import Run

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PASS, DIFFERENT, USAGE, RESOURCE, SKIPPED, TIMED_OUT, INTERRUPTED = 0, 1, 2, 3, 4, 6, 130
# Package and design by short names. Of 6.1 the cloud kernel boots faster; the full one has memory failure.
KERNELS = {"6.1": ("linux-image-cloud-amd64", "fake-head"),
           "6.1-full": ("linux-image-amd64", "fake-head"),
           "6.12.113": ("linux-image-6.12.113+deb12-cloud-amd64", "fake-head-rcu"),
           "6.12.117": ("linux-image-6.12.117+deb12-cloud-amd64", "fake-head-rcu")}
HAS_POISON = {"6.1-full"}
POISON = "poison.txt"
# Restores struct pages wrongly.
BROKEN = {"6.12.117"}


def options():
    """The command line."""
    parser = argparse.ArgumentParser(prog="./hvo kernel", description=__doc__.split(" See ")[0])
    add = parser.add_argument
    add("--on", action="append", choices=list(KERNELS), metavar="K", help=f"kernel: {', '.join(KERNELS)} (6.1)")
    add("--all", action="store_true", help="all kernels, the fixed traces and 25 random ones each (--traces: so many)")
    add("--kernel", metavar="IMAGE", help="a kernel image of your own (bzImage); needs --design")
    add("--modules", metavar="DIR", help="modules (*.ko) that it loads first, in the order of their names")
    add("--design", help="what the model takes for that kernel: ./hvo designs lists them")
    add("--trace", action="append", metavar="FILE", help="steps to take (tests/kernel/traces/quick.txt)")
    add("--traces", type=int, default=0, metavar="N", help="random traces instead")
    add("--poison", action="store_true", help="random traces have memory errors (as those on 6.1-full have)")
    add("--steps", type=int, default=30, metavar="N", help="steps of a random trace (30)")
    add("--seed", type=int, default=1, metavar="N", help="of the random traces (1)")
    add("--first", type=int, default=0, metavar="N", help="number of the first random trace (0)")
    add("--per-boot", type=int, default=5, metavar="N", help="random traces that share a boot (5)")
    add("--shrink", type=int, default=24, metavar="N", help="boots to spend on shortening a trace that differs (24)")
    add("--timeout", type=int, default=600, metavar="S", help="seconds for one boot (600)")
    add("--cache", default=os.path.join(ROOT, "build", "kernel-cache"), metavar="DIR", help="unpacked kernels")
    add("--programs", default=os.path.join(ROOT, "build", "dev", "tests", "kernel"), metavar="DIR",
        help="where hvo-kernel-model and hvo-kernel-probe are")
    add("--ktap", metavar="FILE")
    add("--json", metavar="FILE")
    add("--keep", metavar="DIR", help="write there what the guests said")
    add("--recorded", metavar="DIR", help="boot nothing: take what was kept there")
    add("--cached", action="store_true", help="download nothing")
    chosen = parser.parse_args()
    if bool(chosen.kernel) != bool(chosen.design):
        parser.error("--kernel and --design go together")
    if chosen.kernel and not os.path.exists(chosen.kernel):
        parser.error(f"there is no {chosen.kernel}")
    if chosen.modules and not chosen.kernel:
        parser.error("--modules are those of --kernel")
    if chosen.modules and not modules_in(chosen.modules):
        parser.error(f"there is no *.ko in {chosen.modules}")
    if min(chosen.traces, chosen.steps - 1, chosen.timeout - 1, chosen.per_boot - 1, chosen.shrink, chosen.first) < 0:
        parser.error("numbers are not negative; steps, seconds and traces of a boot at least 1")
    return chosen


def modules_in(folder):
    """Paths, in the order of their names."""
    return sorted(glob.glob(os.path.join(glob.escape(folder), "*.ko"))) if folder else []


def kernel_of(chosen, name):
    """One of Debian's. Raises Skipped."""
    package = guest.package_of_today(KERNELS[name][0])
    found = guest.cached(chosen.cache, package) if chosen.cached else guest.fetch(chosen.cache, package)
    if found is None:
        raise guest.Skipped(f"{package} is not in {chosen.cache}: ./hvo kernel fetches it")
    image, version = found
    return guest.Kernel(name, image, version, KERNELS[name][1], has_poison=chosen.poison or name in HAS_POISON,
                        is_broken=name in BROKEN)


def chosen_kernels(chosen, missing):
    """The kernels to boot. Why one of several can't be had goes to `missing`. Raises Skipped: there is none."""
    if chosen.kernel:
        return [guest.Kernel(os.path.basename(chosen.kernel), chosen.kernel, "-", chosen.design,
                             modules_in(chosen.modules), chosen.poison)]
    if chosen.recorded:
        names = [name for name in chosen.on or KERNELS if guest.recordings(chosen.recorded, name)]
        return [guest.Kernel(name, None, "recorded", KERNELS[name][1], is_broken=name in BROKEN) for name in names]
    kernels = []
    for name in chosen.on or (list(KERNELS) if chosen.all else ["6.1"]):
        try:
            kernels.append(kernel_of(chosen, name))
        except guest.Skipped as why:
            missing.append(why)
    if not kernels:
        raise missing[0]
    return kernels


def chosen_boots(chosen, kernel):
    """The traces, (name, steps) of each, in lists of those that share a boot."""
    if chosen.recorded:
        return [[recording] for recording in guest.recordings(chosen.recorded, kernel.name)]
    boots = []
    folder = os.path.join(HERE, "traces")
    files = chosen.trace or ([] if chosen.traces else [os.path.join(folder, "quick.txt")])
    if chosen.all and not chosen.trace:
        # The full kernel is booted for what the other has not.
        files = sorted(os.path.join(folder, f) for f in os.listdir(folder) if (f == POISON) == (kernel.name in HAS_POISON))
    for path in files:
        with open(path, encoding="utf-8") as file:
            boots.append([(os.path.splitext(os.path.basename(path))[0], traces.parse(file.read()))])
    nr_random = chosen.traces or (25 if chosen.all and not chosen.trace else 0)
    # Where each trace differs, none is joined to another.
    per_boot = 1 if kernel.is_broken else chosen.per_boot
    numbers = range(chosen.first, chosen.first + nr_random)
    drawn = [(f"seed {chosen.seed}/{n}", traces.draw(chosen.seed, n, chosen.steps, kernel.has_poison)) for n in numbers]
    return boots + [drawn[at:at + per_boot] for at in range(0, nr_random, per_boot)]


def ktap_text(results):
    """A line for each trace, and why where it differs."""
    text = f"KTAP version 1\n1..{len(results)}\n"
    for number, result in enumerate(results, 1):
        if "difference" in result:
            d = result["difference"]
            text += f"# step {d['step']}: {d['what']}: guest {d['guest']}, model {d['model']}\n"
        text += f"{'ok' if result['expected'] else 'not ok'} {number} {result['kernel']} {result['trace']}\n"
    return text


def write_whole(path, text):
    """The file is there whole, or as it was. False, and said: it could not be written."""
    try:
        if os.path.exists(path) and not os.path.isfile(path):  # a pipe, a terminal
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            return True
        temporary = f"{path}.{os.getpid()}.tmp"
        with open(temporary, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(temporary, path)
        return True
    except OSError as why:
        print(f"hvo kernel: can't write {path}: {why.strerror}", file=sys.stderr)
        return False


def write_reports(chosen, results, verdict, qemu):
    """KTAP and JSON, if they are wanted; one that fails does not keep the other back. True: both are written."""
    whole = {"verdict": verdict, "seed": chosen.seed, "qemu": qemu, "results": results}
    texts = [(chosen.ktap, ktap_text(results)), (chosen.json, json.dumps(whole, indent=1) + "\n")]
    return all([write_whole(path, text) for path, text in texts if path])  # a list: each is tried


def judge(kernels, results):
    """Marks each result as expected or not; those that are not."""
    for result in results:
        # Of a broken kernel a difference is what is expected, where a trace has a hugepage restored.
        result["expected"] = result["verdict"] == "same" or result["kernel"] in BROKEN
    for kernel in kernels:
        of_it = [r for r in results if r["kernel"] == kernel.name]
        if kernel.is_broken and of_it and all(r["verdict"] == "same" for r in of_it):
            print(f"kernel {kernel.name} is known to be broken, and nothing differs: the comparison is blind")
            of_it[-1]["expected"] = False
    return [r for r in results if not r["expected"]]


def play_all(chosen):
    """The exit code."""
    run = Run(chosen)
    for path in chosen.trace or []:
        traces.check(run.model, path)
    qemu = "none" if chosen.recorded else guest.qemu_version()
    missing = []  # why something was not looked at
    kernels = chosen_kernels(chosen, missing)
    code = SKIPPED if missing else PASS
    try:
        for kernel in kernels:
            modules = f", {len(kernel.modules)} modules" if kernel.modules else ""
            print(f"kernel {kernel.name}: {kernel.version}, design {kernel.design}{modules}; QEMU {qemu}", flush=True)
            for named in chosen_boots(chosen, kernel):
                run.play(kernel, named)
    except guest.TimedOut as why:
        missing.append(why)
        code = TIMED_OUT
    bad = judge(kernels, run.results)
    verdict = "different" if bad else {PASS: "same", SKIPPED: "skipped in part", TIMED_OUT: "timed out"}[code]
    print(f"{verdict}: {len(run.results) - len(bad)} of {len(run.results)} traces as expected, {run.guest.boots} boots"
          + (f", {run.guest.dead_boots} of them died before the first step" if run.guest.dead_boots else ""))
    for why in missing:
        print(f"not looked at: {why}")
    written = write_reports(chosen, run.results, verdict, qemu)
    # A difference that was found is not made to look like a full disk.
    return DIFFERENT if bad else RESOURCE if code == PASS and not written else code


def main():
    """Exit codes as ./hvo help tells them."""
    # A shell lets its background jobs ignore it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(INTERRUPTED))
    chosen = options()
    try:
        return play_all(chosen)
    except guest.Skipped as why:
        print(f"skipped: {why}")
        return SKIPPED
    except traces.BadTrace as why:
        print(f"hvo kernel: {why}", file=sys.stderr)
        return USAGE
    except (RuntimeError, OSError) as why:
        print(f"hvo kernel: {why}", file=sys.stderr)
        return RESOURCE
    except KeyboardInterrupt:
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
