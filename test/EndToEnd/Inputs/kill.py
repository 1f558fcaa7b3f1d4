"""Ends a training many times in the middle, resumes it each time, and compares it with one that ran through.

kill.py FOLDER SIGNAL TIMES -- COMMAND...
With KILL the process is gone at any moment, also while it saves. With INT it must end well, with status 130.
"""
import json
import os
import random
import signal
import subprocess
import sys


def last_line(text):
    return json.loads(text.strip().splitlines()[-1])


def events_until(process, count):
    """Reads until `count` events of saving have come; false if the process ended before."""
    for line in process.stdout:
        count -= b'"saved"' in line
        if count <= 0:
            return True
    return False


folder, name, times = sys.argv[1], sys.argv[2], int(sys.argv[3])
command = sys.argv[sys.argv.index("--") + 1:] + ["--json"]
number = getattr(signal, "SIG" + name)
if name != "KILL":
    signal.signal(number, signal.SIG_DFL)  # whoever started this may ignore it, and children inherit that
os.makedirs(folder, exist_ok=True)
state = os.path.join(folder, "state")
for old in os.listdir(folder):
    os.remove(os.path.join(folder, old))
saving = ["--save", state, "--save-every", "3"]
whole = last_line(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)

random.seed(1)
ended, last_step = 0, 0
for turn in range(times):
    resume = ["--resume", state] if os.path.exists(state) else []
    process = subprocess.Popen(command + resume + saving, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    # After some saves, so that there is progress, and then at any moment of the next steps and saves.
    if events_until(process, random.randint(1, 4)):
        for _ in range(random.randint(0, 3000)):
            pass
        process.send_signal(number)
    rest, errors = process.communicate()
    if process.returncode == 0:
        break
    ended += 1
    assert process.returncode == (-number if name == "KILL" else 128 + number), (process.returncode, errors)
    if name != "KILL":
        lines = [json.loads(line) for line in rest.decode().strip().splitlines()]
        stopped = [line for line in lines if line["event"] == "interrupted"][0]
        saved = [line for line in lines if line["event"] == "saved"][-1]
        assert saved["step"] == stopped["step"] > last_step and stopped["path"] == state, (saved, stopped)
        assert lines[-1]["event"] == "report" and lines[-1]["interrupted"], lines[-1]
        last_step = stopped["step"]
assert ended >= times // 2, "the training was over after %d interruptions: it is too short for this test" % ended
finished = subprocess.run(command + ["--resume", state, "--save", state], check=True, stdout=subprocess.PIPE, text=True)
resumed = last_line(finished.stdout)
assert resumed["state_hash"] == whole["state_hash"], (ended, resumed["state_hash"], whole["state_hash"])
assert resumed["values"] == whole["values"], (resumed["values"], whole["values"])
assert os.listdir(folder) == ["state"], os.listdir(folder)
print("ended", ended, "times; the same bits")
