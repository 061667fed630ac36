#!/usr/bin/env python3
"""Holds hvolab's machine against a real Linux kernel: the same steps on both, compared after each. See README.md."""
import argparse
import json
import os
import re
import signal
import sys
import time

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position # no __pycache__ in the sources
import compare
import guest
import traces

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PASS, DIFFERENT, USAGE, RESOURCE, SKIPPED, TIMED_OUT, INTERRUPTED = 0, 1, 2, 3, 4, 6, 130
WIDTH = 72
# Packages by their short names; the first is Debian's cloud kernel of today.
PACKAGES = {"6.1": None, "6.12.113": "linux-image-6.12.113+deb12-cloud-amd64",
            "6.12.117": "linux-image-6.12.117+deb12-cloud-amd64"}
DESIGNS = {"6.1": "fake-head", "6.12.113": "fake-head-rcu", "6.12.117": "fake-head-rcu"}
# Kernels whose restore is broken: same would mean that nothing is looked at.
BROKEN = {"6.12.117"}


def options():
    """The command line."""
    parser = argparse.ArgumentParser(prog="./hvo kernel", description=__doc__.split(" See ")[0])
    add = parser.add_argument
    add("--on", action="append", choices=list(PACKAGES), metavar="K", help=f"kernel: {', '.join(PACKAGES)} (6.1)")
    add("--all", action="store_true", help="all kernels, the fixed traces and 25 random ones each")
    add("--kernel", metavar="IMAGE", help="a kernel image of your own (bzImage); needs --design")
    add("--modules", metavar="DIR", help="modules (*.ko) that it loads first, in the order of their names")
    add("--design", help="what the model takes for that kernel: ./hvo designs lists them")
    add("--trace", action="append", metavar="FILE", help="steps to take (tests/kernel/traces/quick.txt)")
    add("--traces", type=int, default=0, metavar="N", help="random traces instead")
    add("--steps", type=int, default=30, metavar="N", help="steps of a random trace (30)")
    add("--seed", type=int, default=1, metavar="N", help="of the random traces (1)")
    add("--first", type=int, default=0, metavar="N", help="number of the first random trace (0)")
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
    if min(chosen.traces, chosen.steps - 1, chosen.timeout - 1, chosen.shrink, chosen.first) < 0:
        parser.error("numbers are not negative; steps and seconds at least 1")
    return chosen


def chosen_kernels(chosen):
    """The kernels to boot. Raises Skipped."""
    if chosen.kernel:
        folder = chosen.modules or ""
        modules = sorted(os.path.join(folder, f) for f in os.listdir(folder) if f.endswith(".ko")) if folder else []
        return [guest.Kernel(os.path.basename(chosen.kernel), chosen.kernel, "-", chosen.design, modules)]
    if chosen.recorded:
        names = sorted({f.split("-")[0] for f in os.listdir(chosen.recorded) if f.endswith(".said")})
        return [guest.Kernel(name, None, "recorded", DESIGNS[name]) for name in chosen.on or names if name in DESIGNS]
    kernels = []
    for name in chosen.on or (list(PACKAGES) if chosen.all else ["6.1"]):
        package = PACKAGES[name] or guest.default_package()
        found = guest.cached(chosen.cache, package) if chosen.cached else guest.fetch(chosen.cache, package)
        if not found:
            raise guest.Skipped(f"{package} is not in {chosen.cache}: ./hvo kernel fetches it")
        kernels.append(guest.Kernel(name, found[0], found[1], DESIGNS[name]))
    return kernels


def chosen_traces(chosen, kernel):
    """(name, steps) of each."""
    if chosen.recorded:
        return [(name, steps) for name, steps in guest.recordings(chosen.recorded, kernel.name)]
    named = []
    folder = os.path.join(HERE, "traces")
    files = chosen.trace or ([] if chosen.traces else [os.path.join(folder, "quick.txt")])
    if chosen.all and not chosen.trace:
        files = sorted(os.path.join(folder, f) for f in os.listdir(folder))
    for path in files:
        with open(path, encoding="ascii") as file:
            named.append((os.path.splitext(os.path.basename(path))[0], traces.parse(file.read())))
    nr_random = chosen.traces or (25 if chosen.all and not chosen.trace else 0)
    for number in range(chosen.first, chosen.first + nr_random):
        named.append((f"seed {chosen.seed}/{number}", traces.draw(chosen.seed, number, chosen.steps)))
    return named


class Run:
    """All traces on all kernels, and what came of them."""

    def __init__(self, chosen):
        self.chosen = chosen
        self.model = os.path.join(chosen.programs, "hvo-kernel-model")
        self.guest = guest.Recorded(chosen.recorded) if chosen.recorded else guest.Guest(
            chosen.cache, os.path.join(chosen.programs, "hvo-kernel-probe"), chosen.timeout)
        self.results = []

    def look(self, kernel, steps, name=None):
        """One boot: the difference, and by how much free memory deviates after each step."""
        said, log = self.guest.run(kernel, steps, name)
        if name and self.chosen.keep:
            guest.keep(self.chosen.keep, kernel.name, name, said, log)
        difference, of_guest, of_model = compare.compare(said, log, self.model, kernel)
        both = sorted(n for n in of_guest if n in of_model)
        return difference, [(of_guest[n].get("op", "boot"), compare.free_deviation(of_guest, of_model, n)) for n in both]

    def shrink(self, kernel, steps, difference):
        """A shorter trace that differs by the same rule, and how."""
        best = [steps, difference]

        def shows(candidate):
            try:
                found, _ = self.look(kernel, candidate)
            except guest.TimedOut:
                return False
            if found is None or found.rule != difference.rule:
                return False
            best[:] = candidate, found
            return True

        kept = traces.shrink(steps[:difference.step], shows, self.chosen.shrink)
        return (kept, best[1]) if kept == best[0] else (steps[:difference.step], difference)

    def one(self, kernel, name, steps):
        """One trace on one kernel; its result is printed."""
        begin = time.monotonic()
        difference, deviations = self.look(kernel, steps, name)
        result = {"kernel": kernel.name, "version": kernel.version, "design": kernel.design, "trace": name,
                  "steps": len(steps), "seconds": round(time.monotonic() - begin, 1),
                  "free_deviation": deviations, "verdict": "different" if difference else "same"}
        print(f"{result['verdict'].upper() if difference else 'same':9}  {kernel.name:9}  {name:14}  {len(steps):3} steps"
              f"  {result['seconds']:5.1f} s", flush=True)
        if difference:
            if self.chosen.shrink and not self.chosen.recorded:
                steps, difference = self.shrink(kernel, steps, difference)
            result.update(difference=difference.as_json(), shrunk=steps)
            print_difference(steps, difference)
        self.results.append(result)


def print_difference(steps, difference):
    """Where, both values, the rule, and the steps that lead there."""
    step = difference.step
    where = f"after step {step}, {steps[step - 1]}" if 0 < step <= len(steps) else f"at step {step}"
    print(f"  {where}: {difference.name}")
    print(f"    guest  {clip(difference.guest)}\n    model  {clip(difference.model)}\n    rule   {difference.rule[1]}")
    print("  steps that show it: " + "; ".join(steps))


def clip(text):
    """As much as fits."""
    return text if len(text) <= WIDTH - 11 else text[:WIDTH - 14] + "..."


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


def play_all(chosen):
    """The exit code."""
    qemu = "none" if chosen.recorded else guest.qemu_version()
    kernels = chosen_kernels(chosen)
    run = Run(chosen)
    for kernel in kernels:
        print(f"kernel {kernel.name}: {kernel.version}, design {kernel.design}; QEMU {qemu}", flush=True)
        for name, steps in chosen_traces(chosen, kernel):
            run.one(kernel, name, steps)
    for result in run.results:
        # Of a broken kernel a difference is what is expected, where a trace has a hugepage restored.
        result["expected"] = result["verdict"] == "same" or result["kernel"] in BROKEN
    for kernel in kernels:
        of_it = [r for r in run.results if r["kernel"] == kernel.name]
        if kernel.name in BROKEN and all(r["verdict"] == "same" for r in of_it):
            print(f"kernel {kernel.name} is known to be broken, and nothing differs: the comparison is blind")
            of_it[-1]["expected"] = False
    bad = [r for r in run.results if not r["expected"]]
    verdict = "different" if bad else "same"
    print(f"{verdict}: {len(run.results) - len(bad)} of {len(run.results)} traces as expected, {run.guest.boots} boots"
          + (f", {run.guest.dead_boots} of them died before the first step" if run.guest.dead_boots else ""))
    written = write_reports(chosen, run.results, verdict, qemu)
    # A difference that was found is not made to look like a full disk.
    return DIFFERENT if bad else PASS if written else RESOURCE


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
    except guest.TimedOut as why:
        print(f"timed out: {why}")
        return TIMED_OUT
    except (RuntimeError, OSError) as why:
        print(f"hvo kernel: {why}", file=sys.stderr)
        return USAGE if re.search("is no step", str(why)) else RESOURCE
    except KeyboardInterrupt:
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
