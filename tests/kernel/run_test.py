#!/usr/bin/env python3
"""Of which trace a difference is, when several share a boot: guests that are made up, with faults that are known."""
import contextlib
import io
import sys
import types
import unittest

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position # no __pycache__ in the sources
import compare
import guest
import run
import traces


class MadeUp(run.Run):
    """In place of boots: a function from steps to the number of the first bad one (0: none), and whether it is known."""

    def __init__(self, bad_step, is_of_step=True, is_broken=False):  # pylint: disable=super-init-not-called
        self.chosen = types.SimpleNamespace(shrink=40, recorded=None, keep=None)
        self.kernel = guest.Kernel("6.1", None, "made up", "fake-head", is_broken=is_broken)
        self.bad_step, self.is_of_step = bad_step, is_of_step
        self.guest = types.SimpleNamespace(boots=0, took=0)
        self.booted, self.results = [], []

    def look(self, _kernel, joined, _name=None):
        """As Run.look."""
        self.guest.boots += 1
        self.booted.append(joined.steps)
        bad = self.bad_step(joined.steps)
        difference = compare.Difference(bad or len(joined.steps), "pool.nr 2M", "1", "2", self.is_of_step)
        return difference if bad else None, [(step, 0) for step in ["boot", *joined.steps]]

    def verdicts(self, pairs):
        """Plays them: (name, verdict) of each result."""
        with contextlib.redirect_stdout(io.StringIO()):
            self.play(self.kernel, pairs)
        return [(r["trace"], r["verdict"]) for r in self.results]


def first(step):
    """Any step like this one is bad."""
    return lambda steps: steps.index(step) + 1 if step in steps else 0


def named(*lists):
    """Traces called a, b, c, ..."""
    return list(zip("abcdefg", lists))


class Joining(unittest.TestCase):
    """traces.Joined"""

    def test_every_step_belongs_to_the_trace_that_it_ends_or_is_in(self):
        """What puts the machine back is of the trace in front."""
        joined = traces.Joined([["1", "2"], ["3"], ["4", "5"]])
        self.assertEqual(joined.steps, ["1", "2", *traces.PUT_BACK, "3", *traces.PUT_BACK, "4", "5"])
        self.assertEqual([joined.owner(n) for n in range(10)], [0, 0, 0, 0, 0, 1, 1, 1, 2, 2])
        self.assertEqual([joined.start(n) for n in (0, 1, 4, 5, 7, 8)], [0, 0, 0, 4, 4, 7])


class Attribution(unittest.TestCase):
    """run.Run"""

    def test_traces_that_are_the_same_cost_one_boot(self):
        """And each has a result of its own."""
        made_up = MadeUp(lambda _: 0)
        self.assertEqual(made_up.verdicts(named(["1"], ["2"], ["3"])), [("a", "same"), ("b", "same"), ("c", "same")])
        self.assertEqual(made_up.guest.boots, 1)
        self.assertEqual([len(r["free_deviation"]) for r in made_up.results], [4, 3, 1])

    def test_what_stands_behind_a_difference_is_taken_again(self):
        """Also when that differs too; each is shrunk from its own steps alone."""
        made_up = MadeUp(lambda steps: first("x")(steps) or first("y")(steps))
        got = made_up.verdicts(named(["1", "2"], ["3", "x", "4"], ["5"], ["6", "y"], ["7"]))
        self.assertEqual(got, [("a", "same"), ("b", "different"), ("c", "same"), ("d", "different"), ("e", "same")])
        self.assertEqual(made_up.results[1]["shrunk"], ["x"])
        self.assertEqual(made_up.results[3]["shrunk"], ["y"])
        self.assertEqual(made_up.booted[1], ["3", "x"], "nothing of the trace in front, nothing behind the difference")
        self.assertIn(["5", *traces.PUT_BACK, "6", "y", *traces.PUT_BACK, "7"], made_up.booted)
        self.assertEqual(made_up.booted[-1], ["7"])

    def test_a_difference_that_needs_the_trace_in_front_is_shrunk_from_both(self):
        """Alone the steps do not show it."""
        made_up = MadeUp(lambda steps: first("x")(steps) if "1" in steps[:first("x")(steps)] else 0)
        self.assertEqual(made_up.verdicts(named(["1", "2"], ["3", "x"])), [("a", "same"), ("b", "different")])
        self.assertEqual(made_up.results[1]["shrunk"], ["1", "x"])
        self.assertTrue(made_up.results[1]["shows_again"])

    def test_a_difference_while_the_machine_is_put_back_is_of_the_trace_in_front(self):
        """The steps that put it back are kept, for they show it."""
        made_up = MadeUp(lambda steps: first("drain")(steps) if "1" in steps else 0)
        self.assertEqual(made_up.verdicts(named(["1", "2"], ["3"])), [("a", "different"), ("b", "same")])
        self.assertEqual(made_up.results[0]["shrunk"], ["1", "drain"])

    def test_what_stands_behind_a_difference_goes_without_a_boot(self):
        """A step less may make it show earlier."""
        made_up = MadeUp(lambda steps: 0 if "x" not in steps else first("y" if "shield" in steps else "x")(steps))
        made_up.chosen.shrink = 4  # one to see it again, and one for each step
        made_up.verdicts(named(["shield", "x", "y"]))
        self.assertEqual(made_up.results[0]["shrunk"], ["x"])

    def test_what_never_shows_again_stays_a_difference(self):
        """It is said."""
        made_up = MadeUp(lambda steps: 2 if made_up.guest.boots == 1 else 0)
        self.assertEqual(made_up.verdicts(named(["1", "2"], ["3"])), [("a", "different"), ("b", "same")])
        self.assertFalse(made_up.results[0]["shows_again"])
        self.assertEqual(made_up.results[0]["shrunk"], ["1", "2"])

    def test_trouble_of_no_step_sends_each_trace_to_a_boot_of_its_own(self):
        """A line in the kernel's log does not say which trace wrote it."""
        made_up = MadeUp(lambda steps: len(steps) if "x" in steps else 0, is_of_step=False)
        got = made_up.verdicts(named(["1"], ["x"], ["3"]))
        self.assertEqual(got, [("a", "same"), ("b", "different"), ("c", "same")])

    def test_trouble_that_no_trace_shows_alone_is_not_lost(self):
        """The last one of that boot gets it."""
        made_up = MadeUp(lambda steps: len(steps) if {"1", "3"} <= set(steps) else 0, is_of_step=False)
        self.assertEqual(made_up.verdicts(named(["1"], ["2"], ["3"])),
                         [("a", "same"), ("b", "same"), ("c", "different")])
        self.assertEqual(made_up.results[2]["shrunk"], ["1", "3"])

    def test_a_broken_kernel_has_each_rule_shrunk_once(self):
        """Else hundreds of boots say the same."""
        made_up = MadeUp(first("x"), is_broken=True)
        made_up.verdicts([("a", ["1", "x"])])
        nr = made_up.guest.boots
        made_up.verdicts([("b", ["2", "x"])])
        self.assertEqual(made_up.guest.boots, nr + 1)
        self.assertEqual([r["shrunk"] for r in made_up.results], [["x"], ["2", "x"]])


if __name__ == "__main__":
    unittest.main()
