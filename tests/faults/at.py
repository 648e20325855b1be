"""Runs a script of bin/ and harms it at a given moment: at.py FAULT MOMENT SCRIPT ARGUMENT...

A fault is the name of a signal, which it sends to itself, or `memory`: from then on it gets no more than it has.

A moment is `event:N`, the Nth time that a file of the work folder is opened, renamed or removed, or `cpu:S`, after
S seconds of processor time: neither depends on how busy the machine is. FAULT_SETUP holds Python to run first.
"""

import os
import resource
import runpy
import signal
import sys

WATCHED = ("open", "os.rename", "os.remove", "os.mkdir")


def strike(fault):
    if fault != "memory":
        os.kill(os.getpid(), getattr(signal, fault))
        return
    with open("/proc/self/statm", encoding="ascii") as file:
        held = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held, held))


def main():
    fault = sys.argv[1]
    kind, value = sys.argv[2].split(":")
    sys.argv = sys.argv[3:]
    exec(os.environ.get("FAULT_SETUP", ""))
    left, folder = [int(value) if kind == "event" else -1], os.getcwd()

    def watch(event, arguments):
        if event in WATCHED and os.path.abspath(str(arguments[0])).startswith(folder) and left[0] >= 0:
            left[0] -= 1
            if left[0] < 0:
                strike(fault)

    if kind == "event":
        sys.addaudithook(watch)
    else:
        signal.signal(signal.SIGPROF, lambda *_: strike(fault))
        signal.setitimer(signal.ITIMER_PROF, float(value))
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
