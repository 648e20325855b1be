"""Runs a script of bin/ and harms it at a given moment: at.py FAULT MOMENT SCRIPT ARGUMENT...

A fault is the name of a signal, which it sends to itself, or `memory`: from then on it gets no more than it has.

A moment is `event:N`, the Nth time that a file of the work folder is opened, renamed or removed, `batch:N`, the Nth
time that a network reads sequences, `import:NAME`, when a module is loaded, or `cpu:S`, after S seconds of processor
time: none depends on how busy the machine is. FAULT_SETUP holds Python to run first.
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
    left, folder = [int(value) if kind in ("event", "batch") else 0], os.getcwd()

    def count():
        left[0] -= 1
        if left[0] == -1:
            strike(fault)

    def watch(event, arguments):
        if kind == "event" and event in WATCHED and os.path.abspath(str(arguments[0])).startswith(folder):
            count()
        if kind == event == "import" and arguments[0] == value:
            count()

    if kind in ("event", "import"):
        sys.addaudithook(watch)
    elif kind == "batch":
        import utrlm.batches

        run = utrlm.batches.raw_outputs
        utrlm.batches.raw_outputs = lambda *given: (count(), run(*given))[1]
    else:
        signal.signal(signal.SIGPROF, lambda *_: strike(fault))
        signal.setitimer(signal.ITIMER_PROF, float(value))
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
