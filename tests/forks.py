"""A process that has loaded what the commands load, and forks for each: starting Python anew takes a second or more.

`python -m tests.forks FD` serves on an open socket: a message is a command's arguments, environment and folder, with
the three streams beside it, and the answer its exit status.
"""

import importlib
import json
import os
import pkgutil
import runpy
import socket
import subprocess
import sys
import threading

LARGEST = 200_000  # bytes of a message


class Forks:
    """Runs scripts as `subprocess.run` does."""

    def __init__(self):
        self.socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = [sys.executable, "-m", __name__, str(theirs.fileno())]
            # pipes as a command's own streams will be: Python asks once, at its start, whether they can be wound back
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
            self.server = subprocess.Popen(command, pass_fds=[theirs.fileno()], **pipes)

    def run(self, command, stdin=b""):
        """A script and its arguments -> a finished process with its bytes."""
        pipes = [os.pipe() for _ in range(3)]  # (read, write) of standard input, output and error
        theirs = [pipes[0][0], pipes[1][1], pipes[2][1]]
        message = json.dumps([command, dict(os.environ), os.getcwd()]).encode("utf-8", "surrogateescape")
        socket.send_fds(self.socket, [message], theirs)
        for one in theirs:
            os.close(one)
        told = [b"", b""]
        threads = [threading.Thread(target=write, args=(pipes[0][1], stdin))]
        threads += [threading.Thread(target=read, args=(pipes[n + 1][0], told, n)) for n in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return subprocess.CompletedProcess(command, int(self.socket.recv(20)), *told)

    def end(self):
        """Have the server end."""
        self.socket.close()
        self.server.communicate()


def write(number, content):
    """All to a pipe, of which the other side may read as much as it likes."""
    with os.fdopen(number, "wb", buffering=0) as stream:
        try:
            for start in range(0, len(content), 1 << 16):
                stream.write(content[start : start + (1 << 16)])
        except BrokenPipeError:
            pass


def read(number, told, place):
    """All of a pipe."""
    with os.fdopen(number, "rb") as stream:
        told[place] = stream.read()


def load():
    """Import the library, all but what plots, and with it all that it imports."""
    import utrlm

    for module in pkgutil.walk_packages(utrlm.__path__, "utrlm."):
        importlib.import_module(module.name)


def serve(requests):
    """Fork for each message; returns in the fork, with a script to run."""
    while True:
        message, streams, _, _ = socket.recv_fds(requests, LARGEST, 3)
        if not message:
            sys.exit()
        child = os.fork()
        if child == 0:
            break
        for one in streams:
            os.close(one)
        _, status = os.waitpid(child, 0)
        requests.send(str(os.waitstatus_to_exitcode(status)).encode())
    requests.close()
    for number, one in enumerate(streams):
        os.dup2(one, number)
        os.close(one)
    command, environment, folder = json.loads(message.decode("utf-8", "surrogateescape"))
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv[:] = command
    return command[0]


if __name__ == "__main__":
    load()
    runpy.run_path(serve(socket.socket(fileno=int(sys.argv[1]))), run_name="__main__")
