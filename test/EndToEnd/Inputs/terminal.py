"""What a terminal shows while a training runs: one line that is kept up to date, with rate and time left, and then is gone.

terminal.py COMMAND...
"""
import os
import pty
import re
import subprocess
import sys
import threading

master, slave = pty.openpty()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, stderr=slave, text=True)
os.close(slave)
shown = []


def read():
    try:
        while part := os.read(master, 65536):
            shown.append(part)
    except OSError:  # the other end is closed
        pass


reader = threading.Thread(target=read)
reader.start()
lines = process.communicate()[0].splitlines()
reader.join()
text = b"".join(shown).decode()
assert process.returncode == 0, text
updates = [piece for piece in text.split("\r") if piece.startswith("[")]
assert updates, text
for update in updates:
    assert re.match(r"\[=*>? *\] +\d+ %  \S+( m?s)?( \d+ s)? left  \S+ steps/s  (epoch \d+/\d+|step [\d,]+/[\d,]+).*\x1b\[K",
                    update), update
    assert len(update) < 80 + len("\x1b[K"), update
assert text.endswith("\r\x1b[K"), repr(text[-40:])
assert not any("\r" in line or "\x1b" in line or line.startswith("[") for line in lines), "only the terminal gets it"
