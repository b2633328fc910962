import Atomistics
import DurableFiles
import JobSpec

/// `submit.sbatch`. Only checked names, numbers and digests go into it.
func batchScript(
    _ parameters: some CalculationParameters, atoms: Int, points: Int? = nil, inputs: Digest
) -> String {
    let (job, stage, attempt) = (parameters.job, parameters.stage, parameters.attempt)
    let array =
        points.map { "# As an array, a point an element: sbatch --array=1-\($0)%4 submit.sbatch\n" } ?? ""
    return """
        #!/bin/sh
        #SBATCH --job-name=aurelax-\(job)-\(stage)-\(attempt)
        #SBATCH --comment=aurelax:job=\(job),stage=\(stage),attempt=\(attempt),inputs=\(inputs.hexadecimal.prefix(16))
        #SBATCH --output=slurm-%j.log
        #SBATCH --open-mode=append
        #SBATCH --ntasks=\(suggestedRanks(parameters.engine, atoms: atoms))
        #SBATCH --cpus-per-task=1
        #SBATCH --time=24:00:00
        # Five minutes before the limit the run is asked to end after the step it is in; submitted again, it
        # goes on from there.
        #SBATCH --signal=B:USR1@300
        \(array)# Add what your cluster wants: partition, account, memory, and below the modules with GPAW.

        cd "${SLURM_SUBMIT_DIR:-.}" || exit 8
        exec ./run.sh

        """
}

/// The power of two that leaves each process six atoms or a few more, at most 64: with fewer they would
/// wait for each other.
private func suggestedRanks(_ engine: DFTStage.Engine, atoms: Int) -> Int {
    guard engine == .gpaw else { return 1 }
    var ranks = 1
    while ranks < 64, atoms / (2 * ranks) >= 6 { ranks *= 2 }
    return ranks
}

/// `README.md` for the person who runs the package.
func readme(_ parameters: HandoffParameters, _ atoms: Atoms) -> String {
    let level = parameters.levelOfTheory
    let optimizer = parameters.optimizer
    let fixed = parameters.fixedAtoms.count
    let partlyFixed = Set((parameters.fixedCoordinates ?? []).map { $0 / 3 }).count
    return """
        # \(parameters.job), stage \(parameters.stage), attempt \(parameters.attempt)

        Relax \(atoms.formula) (\(atoms.count) atoms, charge \(parameters.charge)) at
        `\(level.prefix)<version>\(level.suffix)` until no force on a moving atom reaches \
        \(optimizer.fmax) eV/Å, in at most \(optimizer.maxSteps) steps\
        \(fixed == 0 ? "" : "; \(fixed) atoms stay where they are")\
        \(partlyFixed == 0 ? "" : "; \(partlyFixed) atoms move along some axes only").
        \(parameters.caution)
        ## Run it

        It needs \(parameters.needs), and nothing of aurelax\(parameters.steering). Any of:

            ./run.sh                      # this machine
            AURELAX_RANKS=8 ./run.sh      # so many processes
            sbatch submit.sbatch          # Slurm, from this folder

        `AURELAX_PYTHON` (default `python3`) and `AURELAX_MPIEXEC` (default `mpiexec`) name the programs. The settings
        are in `parameters.json`; to change them, change the job: a package whose inputs were changed is refused.

        Interrupted, or stopped with `touch result/STOP` or SIGTERM, it goes on from its last step when it is run
        again. `result/progress.json` says how far it is.

        ## What comes back

        `result/`, all of it, beside this file:

        | File | What |
        |---|---|
        | `trajectory.extxyz` | every geometry with energy (eV) and raw forces (eV/Å), in this package's frame of reference |
        | `final.extxyz`, `best.extxyz` | the last geometry, and the one of lowest energy where it did not converge |
        | `optimizer.log`\(parameters.engine == .gpaw ? ", `gpaw.txt`" : "") | logs |
        | `status.json` | verdict, steps, gradient calls, cycles, time, versions |
        | `DONE.json` | last: without it the result is not complete |

        Copy `DONE.json` last when you bring the result back from another machine.

        How `run.sh` ends:

        \(PackageExit.table(of: PackageExit.ofScripts))

        """
}

extension HandoffParameters {
    /// Behind what the package needs.
    fileprivate var steering: String {
        optimizer.method == .learning
            ? " (with it, `AURELAX_PROGRAM` or `aurelax` of `PATH`, it learns from every gradient; without it, BFGS)"
            : ""
    }
}

/// `README.md` of a package of single points.
func readme(_ parameters: SinglePointsParameters, _ atoms: Atoms) -> String {
    let level = parameters.levelOfTheory
    let count = parameters.points
    return """
        # \(parameters.job), stage \(parameters.stage), attempt \(parameters.attempt)

        Energy and forces of \(count) geometr\(count == 1 ? "y" : "ies") of \(atoms.formula) (\(atoms.count) atoms, \
        charge \(parameters.charge)) at
        `\(level.prefix)<version>\(level.suffix)`, without a step, all in the same box.
        \(parameters.caution)
        ## Run it

        It needs \(parameters.needs), and nothing of aurelax. Any of:

            ./run.sh                                   # this machine, one point after the other
            AURELAX_RANKS=8 ./run.sh                   # so many processes
            AURELAX_POINT=3 ./run.sh                   # one point
            sbatch submit.sbatch                       # Slurm, from this folder, one point after the other
            sbatch --array=1-\(count)%4 submit.sbatch \
        \(String(repeating: " ", count: max(0, 12 - String(count).count)))# a point an element, four at a time

        `AURELAX_PYTHON` (default `python3`) and `AURELAX_MPIEXEC` (default `mpiexec`) name the programs. The settings
        are in `parameters.json`; to change them, change the job: a package whose inputs were changed is refused.

        Any of these may work at the same time; no point is calculated twice. Interrupted, or stopped with
        `touch result/STOP` or SIGTERM, it goes on with the points that are missing when it is run again.
        `result/progress.json` says how many are there.

        ## What comes back

        `result/`, all of it, beside this file:

        | File | What |
        |---|---|
        | `trajectory.extxyz` | every geometry with its verdict, energy (eV) and raw forces (eV/Å) |
        | `points/` | the same, a file a point, as they came |
        | `status.json` | verdict, number of points, cycles, time, versions |
        | `DONE.json` | last: without it the result is not complete |

        Copy `DONE.json` last when you bring the result back from another machine.

        How `run.sh` ends:

        \(PackageExit.table(ofPoints: true, of: PackageExit.ofScripts))

        """
}

extension CalculationParameters {
    fileprivate var needs: String {
        engine == .gpaw
            ? "Python 3.9 or newer with ASE and GPAW (its PAW data sets included)"
            : "Python 3.9 or newer with ASE and tblite"
    }

    /// A line of its own where there is something to warn of.
    fileprivate var caution: String {
        engine == .tblite ? "GFN1-xTB is a semi-empirical method, not DFT: every file says so.\n" : ""
    }
}
