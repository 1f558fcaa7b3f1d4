"""What Ctrl-C does to a long run: the first one ends it well and says how to go on, the second one at once.

interrupt.py STATE COMMAND...
"""
import array
import fcntl
import os
import signal
import subprocess
import sys
import termios
import time

state, command = sys.argv[1], sys.argv[2:]
signal.signal(signal.SIGINT, signal.SIG_DFL)  # whoever started this may ignore it, and children inherit that
if os.path.exists(state):
    os.remove(state)


def start(more=()):
    process = subprocess.Popen([*command, *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not process.stdout.readline().startswith("epoch"):
        pass
    return process


process = start(["--save", state])
process.send_signal(signal.SIGINT)
output, errors = process.communicate()
assert process.returncode == 130, process.returncode
assert "; saved to " + state + ": go on with --resume " + state in errors, errors
assert "interrupted after step" in errors and "report on" in output and output.strip().endswith("; interrupted"), output
assert os.path.exists(state)

process = start()
process.send_signal(signal.SIGINT)
output, errors = process.communicate()
assert process.returncode == 130 and "nothing was kept: name a file with --save" in errors, errors

# Nobody reads its output any more, so it hangs in a write: the first Ctrl-C cannot end it, the second one must.
process = start()
filled, before = array.array("i", [0]), -1
while before < 50000 or filled[0] != before:
    before = filled[0]
    time.sleep(0.1)
    fcntl.ioctl(process.stdout, termios.FIONREAD, filled)
process.send_signal(signal.SIGINT)
time.sleep(0.2)
assert process.poll() is None
process.send_signal(signal.SIGINT)
assert process.wait() == -signal.SIGINT, process.returncode
