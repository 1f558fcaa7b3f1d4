"""What the parts of test/gpu.sh share: a clock that nothing overruns, commands, and the table."""
import os
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
NOT_RUN, NOT_FINISHED = "not run: out of time", "not finished: out of time"


class OutOfTime(Exception):
    """The part that is going on is over."""


class Failure(Exception):
    """What was tried failed; the text says how."""


class Clock:
    """The time that is left of the part that is going on. A part ends at a share of the whole, so it has what those before it left."""

    def __init__(self, seconds):
        self.begin, self.seconds = time.monotonic(), seconds
        self.open(1)

    def open(self, share):
        self.end = self.begin + share * self.seconds

    def left(self):
        return self.end - time.monotonic()

    def is_over(self):
        return self.left() < 1


def stop(process):
    """Ends a process and all that it started. One that hangs in the driver is left behind."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(5)
    except (ProcessLookupError, subprocess.TimeoutExpired):
        pass


class Machine:
    """Runs commands from the root of the tree, none of them beyond the clock."""

    def __init__(self, clock, dlc, work, **environment):
        self.clock, self.dlc_path, self.work = clock, str(dlc), work
        self.environment = {**os.environ, "DLC_DATA": str(ROOT / "examples/data"), "CUDA_CACHE_PATH": str(work / "cache"), **environment}
        self.environment["XDG_CACHE_HOME"] = str(work)  # of --autotune: measured here, and forgotten
        self.environment["PATH"] = f"{dlc.parent}:{os.environ['PATH']}"

    def run(self, *words, most=120):
        """What a command writes to its standard output."""
        left = self.clock.left()
        if self.clock.is_over():
            raise OutOfTime
        process = subprocess.Popen([str(word) for word in words], cwd=ROOT, env=self.environment, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, start_new_session=True)
        try:
            out, err = process.communicate(timeout=min(left, most))
        except subprocess.TimeoutExpired:
            raise OutOfTime if left <= most else Failure(f"no end after {most} s") from None
        finally:
            stop(process)
        if process.returncode:
            raise Failure(f"status {process.returncode}\n{out[-1000:]}{err[-1000:]}".strip())
        return out

    def dlc(self, *words):
        return self.run(self.dlc_path, *words)

    def python(self, *words):
        return self.run(sys.executable, *words)


class Table:
    """Lines that are shown at the end, and what they mean for the exit status."""

    def __init__(self):
        self.lines, self.failed, self.left_out = [], 0, 0

    def text(self, line=""):
        self.lines.append(line)

    def check(self, name, outcome):
        self.failed += outcome == "FAILED"
        self.left_out += outcome in (NOT_RUN, NOT_FINISHED)
        self.text(f"  {name:60} {outcome}")

    def figure(self, name, unit, values, rounds, *notes):
        spread = f"[{min(values):.4g} - {max(values):.4g}] x{len(values)}" + (f" of {rounds}" if len(values) < rounds else "")
        self.text(f"  {name:30} {statistics.median(values):10.4g} {unit:24} {spread:32} {'  '.join(filter(None, notes))}".rstrip())

    def status(self):
        return 1 if self.failed else 2 if self.left_out else 0
