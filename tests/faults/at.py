"""Runs a script of bin/ and sends a signal to itself at a given moment: at.py SIGNAL MOMENT SCRIPT ARGUMENT...

A moment is `event:N`, the Nth time that a file of the work folder is opened, renamed or removed, or `cpu:S`, after
S seconds of processor time: neither depends on how busy the machine is. FAULT_SETUP holds Python to run first.
"""

import os
import runpy
import signal
import sys

WATCHED = ("open", "os.rename", "os.remove", "os.mkdir")


def main():
    number = getattr(signal, sys.argv[1])
    kind, value = sys.argv[2].split(":")
    sys.argv = sys.argv[3:]
    exec(os.environ.get("FAULT_SETUP", ""))
    left, folder = [int(value) if kind == "event" else -1], os.getcwd()

    def watch(event, arguments):
        if event in WATCHED and os.path.abspath(str(arguments[0])).startswith(folder) and left[0] >= 0:
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), number)

    if kind == "event":
        sys.addaudithook(watch)
    else:
        signal.signal(signal.SIGPROF, lambda *_: os.kill(os.getpid(), number))
        signal.setitimer(signal.ITIMER_PROF, float(value))
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
