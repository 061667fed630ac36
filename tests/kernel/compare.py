"""What guest and model said, line by line, and where they differ."""
import re
import subprocess
import tempfile

import guest as guest_module

# What each value must be, by kind and name of a line's field. Printed beside a difference.
RULES = {
    "step.result": "a step ends alike",
    "pool": "pool counters",
    "list.free": "the hugepage freed last is handed out first",
    "list.used": "which hugepage a fault gets",
    "state": "flag, aliases and read-only pages of each hugepage's struct pages",
    "vmemmap.frames": "distinct frames behind the struct pages",
    "vmemmap.memmap": "nr_memmap_pages + nr_memmap_boot_pages",
    "vmemmap.split": "a PMD of struct pages is split by the first HVO hugepage in it, never joined again",
    "vmemmap.pmds": "which PMDs are split",
    "key.count": "the static key counts optimised hugepages",
    "check": "head and tail flags of all struct pages, as lookups give them and raw",
    "free.pages": "free memory, with per-CPU lists",
    "errors.corrupted": "HardwareCorrupted counts each page with a memory error once",
    "errors.pfns": "the page itself is marked, once its hugepage is dissolved",
    "log": "the kernel's log has no BUG, Oops or WARNING",
    "walk": "a walk of all pages ends alike",
    "end": "the guest takes all steps",
    "model": "what the guest did is possible for the machine",
}
# Counted from the first line on: what a kernel uses for itself is not modelled.
RELATIVE = {"vmemmap.frames", "vmemmap.memmap", "vmemmap.split", "free.pages"}
# Pages that free memory may deviate by after one step more than before it, and in all: README.md shows the data.
FREE_STEP, FREE_TOTAL = 128, 256
FAULT_ADDRESS = re.compile(r"BUG: unable to handle page fault for address: ([0-9a-f]+)")
VMEMMAP, STRUCT_PAGE = 0xffffea0000000000, 64


class BadGuest(RuntimeError):
    """What the guest said is of no use."""


class Difference:
    """The first place where the two differ. Not `is_of_step`: any step of that boot may be to blame."""

    def __init__(self, step, name, guest, model, is_of_step=True):  # pylint: disable=too-many-arguments
        self.step, self.name, self.guest, self.model, self.is_of_step = step, name, guest, model, is_of_step

    @property
    def rule(self):
        """The rule that the two do not share, and the key of it."""
        kind = self.name.split(" ")[0]
        key = kind if kind in RULES else kind.split(".")[0]
        return key, RULES[key]

    def as_json(self):
        """For the report."""
        return {"step": self.step, "what": self.name, "guest": self.guest, "model": self.model, "rule": self.rule[1]}


def fields(line):
    """key=value words of a line."""
    return dict(word.split("=", 1) for word in line.split() if "=" in word)


def parse(text):
    """{step: {name: value}}: one flat dictionary a step, the step's own result included."""
    steps = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) < 3 or words[0] != "HVO" or not words[2].startswith("n="):
            continue
        kind, values = words[1], fields(line)
        into = steps.setdefault(int(values.pop("n")), {})
        where = kind
        if kind == "step":
            into["op"] = line.split(" op=", 1)[1]
            into["step.result"] = values["result"]
            if "pfn" in values:
                into["walk.pfn"] = values["pfn"]
            continue
        size = values.pop("size", None)
        if kind == "state":
            where = "state " + " ".join([size] + [f"{k}={values[k]}" for k in ("flag", "head_rw", "aliases", "ro")])
            into[where] = values["blocks"]
            continue
        if kind == "check":
            size += " block " + values.pop("block")
        for key, value in values.items():
            into[f"{kind}.{key}" + (f" {size}" if size else "")] = value
    return steps


def blocks(text):
    """A list of blocks, as it was written."""
    return [] if text in ("-", None) else text.split(",")


def hugepages(state, size):
    """All blocks of a size in a step's dictionary."""
    return {b for name, value in state.items() if name.startswith(f"state {size} ") for b in blocks(value)}


def annotate(steps):
    """The trace as the model wants it: each step with what the guest got."""
    lines = []
    for number in sorted(steps):
        if "op" not in steps[number]:
            continue
        op = steps[number]["op"]
        words = op.split()
        if words[0] in ("set", "fault"):
            size = words[1]
            new = hugepages(steps[number], size) - hugepages(steps[number - 1], size)
            if words[0] == "set":
                # A new hugepage is put in front.
                got = [b for b in reversed(blocks(steps[number].get(f"list.free {size}"))) if b in new]
            else:
                got = [b for b in blocks(steps[number].get(f"list.used {size}")) if b in new]
            op += " got=" + (",".join(got) or "-")
        lines.append(op)
    return "\n".join(lines) + "\n"


def run_model(program, kernel, steps, pages):
    """The model's steps, and what it complained of."""
    with tempfile.NamedTemporaryFile("w", suffix=".trace", encoding="ascii") as file:
        file.write(annotate(steps))
        file.flush()
        command = [program, "--design", kernel.design, "--pages", str(pages), file.name]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise RuntimeError("the model failed: " + (done.stderr.strip() or f"exit code {done.returncode}"))
    complaints = [line[len("HVO violation "):] for line in done.stdout.splitlines() if line.startswith("HVO violation")]
    return parse(done.stdout), complaints


def free_deviation(guest, model, step, since):
    """How much more memory the guest has than the model says, since a step before."""
    return (int(guest[step]["free.pages"]) - int(guest[since]["free.pages"])
            - int(model[step]["free.pages"]) + int(model[since]["free.pages"]))


def value(steps, number, name):
    """A value, from the first line on where only its change counts."""
    v = steps[number].get(name)
    if v is None or name not in RELATIVE:
        return v
    return f"{int(v) - int(steps[0][name]):+d}"


def fault_pfn(log):
    """The pfn whose struct page the kernel faulted on, or None."""
    found = FAULT_ADDRESS.search(log)
    return str((int(found.group(1), 16) - VMEMMAP) // STRUCT_PAGE) if found else None


def compare_step(number, guest, model, since):
    """The first difference of a step, or None. `since`: the step before its trace."""
    names = sorted(set(guest[number]) | set(model[number]), key=order_of)
    for name in names:
        of_guest, of_model = value(guest, number, name), value(model, number, name)
        if name == "free.pages":
            now = free_deviation(guest, model, number, since)
            before = free_deviation(guest, model, number - 1, since) if number else 0
            if abs(now - before) <= FREE_STEP and abs(now) <= FREE_TOTAL:
                continue
        # 6.1 does not count frames of struct pages.
        elif of_guest == of_model or (name == "vmemmap.memmap" and of_guest is None):
            continue
        return Difference(number, name, of_guest or "none", of_model or "none")
    return None


def order_of(name):
    """Causes before consequences."""
    kinds = ["op", "step", "walk", "pool", "list", "state", "vmemmap", "key", "errors", "check", "free"]
    return kinds.index(re.split(r"[. ]", name)[0]), name


def deviations(guest, model, joined):
    """(step, by how much free memory deviates since the step before its trace) of all steps."""
    return [(guest[n].get("op", "boot"), free_deviation(guest, model, n, joined.start(n)))
            for n in sorted(guest) if n in model]


def compare(guest_text, log, program, kernel, joined):
    """The first difference, or None; then how free memory deviates. Raises BadGuest."""
    guest = parse(guest_text)
    boot = re.search(r"^HVO boot .*", guest_text, re.M)
    unfit = re.search(r"^HVO unfit (.*)", guest_text, re.M)
    if unfit:
        raise BadGuest("in the guest: " + unfit.group(1))
    if not boot or 0 not in guest:
        raise BadGuest("the guest said nothing: " + (log.strip().splitlines() or ["its log is empty"])[-1])
    model, complaints = run_model(program, kernel, guest, int(fields(boot.group(0))["pages"]))
    difference = differs(guest, model, log, joined)
    last = max(guest)
    trouble = next((line for line in log.splitlines() if guest_module.TROUBLE.search(line)), None)
    if any(state.get("step.result") == "killed" for state in model.values()):
        trouble = None
    if difference:
        difference.is_of_step = not trouble
    elif complaints:
        difference = Difference(last, "model", complaints[0], "not possible", False)
    elif not re.search(r"^HVO end", guest_text, re.M):
        difference = Difference(last + 1, "end", (log.strip().splitlines() or ["?"])[-1], "goes on")
    elif trouble:
        difference = Difference(last, "log", trouble.strip(), "none", False)
    return difference, deviations(guest, model, joined)


def differs(guest, model, log, joined):
    """The first difference of all steps, or None."""
    for number in sorted(guest):
        if "walk.pfn" in model[number]:
            guest[number]["walk.pfn"] = fault_pfn(log) or "none"
        difference = compare_step(number, guest, model, joined.start(number))
        if difference:
            return difference
    return None
