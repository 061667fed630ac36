"""Traces held against a kernel, several in one boot: what came of each, and the shortest trace that shows a difference."""
import os

import compare
import guest
import traces

WIDTH = 72


class Run:
    """All traces on all kernels, and what came of them."""

    def __init__(self, chosen):
        self.chosen = chosen
        self.model = os.path.join(chosen.programs, "hvo-kernel-model")
        self.guest = guest.Recorded(chosen.recorded) if chosen.recorded else guest.Guest(
            chosen.cache, os.path.join(chosen.programs, "hvo-kernel-probe"), chosen.timeout)
        self.results = []

    def look(self, kernel, joined, name=None):
        """One boot: the difference, and by how much free memory deviates after each step."""
        said, log = self.guest.run(kernel, joined.steps, name)
        if name and self.chosen.keep:
            guest.keep(self.chosen.keep, kernel.name, name, said, log)
        return compare.compare(said, log, self.model, kernel, joined)

    def shrink(self, kernel, steps, difference):
        """A shorter trace that differs by the same rule, and how; None when not even these steps show it again."""
        best = []

        def shows(candidate):
            try:
                found, _ = self.look(kernel, traces.Joined([candidate]))
            except guest.TimedOut:
                return None
            if found is None or found.rule != difference.rule:
                return None
            # What stands behind the difference is not needed.
            best[:] = candidate[:found.step] if found.is_of_step else candidate, found
            return best[0]

        shown = shows(steps)
        if not best:
            return None
        traces.shrink(shown, shows, self.chosen.shrink - 1)
        return best

    def play(self, kernel, named):
        """(name, steps) of traces, in one boot as long as none differs. What stands behind one that does is taken again."""
        while named:
            joined = traces.Joined([steps for _, steps in named])
            difference, deviations = self.look(kernel, joined, named[0][0])
            if difference and not difference.is_of_step and len(named) > 1:
                self.play_apart(kernel, named, joined, difference)
                return
            owner = joined.owner(difference.step) if difference else len(named)
            boot, seconds = self.guest.boots, self.guest.took
            for number, trace in enumerate(named[:owner + 1]):
                of_it = [d for n, d in enumerate(deviations) if joined.owner(n) == number]
                result = self.report(kernel, trace, number == owner, boot=boot, boot_seconds=seconds, free_deviation=of_it)
                if number == owner:
                    self.explain(kernel, result, joined, difference)
            named = named[owner + 1:]

    def play_apart(self, kernel, named, joined, difference):
        """No step of a boot is to blame: each trace gets a boot. If all are the same there, it is the last one's."""
        at = len(self.results)
        for one in named:
            self.play(kernel, [one])
        if all(result["verdict"] == "same" for result in self.results[at:]):
            self.results.pop()
            result = self.report(kernel, named[-1], True, boot=self.guest.boots, boot_seconds=self.guest.took)
            self.explain(kernel, result, joined, difference)

    def report(self, kernel, trace, is_different, **of_boot):
        """A line on the screen, and what stands in the JSON report."""
        name, steps = trace
        result = {"kernel": kernel.name, "version": kernel.version, "design": kernel.design, "trace": name,
                  "steps": len(steps), "verdict": "different" if is_different else "same", **of_boot}
        self.results.append(result)
        print(f"{'DIFFERENT' if is_different else 'same':9}  {kernel.name:9}  {name:14}  {len(steps):3} steps"
              f"  boot {result['boot']}, {result['boot_seconds']:5.1f} s", flush=True)
        return result

    def explain(self, kernel, result, joined, difference):
        """The difference, shortened: from its own trace if it shows there, else from all that was taken in that boot."""
        number = joined.owner(difference.step)
        shown = joined.steps[:difference.step], difference
        if self.chosen.shrink and not self.chosen.recorded and not self.is_known(kernel, difference):
            alone = joined.steps[joined.starts[number]:difference.step]
            found = self.shrink(kernel, alone, difference)
            if found is None and number:
                found = self.shrink(kernel, shown[0], difference)
            result["shows_again"] = found is not None
            shown = found or shown
        steps, difference = shown
        result.update(difference=difference.as_json(), shrunk=steps)
        print_difference(steps, difference)
        if not result.get("shows_again", True):
            print("  the same steps did not show it again")

    def is_known(self, kernel, difference):
        """Of a broken kernel, a difference by each rule is shortened once."""
        rule = difference.as_json()["rule"]
        return kernel.is_broken and any(
            r["kernel"] == kernel.name and r.get("difference", {}).get("rule") == rule for r in self.results)


def print_difference(steps, difference):
    """Where, both values, the rule, and the steps that lead there."""
    step = difference.step
    where = f"after step {step}, {steps[step - 1]}" if 0 < step <= len(steps) else f"at step {step}"
    print(f"  {where}: {difference.name}")
    print(f"    guest  {clip(difference.guest)}\n    model  {clip(difference.model)}\n    rule   {difference.rule[1]}")
    print("  steps that show it: " + "; ".join(steps), flush=True)


def clip(text):
    """As much as fits."""
    return text if len(text) <= WIDTH - 11 else text[:WIDTH - 14] + "..."
