"""A spool in a temporary folder, for the scripts that run the real programs in one."""
import json
import os
import shutil
import sqlite3
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


class Failure(SystemExit):
    """A failed expectation; a script that does not catch it ends with its message."""

    def __init__(self, text):
        super().__init__(f"FAILED: {text}")


def expect(condition, text):
    if not condition:
        raise Failure(text)


def wait_for(condition, seconds, what, interval=0.1):
    """Returns the condition's first true value; `what` is a text, or a function that returns it."""
    end = time.time() + seconds
    while time.time() < end:
        value = condition()
        if value:
            return value
        time.sleep(interval)
    raise Failure(f"not within {seconds} s: {what() if callable(what) else what}")


def indented(text):
    """Returns the text as the lines of a YAML block."""
    return "".join(f"  {line}\n" for line in text.splitlines())


class Spool:
    def __init__(self, programs, prefix, **environment):
        self.programs = Path(programs)
        self.path = Path(tempfile.mkdtemp(prefix=f"aurelax-{prefix}-"))
        (self.path / "inbox").mkdir()
        self.environment = dict(os.environ, AURELAX_SPOOL=str(self.path), **environment)
        self.environment.setdefault("AURELAX_MODELS", str(ROOT / "models"))
        self.daemon = None

    def drop_file(self, name, text):
        """Puts a complete file into the inbox; returns the time."""
        part = self.path / "inbox" / f".{name}.part"
        part.write_text(text)
        part.rename(self.path / "inbox" / name)
        return time.time()

    def ring(self):
        """Returns a ring of four gold atoms as XYZ."""
        return subprocess.run([self.programs / "aurelax", "build", "ring", "--n", "4"], text=True, capture_output=True,
                              check=True).stdout

    def run(self, *arguments, log="daemon.log"):
        """Starts the program and appends what it prints to a file of the spool."""
        with open(self.path / log, "a") as stream:
            return subprocess.Popen([self.programs / "aurelax", *arguments], env=self.environment, stdout=stream,
                                    stderr=stream)

    def aurelax(self, *arguments):
        return subprocess.run([self.programs / "aurelax", *arguments], env=self.environment, text=True,
                              capture_output=True, timeout=120)

    def status(self, name):
        """Returns the job's part of `aurelax status --json`; None before the job is accepted."""
        result = self.aurelax("status", name, "--json")
        return json.loads(result.stdout)["jobs"][0] if result.returncode == 0 else None

    def rows(self, query):
        store = sqlite3.connect(f"file:{self.path}/.aurelax/jobs.sqlite?mode=ro", uri=True, timeout=10)
        try:
            return store.execute(query).fetchall()
        finally:
            store.close()

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)
