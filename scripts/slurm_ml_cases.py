"""Cases of scripts/test-slurm: ML stages that Slurm runs, and places in the queue."""
import json
import re
import shutil
import subprocess
import time
from pathlib import Path

import slurm_harness as harness
from slurm_harness import Failure, Spool, expect, wait_for
from spool import indented

MODELS = harness.ROOT / "models"
ML = "ml: {{executor: slurm, models: {models}, time: {time}, memory: 1G, cpus: 1}}"
# An ML stage of very short steps, which takes hundreds of them: seconds to a minute, depending on the machine.
LONG_ML = "ml: {{optimizer: fire, fmax: 0.001, max_steps: {steps}, maxstep: 0.001}}"
CHECK = "dft: {engine: tblite, fmax: 20, max_steps: 0}"


class MLSpool(Spool):
    """A spool whose ML stages and packages go through Slurm."""

    def __init__(self, time="30", models=MODELS, more="limits: {memory: 4G, time: 1:00:00}", **others):
        super().__init__(more=more, ml=ML.format(time=time, models=models), **others)

    def drop_ring(self, name, *stages, model="thiolate-gold"):
        self.drop_file(f"{name}.yaml", f"aurelax: 1\nname: {name}\nmodel: {model}\nstructure: |\n{indented(self.ring())}stages:\n"
                       + "".join(f"  - {stage}\n" for stage in stages))

    def expect_stage_once(self, name, runs, folder="01-ml"):
        """Expects that the stage ended once and was started `runs` times, and that its path and its end are bit for bit
        those of an uninterrupted run."""
        stage = self.path / "outbox" / name / folder
        began = list((stage / ".slurm").glob("*.began"))
        low, high = runs if isinstance(runs, tuple) else (runs, runs)
        expect(low <= len(began) <= high, f"{name}: begun {len(began)} times, not {low} to {high}")
        ended = len(re.findall(r"stage 1 ended|→ completed", self.log(name)))
        expect(ended <= 2, f"{name}: {self.log(name)}")
        whole = self.path / "undisturbed"
        shutil.rmtree(whole, ignore_errors=True)
        whole.mkdir()
        for file in ["stage.json", "initial.extxyz", "run.sh"]:
            shutil.copy(stage / file, whole)
        result = subprocess.run([whole / "run.sh"], text=True, capture_output=True, timeout=600,
                                env=dict(self.environment, AURELAX_PROGRAM=str(harness.PROGRAMS / "aurelax")))
        expect(result.returncode == 0, f"run.sh: {result.stderr}")
        for file in ["trajectory.extxyz", "final.extxyz"]:
            expect((stage / file).read_bytes() == (whole / file).read_bytes(), f"{name}: another {file} than undisturbed")
        return len(re.findall(r" step=\d+", (stage / "trajectory.extxyz").read_text())) - 1

    def notes(self, name, word):
        return [line.split("  ", 1)[1] for line in self.log(name).splitlines() if word in line]


def case_ml():
    """An ML stage and then a package go through Slurm; the outbox is a link to a folder that the nodes can access."""
    with MLSpool() as spool:
        (spool.path / "shared").mkdir()
        (spool.path / "outbox").symlink_to(spool.path / "shared")
        spool.start()
        spool.drop_ring("ml", LONG_ML.format(steps=300), CHECK)
        status = spool.wait_running("ml", 1)
        expect(status["state"] == "running" and status["kind"] == "ml" and status["fmax"], f"{status}")
        table = spool.aurelax("status").stdout.splitlines()[1]
        spool.wait("ml")
        steps = spool.expect_stage_once("ml", 1)
        spool.expect_once("ml", 1, "02-dft")
        expect(spool.calls("sbatch") == 2, f"{spool.calls('sbatch')} calls of sbatch")
        script = next((spool.path / "outbox/ml/01-ml/.slurm").glob("*.sh")).read_text()
        expect(f"cd '{spool.path.resolve()}/shared/ml/01-ml'" in script, "the script on the node uses the link, not its target")
        return f"{steps} steps on the node, then the package; shown: ‘{' '.join(table.split())}’"


def case_ml_wishes():
    """A paused and resumed stage has one continuous path; a cancelled job leaves Slurm and completes when retried."""
    with MLSpool() as spool:
        spool.start()
        spool.drop_ring("wishes", LONG_ML.format(steps=500), CHECK)
        spool.wait_running("wishes", 20)
        spool.aurelax("pause", "wishes")
        wait_for(lambda: not [j for j in harness.CLUSTER.jobs("aurelax-wishes-") if j[1] == "RUNNING"], 30, "ended")
        time.sleep(4)
        expect(len(harness.CLUSTER.jobs("aurelax-wishes-")) == 1, "a paused job was submitted again")
        spool.aurelax("resume", "wishes")
        spool.wait("wishes")
        steps = spool.expect_stage_once("wishes", 2)
        spool.drop_ring("given-up", LONG_ML.format(steps=500), CHECK)
        spool.wait_running("given-up", 20)
        spool.aurelax("cancel", "given-up")
        wait_for(lambda: not [j for j in harness.CLUSTER.jobs("aurelax-given-up-") if j[1] in ("RUNNING", "PENDING")], 30,
                 "out of Slurm")
        spool.aurelax("retry", "given-up")
        spool.wait("given-up")
        spool.expect_stage_once("given-up", 1, "01-ml.2")
        return f"two runs, one path of {steps} steps; cancelled, the second attempt completed"


def case_ml_node():
    """The node and the run are killed in the middle."""
    with MLSpool() as spool:
        spool.start()
        spool.drop_ring("node", LONG_ML.format(steps=500), CHECK)
        spool.wait_running("node", 20)
        harness.CLUSTER.lose_node()
        try:
            wait_for(lambda: "lost its node" in spool.log("node"), 120, f"the loss is seen; {spool.status('node')}")
        finally:
            harness.CLUSTER.do("start-node")
        spool.wait("node")
        steps = spool.expect_stage_once("node", 2)
        return f"{spool.notes('node', 'lost its node')[0]}; {steps} steps, one path"


def case_ml_limit():
    """A stage that takes longer than its limit of a minute ends before it on request, and continues in the next run."""
    with MLSpool("1", more="warning: 1\n  resubmissions: 30", setup=["sleep 40"]) as spool:
        # The stage needs twice as many steps as this machine does, at its present speed, in the quarter of a minute
        # that each run has.
        ring = spool.path / "ring.xyz"
        aurelax = harness.PROGRAMS / "aurelax"
        subprocess.run([aurelax, "build", "ring", "--n", "4", "-o", ring], check=True)
        started = time.time()
        subprocess.run([aurelax, "relax", ring, "-o", spool.path / "end.xyz", "--model", "thiolate-gold", "--optimizer", "fire", "--quiet",
                        "--fmax", "0.001", "--max-steps", "200", "--maxstep", "0.001"], check=False,
                       env=dict(spool.environment, AURELAX_MODELS=str(MODELS)), capture_output=True)
        steps = int(200 * 30 / (time.time() - started))
        spool.start()
        spool.drop_ring("limit", LONG_ML.format(steps=steps), CHECK)
        spool.wait("limit", seconds=900)
        steps = spool.expect_stage_once("limit", (2, 31))
        notes = spool.notes("limit", "submitted again")
        expect(any("time limit" in note for note in notes), f"{notes}")
        return f"{notes[0]} ({len(notes)} times); {steps} steps, one path"


def case_ml_killed():
    """The daemon is killed after it stored the intent to submit and before it stored the job number, in two jobs: before
    and after the stage is in the queue."""
    notes = []
    for name, action in [
            ("after", '"$real" "$@"; kill -9 "$(cat {0}/daemon.pid)"; exit 0'),
            ("before", 'kill -9 "$(cat {0}/daemon.pid)"; exit 1')]:
        with MLSpool() as spool:
            spool.first_submission(action.format(spool.path))
            spool.start()
            spool.drop_ring(name, LONG_ML.format(steps=50), CHECK)
            wait_for(lambda: spool.daemon.poll() is not None, 30, "the daemon is killed")
            run = json.loads(spool.rows("SELECT run FROM slurmRuns")[0][0])
            expect(run["phase"] == "intended" and "id" not in run, f"killed too late: {run}")
            spool.start()
            spool.wait(name)
            spool.expect_stage_once(name, 1)
            notes.append(f"{spool.calls('sbatch') - 1} calls of sbatch")
    return f"killed after the submission: {notes[0]}; before it: {notes[1]}; one run each"


def case_ml_learn():
    """The model of a hybrid stage is trained on the node between the rounds."""
    recipe = """aurelax_recipe: 1
name: small
kind: soap-potential
level_of_theory: {level}
data:
  - {{file: frames.extxyz, frames: ["0:12"], validation: ["10:12"]}}
descriptor: {{r_cut: 4, n_max: 4, l_max: 2, sigma: 0.35, cutoff_radius: 4.5, cutoff_width: 4.5}}
inducing: {{default: 24, S: 20}}
priors: [3, 10]
"""
    with Spool() as first:
        models = first.path / "models"
        with MLSpool(models=models) as spool:
            (models / "small").mkdir(parents=True)
            spool.start()
            spool.drop_ring("frames", "dft: {engine: tblite, fmax: 0.01, max_steps: 14, maxstep: 0.05}", CHECK)
            spool.wait("frames")
            frames = (spool.path / "outbox/frames/01-dft/result/trajectory.extxyz").read_text()
            (models / "small/frames.extxyz").write_text(frames)
            level = re.search(r'level_of_theory="([^"]*)"', frames)[1]
            (models / "small/recipe.yaml").write_text(recipe.format(level=level))
            subprocess.run([harness.PROGRAMS / "aurelax", "train", models / "small/recipe.yaml"], check=True,
                           capture_output=True)
            spool.drop_ring("learn", "hybrid: {ml: {fmax: 0.05, max_steps: 30}, learn: true, rounds: 2, "
                            "check: {engine: tblite, fmax: 0.001, max_steps: 0}}", CHECK, model="small")
            spool.wait("learn", seconds=300)
            folder = spool.path / "outbox/learn/03-ml"
            expect(list((folder / ".slurm").glob("*.began")), "the second round ran in Slurm")
            note = (folder / "learning.txt").read_text().strip()
            expect(note.startswith("trained on"), note)
            return note


def case_place():
    """A waiting job shows its place in the queue and the number of waiting jobs; a running job shows neither."""
    with Spool() as spool:
        submit = ["sbatch", "--parsable", "--exclusive", "--output=/dev/null", "--chdir=/", "--time=10", "--wrap",
                  "sleep 300"]
        others = [subprocess.run(submit, text=True, capture_output=True, check=True).stdout.strip() for _ in range(3)]
        try:
            spool.start()
            spool.drop("place")
            status = wait_for(lambda: (s := spool.status("place")) and s["slurm"] and s["slurm"].get("position") and s, 30,
                              f"a place; {spool.status('place')}")
            shown = status["reason"]
            expect((status["slurm"]["position"], status["slurm"]["waiting"]) == (3, 3), f"{status['slurm']}")
            subprocess.run(["scancel", others.pop()], check=True)
            wait_for(lambda: spool.status("place")["slurm"]["position"] == 2, 30, f"a place nearer; {spool.status('place')}")
        finally:
            subprocess.run(["scancel", *others], check=True)
        spool.wait("place")
        spool.expect_once("place", 1)
        return f"shown: ‘{shown}’; nearer when another left"
