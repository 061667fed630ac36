"""Kernels from Debian's packages, and a guest that boots one of them and takes the steps of a trace.

Packages are downloaded by apt-get and unpacked into a cache folder, never installed. The folder may be deleted at any
time. The guest is QEMU's software emulation, one CPU, no disk, no network; it dies with this process, whatever kills it.
"""
import ctypes
import dataclasses
import fcntl
import glob
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

# Lines of a kernel's log that say that something went wrong.
TROUBLE = re.compile(r"BUG:|Oops|WARNING:|Bad page|Kernel panic")
QEMU = "qemu-system-x86_64"
# 6 GiB leave two whole GiB that a 1 GiB hugepage fits into; QEMU allocates them when they are touched.
MACHINE = ["-accel", "tcg", "-machine", "q35", "-cpu", "max", "-smp", "1", "-m", "6144M", "-nodefaults",
           "-no-user-config", "-display", "none", "-monitor", "none", "-no-reboot"]
# Four levels of page tables at their usual place; a panic ends the guest; a host that is busy may let the emulated timer
# look dead and a CPU stuck. init_on_alloc stays on: it also makes the kernel check pages when they are freed.
COMMAND_LINE = "console=ttyS0 panic=-1 quiet nokaslr no5lvl no_timer_check nowatchdog"


# Boots of one trace, when the guest dies before its first word.
TRIES = 3


class Skipped(Exception):
    """Something outside of the project is missing: not passed, not failed."""


class TimedOut(Exception):
    """The guest did not end in time."""


@dataclasses.dataclass
class Kernel:
    """A kernel image, and the design that the model takes for it."""
    name: str
    image: str
    version: str
    design: str
    modules: tuple = ()
    has_poison: bool = False  # memory errors are in its traces
    is_broken: bool = False  # its restore is: same would mean that nothing is looked at


def run_apt(*args, **options):
    """The output of one of apt's tools."""
    try:
        done = subprocess.run(args, capture_output=True, text=True, check=False, **options)
    except FileNotFoundError:
        raise Skipped(f"no {args[0]} here: give a kernel image (--kernel)") from None
    return done.returncode, done.stdout


def package_of_today(package):
    """What Debian 12's package for always the newest kernel stands for; another package stands for itself."""
    if re.search(r"-\d", package):
        return package
    _, text = run_apt("apt-cache", "depends", package)
    found = re.search(r"Depends: (linux-image-6\.1\.\S+)", text)
    if not found:
        raise Skipped(f"apt knows no {package} of 6.1: apt-get update first")
    return found.group(1)


def cached(cache, package):
    """The image and the version of an unpacked package, or None."""
    images = glob.glob(os.path.join(cache, package, "boot", "vmlinuz-*"))
    try:
        with open(os.path.join(cache, package, "version"), encoding="ascii") as file:
            return (images[0], file.read().strip()) if images else None
    except OSError:
        return None


def fetch(cache, package):
    """Downloads and unpacks a package into the cache, whole or not at all."""
    found = cached(cache, package)
    if found:
        return found
    os.makedirs(cache, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        code, _ = run_apt("apt-get", "download", "-q", package, cwd=folder)
        debs = glob.glob(os.path.join(folder, "*.deb"))
        if code or not debs:
            raise Skipped(f"apt-get can't download {package}: no network, or no longer there")
        version = debs[0].rsplit("_", 2)[1].replace("%3a", ":")
        unpacked = os.path.join(folder, package)
        os.makedirs(unpacked)
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", debs[0]], stdout=subprocess.PIPE) as tar:
            subprocess.run(["tar", "-x", "-C", unpacked, "--wildcards", "./boot/vmlinuz-*"], stdin=tar.stdout, check=True)
        with open(os.path.join(unpacked, "version"), "w", encoding="ascii") as file:
            file.write(version + "\n")
        shutil.rmtree(os.path.join(cache, package), ignore_errors=True)
        os.rename(unpacked, os.path.join(cache, package))
    return cached(cache, package)


def qemu_version():
    """One word; skipped when there is no QEMU."""
    try:
        text = subprocess.run([QEMU, "--version"], capture_output=True, text=True, check=False).stdout
    except FileNotFoundError:
        raise Skipped(f"no {QEMU} here: install qemu-system-x86") from None
    found = re.search(r"version (\S+)", text)
    return found.group(1) if found else "?"


def cpio_entry(name, data, mode, number):
    """One file of a cpio archive in the format that the kernel unpacks (newc)."""
    path = name.encode() + b"\0"
    fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(path), 0)
    entry = b"070701" + b"".join(b"%08X" % field for field in fields) + path
    entry += b"\0" * (-len(entry) % 4) + data
    return entry + b"\0" * (-len(entry) % 4)


def initramfs(probe, trace, modules):
    """The guest's file system: the probe is all that runs in it."""
    files = [(folder, b"", 0o40755) for folder in ("proc", "sys", "dev", "modules")]
    files += [("init", probe, 0o100755), ("trace", trace.encode(), 0o100644)]
    for path in modules:
        with open(path, "rb") as file:
            files.append(("modules/" + os.path.basename(path), file.read(), 0o100644))
    archive = b"".join(cpio_entry(*file, number + 1) for number, file in enumerate(files))
    return archive + cpio_entry("TRAILER!!!", b"", 0, 0)


def die_with_parent():
    """PR_SET_PDEATHSIG: no QEMU is left behind when this process is killed."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Guest:
    """Boots kernels, one at a time on this machine."""

    def __init__(self, cache, probe, seconds):
        os.makedirs(cache, exist_ok=True)
        self.seconds = seconds
        self.lock = open(os.path.join(cache, "lock"), "w", encoding="ascii")
        with open(probe, "rb") as file:
            self.probe = file.read()
        self.boots = 0
        self.dead_boots = 0
        self.took = 0.0  # seconds of the boot before

    def run(self, kernel, steps, _name=None):
        """What the guest said, and its kernel's log: two texts. Raises TimedOut."""
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        try:
            for _ in range(TRIES):
                with tempfile.TemporaryDirectory() as folder:
                    said, log = self.boot(kernel, "\n".join(steps) + "\n", folder)
                if "HVO" in said:
                    break
                # It died before the probe ran: nothing about hugepages is known of it.
                self.dead_boots += 1
            return said, log
        finally:
            fcntl.flock(self.lock, fcntl.LOCK_UN)

    def boot(self, kernel, trace, folder):
        """The same, with the files in `folder`."""
        said, log, archive = (os.path.join(folder, name) for name in ("said", "log", "initramfs"))
        with open(archive, "wb") as file:
            file.write(initramfs(self.probe, trace, kernel.modules))
        command = [QEMU, *MACHINE, "-serial", "file:" + log, "-debugcon", "file:" + said, "-kernel", kernel.image,
                   "-initrd", archive, "-append", COMMAND_LINE]
        self.boots += 1
        begin = time.monotonic()
        # pylint: disable-next=subprocess-popen-preexec-fn # one thread, and the only way to die with the parent
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, text=True, preexec_fn=die_with_parent)
        try:
            _, errors = process.communicate(timeout=self.seconds)
        except subprocess.TimeoutExpired:
            step = read(said).count("HVO step")
            raise TimedOut(f"the guest did not end in {self.seconds} s: {step} steps done") from None
        finally:
            process.kill()
            process.wait()
            self.took = round(time.monotonic() - begin, 1)
        if process.returncode != 0:
            raise Skipped(f"QEMU does not start: {errors.strip().splitlines()[-1] if errors.strip() else '?'}")
        return read(said), read(log)


def keep(folder, kernel, name, said, log):
    """Writes what Recorded reads. Of the kernel's log, what compare looks at: trouble, and the last line."""
    os.makedirs(folder, exist_ok=True)
    lines = log.splitlines()
    log = "".join(line + "\n" for line in lines if TROUBLE.search(line) or line is lines[-1])
    for suffix, text in ((".said", said), (".log", log)):
        path = os.path.join(folder, f"{kernel}_{name.replace(' ', '-').replace('/', '-')}{suffix}")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


def recordings(folder, kernel):
    """(name, steps) of each recorded trace of a kernel."""
    named = []
    for path in sorted(glob.glob(os.path.join(folder, kernel + "_*.said"))):
        name = os.path.basename(path)[len(kernel) + 1:-len(".said")]
        named.append((name, re.findall(r"^HVO step .* op=(.*)", read(path), re.M)))
    return named


class Recorded:
    """In place of Guest: what was kept of earlier boots."""

    boots = dead_boots = took = 0

    def __init__(self, folder):
        self.folder = folder

    def run(self, kernel, _steps, name):
        """As Guest.run."""
        path = os.path.join(self.folder, f"{kernel.name}_{name}")
        return read(path + ".said"), read(path + ".log")


def read(path):
    """A text that may hold anything; empty when there is none."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().replace("\r", "")
    except OSError:
        return ""
