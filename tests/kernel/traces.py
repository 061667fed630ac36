"""Traces: drawn from a seed, joined for one boot, and made shorter while they still show a difference."""
import bisect
import random
import subprocess

# Most 2 MiB hugepages of a pool. 64 of them share a PMD of struct pages.
MOST = 96


class BadTrace(Exception):
    """A line of a trace is no step."""


def check(model, path):
    """Asks the program that reads traces on both sides. Raises BadTrace."""
    done = subprocess.run([model, "--check", path], capture_output=True, text=True, check=False)
    if done.returncode == 2:
        raise BadTrace(f"{path}: {done.stderr.strip()}")


def draw(seed, number, steps, poison=False):
    """A trace of so many steps, with memory errors if wanted; the same for the same seed and number."""
    rng = random.Random(f"{seed}/{number}")
    lines = ["sysctl 1"] if rng.random() < 0.8 else []
    while len(lines) < steps:
        size = "1G" if rng.random() < 0.15 else "2M"
        small = size == "2M"
        kind = rng.choices(["sysctl", "set", "fault", "free", "demote", "demote_size", "overcommit", "drain", "poison"],
                           [10, 34, 20, 16, 8, 2, 8, 2, 10 if poison else 0])[0]
        if kind == "sysctl":
            lines.append(f"sysctl {rng.choice((0, 1, 1))}")
        elif kind == "set":
            count = rng.choice((rng.randrange(8), rng.randrange(MOST))) if small else rng.randrange(3)
            lines.append(f"set {size} {count}")
        elif kind == "fault":
            count = rng.randrange(1, 9) if small else 1
            lines.append(f"fault {size} {count}")
        elif kind == "free":
            count = rng.randrange(1, 9) if small else 1
            lines.append(f"free {size} {count}")
        elif kind == "demote":
            lines.append(f"demote {rng.choice((1, 1, 2))}")
        elif kind == "demote_size":
            lines.append(f"demote_size {rng.choice(('2M', '2M', '1G'))}")
        elif kind == "overcommit":
            lines.append(f"overcommit {size} {rng.randrange(7) if small else rng.randrange(2)}")
        elif kind == "poison":
            # Also the pages whose struct pages a fake head and its neighbours are.
            page = rng.choice((0, 1, 63, 64, 448, 511, rng.randrange(512 if small else 512 * 512)))
            lines.append(f"poison {size} {rng.choice(('free', 'used'))} {page}")
        else:
            lines.append("drain")
    return lines


# What puts the machine back between two traces of a boot.
PUT_BACK = ["drain", "sysctl 0"]


class Joined:
    """Traces one behind the other. What puts the machine back is the end of the trace in front of it."""

    def __init__(self, traces):
        self.steps, self.starts = [], []
        for steps in traces:
            self.steps += PUT_BACK if self.starts else []
            self.starts.append(len(self.steps))  # steps before the trace's first
            self.steps += steps

    def owner(self, step):
        """Which trace a step, counted from 1 on, is of. What is seen at boot is the first's."""
        return max(0, bisect.bisect_left(self.starts, step) - 1)

    def start(self, step):
        """The step that the trace of this step begins behind."""
        return self.starts[self.owner(step)]


def parse(text):
    """The steps of a file; what is none, check() finds."""
    lines = (line.split("#")[0].strip() for line in text.splitlines())
    return [line for line in lines if line]


def shrink(lines, shows, tries):
    """A shorter trace. shows(lines): as many of the lines as show it, or nothing. At most `tries` questions are asked."""
    chunk = max(1, len(lines) // 2)
    while tries > 0 and len(lines) > 1:
        at = len(lines)
        shorter = False
        while at > 0 and tries > 0:
            first = max(0, at - chunk)
            candidate = lines[:first] + lines[at:]
            at = first
            if not candidate:
                continue
            tries -= 1
            shown = shows(candidate)
            if shown:
                lines, shorter = shown, True
                at = min(at, len(lines))
        if chunk == 1 and not shorter:
            break
        chunk = max(1, chunk // 2)
    return lines
