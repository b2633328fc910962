import Foundation

/// A check that this machine has the programs for the executors of `aurelax.yaml`, made before a job needs them.
public struct ExecutorCheck: Sendable {
    /// Missing programs, each with a remedy; empty if nothing is missing.
    public let problems: [String]
    /// One line that says how packages are run.
    public let summary: String

    /// - Parameter python: Python for packages that this machine runs, unless the configuration names one.
    public init(_ configuration: SpoolConfiguration, python: String) {
        var problems: [String] = []
        if configuration.usesSlurm {
            let missing = ["sbatch", "squeue", "scancel"].filter { Self.program($0) == nil }
            if !missing.isEmpty {
                let what = configuration.executor == .slurm ? "executor: slurm" : "ml: {executor: slurm}"
                problems.append(
                    "aurelax.yaml says \(what), but \(missing.joined(separator: ", ")) "
                        + "\(missing.count == 1 ? "is" : "are") not in PATH, so nothing can be submitted; "
                        + "start the daemon where Slurm's commands are, or set executor: local")
            }
        }
        if configuration.executor == .local {
            let python = configuration.python ?? python
            switch Self.missing(of: python) {
            case nil:
                problems.append(
                    "python: \(python) does not start, so dft stages will fail; name a Python with ASE and GPAW"
                )
            case let missing? where !missing.isEmpty:
                let fails =
                    missing.contains("ase") || missing.contains("numpy")
                    ? "dft stages" : "dft stages of that engine"
                problems.append(
                    "python: \(python) has no \(missing.joined(separator: ", no ")), so \(fails) will fail; "
                        + "install it there (python -m pip install \(missing.joined(separator: " "))), or name another Python"
                )
            default: break
            }
        }
        self.problems = problems
        summary =
            switch configuration.executor {
            case .manual: "manual: packages wait for `aurelax dft serve`, or run.sh"
            case .local:
                "local: this daemon runs packages, one at a time, with \(configuration.python ?? python)"
            case .slurm: "slurm: packages go to sbatch"
            }
    }

    /// Returns the modules of engines that a Python lacks; nil if this Python does not start.
    private static func missing(of python: String) -> [String]? {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [
            python, "-c",
            // A folder of the same name in the daemon's working folder must not count as a module.
            "import sys; sys.path[:] = [p for p in sys.path if p]; import importlib.util as u; print(*[n for n in ('numpy', 'ase', 'gpaw', 'tblite') if u.find_spec(n) is None])",
        ]
        let output = Pipe()
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return nil }
        let timer = DispatchSource.makeTimerSource()
        timer.schedule(deadline: .now() + 20)
        timer.setEventHandler { process.terminate() }
        timer.resume()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        timer.cancel()
        guard process.terminationStatus == 0 else { return nil }
        return text.split(whereSeparator: \.isWhitespace).map(String.init)
    }

    private static func program(_ name: String) -> String? {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        return path.split(separator: ":").map { "\($0)/\(name)" }.first(
            where: FileManager.default.isExecutableFile)
    }
}
