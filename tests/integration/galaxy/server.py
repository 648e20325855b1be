"""A real Galaxy on a free loopback port, with the tools of galaxy/ and nothing of the network."""

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from client import Client, RefusedError

ROOT = Path(__file__).resolve().parents[3]
EMAIL, PASSWORD = "admin@example.org", "galaxylocal1"
SETTINGS = """galaxy:
  data_dir: {run}/data
  config_dir: {run}
  database_connection: sqlite:///{run}/data/universe.sqlite?isolation_level=IMMEDIATE
  tool_config_file: {run}/tool_conf.xml
  tool_data_table_config_path: {tools}/tool_data_table_conf.xml,{tools}/tool_data_table_conf.xml.test
  data_manager_config_file: {tools}/data_manager_conf.xml
  galaxy_data_manager_data_path: {run}/installed
  job_config_file: {run}/job_conf.yml
  sanitize_allowlist_file: {tools}/examples/sanitize_allowlist.txt
  admin_users: {email}
  bootstrap_admin_api_key: {bootstrap}
  id_secret: {secret}
  conda_auto_init: false
  conda_auto_install: false
  watch_tools: 'false'
  cleanup_job: onsuccess
  check_migrate_tools: false
  enable_mulled_containers: false
"""
CELERY = """  enable_celery_tasks: true
  metadata_strategy: directory_celery
  celery_conf:
    broker_url: sqlalchemy+sqlite:///{run}/data/broker.sqlite?isolation_level=IMMEDIATE&timeout=60
    result_backend: db+sqlite:///{run}/data/results.sqlite?isolation_level=IMMEDIATE
    task_routes:
      galaxy.fetch_data: galaxy.external
      galaxy.set_job_metadata: galaxy.external
"""  # a warm worker: without it every upload and every job starts a Python that imports Galaxy
# Its tasks do not lie in files: kombu reads one before it is written to its end, and the worker dies.


class Server:
    """Started within `with`, stopped after it, whatever happens. The database is new each time."""

    def __init__(self, home: Path, job_path: str, celery: bool = True):
        """`home`: where `install` put Galaxy; `job_path`: folders, divided by colons, that hold utrlm's scripts."""
        self.home, self.job_path, self.celery = home, job_path, celery
        self.run = ROOT / "build/galaxy"  # not in `home`, which checkouts share
        self.tools = self.run / "tools"
        self._processes: list[subprocess.Popen] = []
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._bootstrap = secrets.token_hex(16)
        self.client = Client(self.url, self._bootstrap)

    def __enter__(self) -> "Server":
        shutil.rmtree(self.run, ignore_errors=True)
        self._configure()
        try:
            self.start()
            self._make_user()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def _configure(self) -> None:
        """The example files of galaxy/, as an administrator would take them over. The tools are a copy."""
        for folder in ("data", "installed"):
            (self.run / folder).mkdir(parents=True)
        shutil.copytree(ROOT / "galaxy", self.tools)
        table = (self.tools / "tool_data_table_conf.xml.sample").read_text()
        (self.tools / "tool_data_table_conf.xml").write_text(table.replace('"tool-data/', f'"{self.tools}/tool-data/'))
        for sample in (self.tools / "tool-data").glob("*.sample"):
            shutil.copy(sample, sample.with_suffix(""))
        for name, told in (("tool_conf.xml", str(self.tools)), ("job_conf.yml", self.job_path)):
            text = (self.tools / "examples" / name).read_text()
            (self.run / name).write_text(text.replace("GALAXY_TOOLS", told).replace("UTRLM_BIN", told))
        values = {"run": self.run, "tools": self.tools, "email": EMAIL, "secret": secrets.token_hex(16)}
        text = (SETTINGS + (CELERY if self.celery else "")).format(bootstrap=self._bootstrap, **values)
        (self.run / "galaxy.yml").touch(mode=0o600)
        (self.run / "galaxy.yml").write_text(text)

    def start(self) -> None:
        """Start, and wait until the API answers."""
        program = self.home / "server/bin"
        environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        environment.pop("PYTHONPATH", None)  # of our own environment, not Galaxy's
        environment |= {"GALAXY_CONFIG_FILE": str(self.run / "galaxy.yml"), "PYTHONUNBUFFERED": "1"}
        environment["TORCH_COMPILE_DISABLE"] = "1"  # compiling takes longer than such small trainings
        environment["PATH"] = f"{program}:{os.environ['PATH']}"
        commands = {"galaxy": [program / "galaxy-web", "-c", self.run / "galaxy.yml", "-b", f"127.0.0.1:{self.port}"]}
        if self.celery:
            queues = "celery,galaxy.internal,galaxy.external"
            threads = ["--pool", "threads", "--concurrency", "2", "--queues", queues, "--loglevel", "INFO"]
            celery = [program / "celery", "--app", "galaxy.celery", "worker", *threads]
            commands["celery"] = [*celery, "--without-gossip", "--without-mingle"]
        for name, command in commands.items():
            with open(self.run / f"{name}.log", "a") as log:
                self._processes.append(
                    subprocess.Popen(
                        [*map(str, command)],
                        cwd=self.run,
                        env=environment,
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=subprocess.STDOUT,
                        start_new_session=True,
                    )
                )
        for _ in range(3600):
            if any(process.poll() is not None for process in self._processes):
                raise RuntimeError(f"Galaxy died: {(self.run / 'galaxy.log').read_text()[-3000:]}")
            try:
                self.client.ask("GET", "/api/version", timeout=5)
                return
            except (RefusedError, OSError):
                time.sleep(1)
        raise TimeoutError("Galaxy did not come up in an hour")

    def stop(self) -> None:
        """Stop both programs, each with the processes of its group, and what is left of jobs."""
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        self._processes = []
        for job in self._jobs():
            os.kill(job, signal.SIGKILL)

    def _jobs(self) -> list[int]:
        """Processes that work in a folder of this server's."""
        found = []
        for entry in Path("/proc").iterdir():
            try:
                folder = (entry / "cwd").readlink() if entry.name.isdigit() else Path("/")
            except OSError:  # gone meanwhile, or another user's
                continue
            if folder.is_relative_to(self.run / "data/jobs_directory"):
                found.append(int(entry.name))
        return found

    def no_jobs_left(self, seconds: int = 60) -> None:
        """Raise AssertionError if a job's process lives on."""
        for _ in range(seconds):
            if not self._jobs():
                return
            time.sleep(1)
        raise AssertionError(f"a job's processes live on: {self._jobs()}")

    def _make_user(self) -> None:
        """An administrator, as a person with a key of their own: the bootstrap key is nobody's."""
        values = {"username": "admin", "email": EMAIL, "password": PASSWORD}
        user = self.client.ask("POST", "/api/users", values)["id"]
        self.client = Client(self.url, self.client.ask("POST", f"/api/users/{user}/api_key"))
