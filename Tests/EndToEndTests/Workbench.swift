import Foundation
import Subprocess
import SystemPackage
import Testing

/// A folder in which the documented commands can be run: a spool with three finished rings, and
/// files with the names in the documents. GFN1-xTB (tblite) replaces GPAW, and small data sets replace
/// those of the models, so that the commands take only a minute.
final class Workbench: Sendable {
    /// The commands that are not run: the beginning of each, and the reason.
    static let exceptions: [(beginning: String, reason: String)] = [
        ("make ", "builds and tests all of it; CI and `make help` run the targets"),
        ("sudo ", "root; make check-deb installs into a new Debian"),
        ("ssh ", "another machine"),
        ("sbatch ", "Slurm; make test-slurm"),
        ("aurelax train models/gold-ligands/", "minutes; `make models` trains it"),
        ("scripts/learning-curves ", "minutes of training"),
        ("scripts/taught-models ", "an hour of training"),
        ("scripts/measure-restart ", "minutes of GPAW"),
        ("scripts/unknown-kinds ", "it needs the trained models; UnknownKindTests tries the limits"),
        ("scripts/experiment ", "hours of GPAW; WorkflowFileTests tries each dry"),
        ("mkdir -p /", "a file system that nodes see; make test-slurm"),
        ("ln -s /shared", "likewise"),
        ("aurelax serve-forces ", "a driver has to listen: ASE, i-PI, LAMMPS"),
        ("aurelax scan workflows/soap-scan/reduced.yaml --slurm", "Slurm; scripts/test-slurm --only scan"),
    ]

    /// The spool with the finished jobs.
    private let done: Spool

    /// The engine that docs/engines.md describes.
    private static let engines =
        "engines:\n  gfn1: {ase: \"tblite.ase:TBLite\", arguments: {method: GFN1-xTB, verbosity: 0}}\n"

    init() async throws {
        done = try Spool()
        for n in 4...6 { try await sh("aurelax build ring --n \(n) -o ring\(n).xyz") }
        try write("aurelax.yaml", "aurelax: 1\ndft: {executor: local}\n\(Self.engines)")
        let stages = "stages:\n  - ml: {fmax: 0.3}\n  - dft: {engine: tblite, fmax: 0.1}\n"
        for n in 4...6 {
            try write("ring\(n).yaml", "aurelax: 1\nstructure: ring\(n).xyz\n\(stages)")
            try await sh("aurelax submit ring\(n).yaml")
        }
        let project = Program.project.string
        try await sh("cp -r \(project)/workflows .")
        let gfn1 = "workflows/gold-thiolate-ring/ring4-gfn1.yaml"
        try write(gfn1, try #require(done.text(gfn1)).replacing(/.*engine: gpaw.*\n/, with: ""))
        try await sh("aurelax submit \(gfn1) && aurelax daemon --once")
        for job in ["ring4", "ring5", "ring6", "ring4-gfn1"] {
            #expect(try await done.status(of: job)?.state == "completed", "\(job)")
        }
        try await addFiles()
    }

    private func addFiles() async throws {
        let project = Program.project.string
        try await sh(
            """
            cp outbox/ring4-gfn1/01-dft/result/trajectory.extxyz md.extxyz
            for name in mine labelled test gfn1 other trajectory in hot; do cp md.extxyz $name.extxyz; done
            cp outbox/ring4-gfn1/01-dft/result/final.extxyz cluster.xyz
            for name in in old; do cp ring4.xyz $name.xyz; done
            aurelax convert \(project)/models/data/au38q-pbe-lcao.extxyz au38q.xyz --frames 0
            cp au38q.xyz hot.extxyz
            cp ring4.yaml job.yaml
            (printf 'x T B\\n final structure:\\n=====\\n'; cat ring4.xyz) > xtb.out
            mkdir structures && cp ring5.xyz structures/five.xyz && cp ring6.xyz structures/six.xyz
            ln -s \(project)/scripts scripts
            mkdir -p models/data && ln -s \(project)/models/data/slabs-pbe-lcao.extxyz models/data
            mkdir bin && ln -s /bin/cat bin/less
            for recipe in \(project)/models/*/recipe.yaml; do
                folder=models/$(basename $(dirname $recipe))
                mkdir -p $folder && cp $recipe $folder
            done
            """)
        try write("CONTCAR", "box\n1.0\n9 0 0\n0 9 0\n0 0 9\nAu Cl\n1 1\nCartesian\n4 4 4\n4 4 6.3\n")
        let frame = try #require(done.text("md.extxyz"))
        let level = try #require(frame.firstMatch(of: /level_of_theory="([^"]*)"/)).1
        // The project's recipes and scans, with the frames of this workbench in place of their data.
        for path in [
            "models/thiolate-gold", "models/thiolate-gold-oamlm", "models/thiolate-gold-vector",
        ] {
            let text = try #require(done.text(path + "/recipe.yaml"))
                .replacing(/level_of_theory: .*/, with: "level_of_theory: \(level)")
                .replacing(
                    /data:\n(?:  .*\n)*/,
                    with: "data: [{file: ../../md.extxyz, frames: [\"0:12\"], validation: [\"2:6\"]}]\n")
            try write(path + "/recipe.yaml", text)
        }
        for name in ["scan", "reduced", "directions"] {
            let path = "workflows/soap-scan/\(name).yaml"
            let text = try #require(done.text(path))
                .replacing(/level_of_theory: .*/, with: "level_of_theory: \(level)")
                .replacing(/models\/data\/au38q[^}]*/, with: "md.extxyz")
                .replacing(/models\/data\/rings[^}]*/, with: "outbox/ring5/02-dft/result/trajectory.extxyz")
            try write(path, text)
        }
        // The recipe that docs/data-sets.md shows.
        let document = try String(contentsOfFile: project + "/docs/data-sets.md", encoding: .utf8)
        let recipe = try #require(document.firstMatch(of: /```yaml\n(aurelax_recipe[^`]*)```/)).1
        try FileManager.default.createDirectory(
            atPath: done.path.appending("models/mine").string, withIntermediateDirectories: true)
        try write(
            "models/mine/recipe.yaml",
            String(recipe).replacing("800:1000", with: "2:6")
                .replacing(/level_of_theory: .*/, with: "level_of_theory: \(level)"))
    }

    /// Runs the lines, and returns a message for each one that fails.
    func mistakes(in lines: [DocumentedLine]) async throws -> [String] {
        var found: [String] = []
        for line in lines {
            let result = try await run(line.command)
            guard result.status != 0 else { continue }
            found.append("\(line.place): \(line.command): status \(result.status)\n\(result.output)")
        }
        return found
    }

    /// Returns true for commands that run in a separate spool. Such commands can run at the same time as others.
    static func isApart(_ line: DocumentedLine) -> Bool {
        Place.beginnings.contains(where: line.command.hasPrefix)
    }

    /// Runs a documented line in a suitable place. A command that would run for ever is stopped after a while and must
    /// then end with success.
    private func run(_ line: String) async throws -> (status: Int32, output: String) {
        let place = try await Place(for: line, files: done)
        // The daemon ends before its folder is removed, which happens at the end of this function.
        defer { place.endDaemon() }
        var output = ""
        for command in Self.expanded(line) {
            let result = try await type(Self.typed(command), at: place)
            output += result.output
            if result.status != 0 { return (result.status, output) }
        }
        return (0, output)
    }

    /// Returns the commands of a documented line: `pause|resume JOB` means two commands, and a word in capitals is
    /// replaced by an existing name.
    private static func expanded(_ line: String) -> [String] {
        let line = line.replacing("MODEL", with: "thiolate-gold").replacing("TEST.", with: "test.")
            .replacing("PACKAGE", with: "outbox/ring4/01-dft").replacing(":8787", with: ":0")
        let words = line.split(separator: " ")
        guard words.count > 1, words[0] == "aurelax", words[1].contains("|") else { return [line] }
        return words[1].split(separator: "|").map { name in
            (["aurelax", name] + words[2...]).joined(separator: " ")
        }
    }

    /// Returns the command as the shell runs it: a command that would run for ever is stopped after six seconds, and a
    /// command that needs a terminal gets one.
    private static func typed(_ command: String) -> String {
        var typed = command.hasSuffix("&") ? String(command.dropLast()) : command
        if isService(command) || command == "aurelax watch" {
            typed = "timeout --preserve-status -s TERM 6 \(typed)"
        }
        return command.hasPrefix("aurelax watch") ? "script -qec '\(typed)' /dev/null" : typed
    }

    private static func isService(_ command: String) -> Bool {
        command.hasPrefix("aurelax daemon") || command.hasPrefix("aurelax dft serve")
    }

    private func type(_ script: String, at place: Place) async throws -> (status: Int32, output: String) {
        let inherited = ProcessInfo.processInfo.environment
        let python = FilePath(inherited["AURELAX_PYTHON"] ?? "").removingLastComponent().string
        let home = done.path.string
        let result = try await Subprocess.run(
            .name("bash"), arguments: ["-c", "set -e -o pipefail\n\(script)"],
            environment: .inherit.updating([
                "HOME": home, "AURELAX_SPOOL": place.spool.path.string,
                "AURELAX_MODELS": "\(Program.project)/models:\(home)/models",
                "PATH": "\(Program.directory):\(python):\(home)/bin:\(inherited["PATH"] ?? "")",
            ]),
            workingDirectory: place.folder, output: .string(limit: 16 << 20), error: .combinedWithOutput)
        let status: Int32 =
            switch result.terminationStatus {
            case .exited(let code): code
            case .signaled(let signal): -signal
            }
        return (status, String((result.standardOutput).suffix(4000)))
    }

    private func sh(_ script: String) async throws {
        let result = try await type(script, at: Place(done))
        #expect(result.status == 0, "\(script): \(result.output)")
    }

    private func write(_ name: String, _ text: String) throws {
        try text.write(toFile: done.path.appending(name).string, atomically: true, encoding: .utf8)
    }
}

/// The spool and the folder in which a documented line is run.
private struct Place {
    let spool: Spool
    let folder: FilePath
    private var daemon: BackgroundProgram?

    /// Beginnings of the commands that need a package waiting to be run.
    private static let packages = [
        "./run.sh", "AURELAX_RANKS", "aurelax dft", "aurelax pause", "aurelax recover",
    ]
    /// Beginnings of the commands that need a separate spool.
    static let beginnings = packages + ["aurelax submit", "aurelax daemon"]

    /// Makes a place in an existing spool.
    init(_ spool: Spool, folder: FilePath? = nil) {
        self.spool = spool
        self.folder = folder ?? spool.path
    }

    func endDaemon() { if let daemon, daemon.isRunning { daemon.kill() } }

    /// - Parameter files: the spool with the finished jobs and all other files.
    init(for line: String, files: Spool) async throws {
        if line.hasPrefix("aurelax submit") {
            // A daemon that has nothing to do yet.
            self.init(try Spool(), folder: files.path)
            try "aurelax: 1\ndft: {executor: local}\n"
                .write(toFile: spool.path.appending("aurelax.yaml").string, atomically: true, encoding: .utf8)
            daemon = try BackgroundProgram(["daemon"], spool: spool, log: "daemon.log")
            #expect(try await spool.wait { spool.exists(".aurelax/daemon.json") })
        } else if line.hasPrefix("aurelax daemon") {
            self.init(try Spool())
        } else if Self.packages.contains(where: line.hasPrefix) {
            // A job waits for its package to be run.
            let spool = try Spool()
            self.init(
                spool, folder: line.contains("./run.sh") ? spool.path.appending("outbox/ring4/01-dft") : nil)
            daemon = try BackgroundProgram(["daemon"], spool: spool, log: "daemon.log")
            try spool.drop("ring4.xyz", try #require(files.text("cluster.xyz")))
            try spool.drop(
                "ring4.yaml",
                "aurelax: 1\nstructure: ring4.xyz\nstages:\n  - dft: {engine: tblite, fmax: 1}\n")
            #expect(try await spool.waitForState("waiting-for-dft", of: "ring4"))
            if line.hasPrefix("aurelax recover") {
                #expect(daemon?.stop() == 0)
                for file in spool.files(".aurelax") where file.hasPrefix("jobs.sqlite") {
                    try FileManager.default.removeItem(
                        atPath: spool.path.appending(".aurelax/\(file)").string)
                }
            }
        } else {
            self.init(files)
        }
    }
}
