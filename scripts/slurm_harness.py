"""Tools for the cases of scripts/test-slurm: a Slurm of one node (scripts/slurm-local), spools with daemons that use
it, and queries of their states. `test-slurm` fills in PROGRAMS, PYTHON and CLUSTER.
"""
import json
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import spool
from spool import ROOT, Failure, expect, wait_for

# The folder of the programs, the path of a Python with GPAW, and the `Cluster`; set before the cases run.
PROGRAMS = PYTHON = CLUSTER = None
CONFIGURATION = """aurelax: 1
dft: {{executor: slurm, python: {python}}}
{ml}
slurm:
  {resources}
  tasks: 1
  interval: 0.5
  settle: 1.5
  timeout: 5
  setup: {setup}
  {more}
"""
# Every run executes this code first. It makes each step take at least SLOWEST_STEP s on any machine, so that a case can
# act on a run before the run ends.
SLOWEST_STEP = 0.15
SLOWED = f"""import sys, time

def hook(event, arguments):
    if event == 'open' and 'a' in (arguments[1] or '') and str(arguments[0]).endswith('trajectory.extxyz'):
        time.sleep({SLOWEST_STEP})

sys.addaudithook(hook)
"""
# A relaxation of two hydrogen atoms that takes 0.25 / maxstep steps.
LONG = "engine: gpaw, optimizer: bfgs, h: 0.25, vacuum: 2.5, fmax: 0.05, maxstep: {maxstep}, max_steps: 1000"
SHORT = "engine: gpaw, optimizer: bfgs, h: 0.25, vacuum: 2.5, fmax: 0.5"
JOB = """aurelax: 1
name: {name}
structure: |
  2

  H 0 0 0
  H 0 0 {distance}
stages:
  - dft: {{{stage}}}
"""
COUNTING = """#!/bin/bash
# Counts, and does what the case asks for with the first submission.
echo "$(date +%s.%N) {program}" >>{folder}/calls
{before}
exec {real} "$@"
"""


class Cluster:
    """The Slurm that scripts/slurm-local starts."""

    def __init__(self, folder):
        self.folder = folder

    def do(self, what):
        result = subprocess.run([ROOT / "scripts/slurm-local", what, self.folder], text=True, capture_output=True,
                                stdin=subprocess.DEVNULL, timeout=120)
        if result.returncode:
            raise Failure(f"slurm-local {what}: {result.stderr.strip()}")
        os.environ["SLURM_CONF"] = str(self.folder / "slurm.conf")

    def jobs(self, prefix):
        """Returns (number, state, reason) of each of our jobs, including those that ended in the last minutes."""
        text = subprocess.run(["squeue", "--me", "--states=all", "--noheader", "--format=%A|%T|%r|%j"], text=True,
                              capture_output=True, timeout=60, check=True).stdout
        rows = [line.split("|", 3) for line in text.splitlines()]
        return [(int(row[0]), row[1], row[2]) for row in rows if row[3].startswith(prefix)]

    def lose_node(self):
        """Kills the node daemon and all processes of its jobs."""
        self.do("kill-node")
        for process in Path("/proc").iterdir():
            if not process.name.isdigit() or int(process.name) == os.getpid():
                continue
            try:
                environment = (process / "environ").read_bytes().split(b"\0")
                parent = int((process / "stat").read_text().rsplit(")", 1)[1].split()[1])
                ours = f"SLURM_CONF={self.folder}/slurm.conf".encode() in environment
                if not ours or not any(entry.startswith(b"SLURM_JOB_ID=") for entry in environment):
                    continue
                if "slurmstepd" in Path(f"/proc/{parent}/cmdline").read_text():
                    os.kill(parent, signal.SIGKILL)
                os.kill(int(process.name), signal.SIGKILL)
            except (OSError, ValueError):
                continue


class Spool(spool.Spool):
    """A spool whose daemon uses the Slurm of CLUSTER, through wrappers that count the calls of Slurm's commands."""

    def __init__(self, resources="memory: 1G", more="limits: {memory: 4G, time: 1:00:00}", setup=(), ml=""):
        super().__init__(PROGRAMS, "slurm")
        (self.path / "bin").mkdir()
        (self.path / "site").mkdir()
        (self.path / "site/sitecustomize.py").write_text(SLOWED)
        lines = json.dumps([f"export PYTHONPATH={self.path}/site", *setup])
        (self.path / "aurelax.yaml").write_text(
            CONFIGURATION.format(python=PYTHON, setup=lines, resources=resources, more=more, ml=ml))
        for program in ["sbatch", "squeue", "sacct", "scancel", "scontrol"]:
            self.wrap(program)
        self.environment["PATH"] = f"{self.path}/bin:{os.environ['PATH']}"

    def wrap(self, program, before=""):
        """Replaces a command of Slurm by a wrapper that counts its calls and runs the shell lines `before` first."""
        path = self.path / "bin" / program
        text = COUNTING.format(program=program, folder=self.path, before=before, real=shutil.which(program))
        path.with_suffix(".new").write_text(text)
        path.with_suffix(".new").chmod(0o755)
        path.with_suffix(".new").rename(path)

    def first_submission(self, action):
        """Replaces the first sbatch by `action`, a line of shell in which $real is sbatch itself."""
        self.wrap("sbatch", f"real={shutil.which('sbatch')}\nif mkdir {self.path}/first 2>/dev/null; then\n{action}\nfi")

    def calls(self, program):
        try:
            return sum(line.endswith(f" {program}") for line in (self.path / "calls").read_text().splitlines())
        except FileNotFoundError:
            return 0

    def drop(self, name, stage=SHORT, distance=0.85):
        self.drop_file(f"{name}.yaml", JOB.format(name=name, stage=stage, distance=distance))

    def start(self, *options):
        self.daemon = self.run("daemon", "--interval", "0.3", "--settle", "0.1", *options)
        (self.path / "daemon.pid").write_text(str(self.daemon.pid))

    def stop(self):
        if self.daemon and self.daemon.poll() is None:
            self.daemon.terminate()
            self.daemon.wait(timeout=60)

    def status(self, name):
        return super().status(name) or {"state": "?", "reason": "?", "slurm": None}

    def wait(self, name, state="completed", seconds=180):
        def there():
            status = self.status(name)
            expect(status["state"] in (state, "?") or status["state"] not in ("completed", "failed", "cancelled"),
                   f"{name} is {status['state']}: {status['reason']}")
            return status["state"] == state and status
        return wait_for(there, seconds, f"{name} {state}; it is {self.status(name)}")

    def wait_running(self, name, steps=1, seconds=60):
        """Waits until the job runs in Slurm and has done `steps` geometries."""
        return wait_for(lambda: (s := self.status(name)) and s["slurm"] and s["slurm"]["state"] == "running"
                        and (s.get("step") or 0) >= steps and s, seconds, f"{name} running; it is {self.status(name)}")

    def wait_reason(self, name, pattern, seconds=60):
        return wait_for(lambda: re.search(pattern, self.status(name)["reason"]) and self.status(name), seconds,
                        f"{name}: {pattern}; it is {self.status(name)}")

    def log(self, name):
        return (self.path / "outbox" / name / "job.log").read_text()

    def expect_once(self, name, runs, folder="01-dft"):
        """Expects that the job completed once, was started `runs` times, and has a trajectory without gaps."""
        expect(self.log(name).count("→ completed") == 1, f"{name}: completed {self.log(name).count('→ completed')} times")
        package = self.path / "outbox" / name / folder
        began = list((package / ".slurm").glob("*.began"))
        low, high = runs if isinstance(runs, tuple) else (runs, runs)
        expect(low <= len(began) <= high, f"{name}: begun {len(began)} times, not {low} to {high}")
        frames = (package / "result/trajectory.extxyz").read_text()
        steps = [int(step) for step in re.findall(r" step=(\d+)", frames)]
        expect(steps == list(range(len(steps))), f"{name}: steps {steps}")
        wait_for(lambda: not [job for job in CLUSTER.jobs(f"aurelax-{name}-")
                              if job[1] in ("PENDING", "RUNNING", "COMPLETING")], 40, f"{name}: nothing left in the queue")

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.stop()
        if kind is None:
            self.remove()
        else:
            print(f"  the spool is kept: {self.path}", flush=True)
