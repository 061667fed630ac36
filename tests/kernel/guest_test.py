#!/usr/bin/env python3
"""No QEMU is left behind, however a run ends, and what is missing is said. In QEMU's place stands a program that never ends."""
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import types
import unittest

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position # no __pycache__ in the sources
import guest
import kernel

HERE = os.path.dirname(os.path.abspath(__file__))
SECONDS = 30  # for what takes a moment
QEMU = """#!/bin/sh
[ "$1" = --version ] && echo "QEMU emulator version 0" && exit 0
echo $$ > "$0.pid"
exec sleep 1000
"""


def wait_for(true):
    """Asks until the answer is yes, or time is up."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.05)
    return bool(true())


def is_running(pid):
    """A process that was killed but not yet waited for is no longer running."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class NothingLeftBehind(unittest.TestCase):
    """kernel.py, with a kernel that never ends."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()  # pylint: disable=consider-using-with
        self.addCleanup(self.folder.cleanup)
        self.qemu = os.path.join(self.folder.name, "qemu-system-x86_64")
        with open(self.qemu, "w", encoding="ascii") as file:
            file.write(QEMU)
        os.chmod(self.qemu, 0o755)
        for name in ("hvo-kernel-probe", "image"):
            with open(os.path.join(self.folder.name, name), "w", encoding="ascii"):
                pass

    def start(self, seconds):
        """kernel.py, and the process that it takes for QEMU."""
        command = [sys.executable, os.path.join(HERE, "kernel.py"), "--kernel", os.path.join(self.folder.name, "image"),
                   "--design", "fake-head", "--timeout", str(seconds), "--cache", self.folder.name,
                   "--json", self.qemu + ".json",
                   "--programs", self.folder.name]
        environment = dict(os.environ, PATH=self.folder.name + os.pathsep + os.environ["PATH"])
        # pylint: disable-next=consider-using-with # ended by each test
        run = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.addCleanup(run.stdout.close)
        self.addCleanup(run.kill)
        self.assertTrue(wait_for(lambda: self.pid() is not None), "QEMU was not started")
        self.assertTrue(is_running(self.pid()))
        return run

    def pid(self):
        """Of what stands in QEMU's place; None before it runs."""
        try:
            with open(self.qemu + ".pid", encoding="ascii") as file:
                return int(file.read() or 0) or None
        except OSError:
            return None

    def expect_end(self, run, code):
        """Both are gone."""
        self.assertEqual(run.wait(SECONDS), code)
        self.assertTrue(wait_for(lambda: not is_running(self.pid())), "QEMU was left behind")

    def test_a_guest_that_does_not_end_is_killed_when_its_time_is_up(self):
        """And that is an exit code of its own."""
        run = self.start(seconds=1)
        self.expect_end(run, kernel.TIMED_OUT)
        self.assertIn("did not end in 1 s: 0 steps done", run.stdout.read())
        with open(self.qemu + ".json", encoding="ascii") as file:
            self.assertEqual(json.load(file)["verdict"], "timed out")

    def test_an_interrupt_takes_the_guest_along(self):
        """Ctrl-C, and what a shell sends to its jobs."""
        for sent in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(sent):
                run = self.start(seconds=600)
                run.send_signal(sent)
                self.expect_end(run, kernel.INTERRUPTED)
                os.remove(self.qemu + ".pid")

    def test_a_guest_dies_with_a_run_that_is_killed(self):
        """Nobody is left then who could end it."""
        run = self.start(seconds=600)
        run.kill()
        self.expect_end(run, -signal.SIGKILL)


class MissingKernels(unittest.TestCase):
    """kernel.py, with a cache that has not all that is asked for."""

    def test_what_is_there_is_looked_at_and_what_is_not_is_named(self):
        """With nothing there it is skipped."""
        there, gone = "6.12.113", "6.12.117"
        with tempfile.TemporaryDirectory() as cache:
            chosen = types.SimpleNamespace(kernel=None, recorded=None, all=False, poison=False, cached=True, cache=cache,
                                           on=[there, gone])
            with self.assertRaises(guest.Skipped):
                kernel.chosen_kernels(chosen, [])
            boot = os.path.join(cache, kernel.KERNELS[there][0], "boot")
            os.makedirs(boot)
            for path in (os.path.join(boot, "vmlinuz-x"), os.path.join(boot, "..", "version")):
                with open(path, "w", encoding="ascii") as file:
                    file.write("6.12.113-1\n")
            missing = []
            self.assertEqual([k.name for k in kernel.chosen_kernels(chosen, missing)], [there])
            self.assertEqual(len(missing), 1)
            self.assertIn(gone, str(missing[0]))


if __name__ == "__main__":
    unittest.main()
