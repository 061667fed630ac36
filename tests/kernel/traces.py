"""Traces: drawn from a seed, and made shorter while they still show a difference."""
import random

# Most 2 MiB hugepages of a pool. 64 of them share a PMD of struct pages.
MOST = 96


def draw(seed, number, steps):
    """A trace of so many steps; the same for the same seed and number."""
    rng = random.Random(f"{seed}/{number}")
    lines = ["sysctl 1"] if rng.random() < 0.8 else []
    used = {"2M": 0, "1G": 0}
    while len(lines) < steps:
        size = "1G" if rng.random() < 0.15 else "2M"
        small = size == "2M"
        kind = rng.choices(["sysctl", "set", "fault", "free", "demote", "demote_size", "overcommit", "drain"],
                           [10, 34, 20, 16, 8, 2, 8, 2])[0]
        if kind == "sysctl":
            lines.append(f"sysctl {rng.choice((0, 1, 1))}")
        elif kind == "set":
            count = rng.choice((rng.randrange(8), rng.randrange(MOST))) if small else rng.randrange(3)
            lines.append(f"set {size} {count}")
        elif kind == "fault":
            count = rng.randrange(1, 9) if small else 1
            used[size] += count
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
        else:
            lines.append("drain")
    return lines


def parse(text):
    """The steps of a file; what is none is found by whoever takes them."""
    lines = (line.split("#")[0].strip() for line in text.splitlines())
    return [line for line in lines if line]


def shrink(lines, shows, tries):
    """A shorter trace for which shows(lines) is true still. At most `tries` questions are asked."""
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
            if shows(candidate):
                lines, shorter = candidate, True
        if chunk == 1 and not shorter:
            break
        chunk = max(1, chunk // 2)
    return lines
