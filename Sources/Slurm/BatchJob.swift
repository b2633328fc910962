/// A package as Slurm is to run it.
public struct BatchJob: Sendable, Equatable {
    /// Unlike that of every other submission of anybody.
    public var name: String
    public var comment: String
    /// The package's folder, absolute.
    public var folder: String
    public var resources: SlurmResources
    /// Seconds before the time limit at which the run is asked to end.
    public var warning: Int
    /// Lines of shell before the run: modules, environments.
    public var setup: [String]
    public var environment: [String: String]
    /// Further options of `sbatch`, each `--key` or `--key=value`.
    public var options: [String]

    public init(
        name: String, comment: String, folder: String, resources: SlurmResources, warning: Int = 300,
        setup: [String] = [], environment: [String: String] = [:], options: [String] = []
    ) {
        (self.name, self.comment, self.folder, self.resources) = (name, comment, folder, resources)
        (self.warning, self.setup, self.environment, self.options) = (warning, setup, environment, options)
    }

    /// Folder inside the package for what only the submission needs.
    public static let records = ".slurm"
    /// In it: the name of the only run that may begin.
    public static let current = "current"
    public var scriptName: String { "\(name).sh" }
    /// Holds the Slurm job's number once the run has begun.
    public var beganName: String { Self.beganName(name) }
    /// Holds the exit status once the run has ended by itself.
    public var endedName: String { Self.endedName(name) }

    public static func beganName(_ name: String) -> String { "\(name).began" }
    public static func endedName(_ name: String) -> String { "\(name).ended" }
    public static func logName(_ id: Int) -> String { "slurm-\(id).log" }

    /// For `sbatch`; the script's path is the last. Nothing here passes through a shell.
    public var arguments: [String] {
        var arguments = [
            "--parsable", "--job-name=\(name)", "--comment=\(comment)", "--chdir=\(folder)",
            "--output=slurm-%j.log", "--open-mode=append", "--no-requeue", "--signal=B:USR1@\(signalTime)",
        ]
        func add(_ option: String, _ value: (some CustomStringConvertible)?) {
            if let value { arguments.append("--\(option)=\(value)") }
        }
        add("partition", resources.partition)
        add("account", resources.account)
        add("qos", resources.qos)
        add("constraint", resources.constraint)
        add("time", resources.time.map(SlurmText.time))
        add("nodes", resources.nodes)
        add("ntasks", resources.tasks)
        add("cpus-per-task", resources.cpus)
        add("mem", resources.memory.map { "\($0)M" })
        return arguments + options + ["\(folder)/\(Self.records)/\(scriptName)"]
    }

    /// Never more than half of what the run has.
    private var signalTime: Int { resources.time.map { max(1, min(warning, $0 / 2)) } ?? warning }

    /// What runs on the node. Only the current run begins; a submission that was thought lost and comes late
    /// ends at once. USR1 is passed on to the package, which ends after its step.
    public var script: String {
        let exports = environment.sorted { $0.key < $1.key }.map {
            "export \($0.key)=\(shellQuoted($0.value))"
        }
        return """
            #!/bin/bash
            # \(comment)
            cd \(shellQuoted(folder)) || exit 8
            if [ "$(cat \(Self.records)/\(Self.current))" != \(shellQuoted(name)) ]; then
                echo "another run of this package has taken the place of \(name)"
                exit 0
            fi
            echo "$SLURM_JOB_ID" >\(shellQuoted("\(Self.records)/\(beganName)"))
            \((exports + setup).joined(separator: "\n"))
            ./run.sh &
            run=$!
            trap 'kill -USR1 "$run"' USR1
            trap 'kill -TERM "$run"' TERM
            while :; do
                wait "$run"
                status=$?
                kill -0 "$run" 2>/dev/null || break
            done
            echo "$status" >\(shellQuoted("\(Self.records)/\(endedName)"))
            exit "$status"

            """
    }
}

/// One word to any POSIX shell, whatever is in it.
func shellQuoted(_ text: String) -> String {
    var result = "'"
    for character in text.unicodeScalars {
        if character == "'" { result += "'\\''" } else { result.unicodeScalars.append(character) }
    }
    return result + "'"
}

/// What may stand in the configuration of a batch job.
public enum BatchRules {
    /// What a submission says itself; said twice it would not be followed any more.
    static let own: Set<String> = [
        "parsable", "job-name", "comment", "chdir", "output", "error", "open-mode", "requeue", "no-requeue",
        "signal", "partition", "account", "qos", "constraint", "time", "nodes", "ntasks", "mem", "wrap",
        "array",
        "wait", "test-only", "hold", "help", "version", "usage", "quiet", "verbose", "input", "clusters",
    ]

    /// Why an option cannot stand there; nil where it can.
    public static func problem(withOption text: String) -> String? {
        guard text.hasPrefix("--"), text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F })
        else { return "‘\(text.prefix(80))’ is no option of sbatch in its long form, --key or --key=value" }
        let key = String(text.dropFirst(2).prefix { $0 != "=" })
        guard !key.isEmpty,
            key.utf8.allSatisfy({ (97...122).contains($0) || (48...57).contains($0) || $0 == 45 })
        else { return "‘\(text.prefix(80))’ is no option of sbatch in its long form, --key or --key=value" }
        return own.contains(key) ? "‘--\(key)’ is set by aurelax" : nil
    }

    /// Names of partitions, accounts and qualities of service; lists of them have commas.
    public static func isName(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 200
            && text.utf8.allSatisfy { byte in
                (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                    || "-_.,+@/".utf8.contains(byte)
            } && !text.hasPrefix("-")
    }

    /// Features with `&`, `|` and brackets.
    public static func isConstraint(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 200
            && text.utf8.allSatisfy { byte in
                (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                    || "-_.,&|[]()*!:@+/".utf8.contains(byte)
            } && !text.hasPrefix("-")
    }
}
