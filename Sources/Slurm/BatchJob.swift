/// A job for Slurm that runs in a folder: a package, or the elements of an array.
public struct BatchJob: Sendable, Equatable {
    /// Name of the Slurm job, different from that of every other submission.
    public var name: String
    public var comment: String
    /// Absolute path of the package's folder.
    public var folder: String
    public var resources: SlurmResources
    /// Seconds before the time limit at which the run receives a stop signal.
    public var warning: Int
    /// Lines of shell before the run: modules, environments.
    public var setup: [String]
    public var environment: [String: String]
    /// Further options of `sbatch`, each `--key` or `--key=value`.
    public var options: [String]
    /// The elements of an array, each a job of its own; nil for a single job.
    public var array: JobArray?
    /// The program to run in the folder; the job's script passes signals on to it.
    public var command = "./run.sh"

    public struct JobArray: Sendable, Equatable {
        public var elements: [Int]
        /// Largest number of elements that run at the same time.
        public var throttle: Int

        public init(elements: [Int], throttle: Int) { (self.elements, self.throttle) = (elements, throttle) }
    }

    public init(
        name: String, comment: String, folder: String, resources: SlurmResources, warning: Int = 300,
        setup: [String] = [], environment: [String: String] = [:], options: [String] = []
    ) {
        (self.name, self.comment, self.folder, self.resources) = (name, comment, folder, resources)
        (self.warning, self.setup, self.environment, self.options) = (warning, setup, environment, options)
    }

    /// Folder inside the package for the files of a submission.
    public static let records = ".slurm"
    /// Name of the file in the folder ``records`` that contains the name of the only run that may start.
    public static let current = "current"
    public var scriptName: String { "\(name).sh" }
    /// Name of the file with the Slurm job's number, written when the run has started.
    public var beganName: String { Self.beganName(name) }

    public static func beganName(_ name: String) -> String { "\(name).began" }
    /// Returns the name of the file with the exit status, written when the run, or the element of an array,
    /// has ended by itself.
    public static func endedName(_ name: String, element: Int? = nil) -> String {
        "\(name)\(element.map { ".\($0)" } ?? "").ended"
    }
    public static func logName(_ id: Int, element: Int? = nil) -> String {
        "slurm-\(id)\(element.map { "_\($0)" } ?? "").log"
    }

    /// Arguments for `sbatch`; the script's path is the last. No shell interprets them.
    public var arguments: [String] {
        var arguments = [
            "--parsable", "--job-name=\(name)", "--comment=\(comment)", "--chdir=\(folder)",
            "--output=slurm-\(array == nil ? "%j" : "%A_%a").log", "--open-mode=append", "--no-requeue",
            "--signal=B:USR1@\(signalTime)",
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
        add("array", array.map { "\(ArrayElements.text($0.elements))%\($0.throttle)" })
        return arguments + options + ["\(folder)/\(Self.records)/\(scriptName)"]
    }

    /// The part of the script with the user's setup lines. Each must succeed, because a run without its module
    /// may give other results.
    private var setupLines: String {
        guard !setup.isEmpty else { return ":" }
        // Setup that spans several elements (if … fi, a here-document) is checked as a whole.
        let isWhole = setup.contains { line in
            let words = line.split { $0 == " " || $0 == ";" || $0 == "\t" }
            return line.hasSuffix("\\") || line.contains("<<")
                || words.contains {
                    ["if", "for", "while", "until", "case", "{", "(", "do", "then"].contains($0)
                }
        }
        let lines =
            isWhole
            ? setup + ["aurelax_setup $? setup"]
            : setup.map { line in "\(line)\naurelax_setup $? \(shellQuoted(line))" }
        return """
            aurelax_setup() {
                [ "$1" -eq 0 ] || [ "$asked" ] && return
                echo "\(Self.setupMessage) with status $1: $2"
                echo \(Self.setupFailed) >\(endedFile)
                exit \(Self.setupFailed)
            }
            # Modules are a shell function, which may be missing outside a login shell.
            type module >/dev/null 2>&1 || for file in /etc/profile.d/modules.sh /etc/profile.d/z00_lmod.sh \
                /etc/profile.d/lmod.sh /usr/share/lmod/lmod/init/bash /usr/share/modules/init/bash; do
                [ -r "$file" ] && . "$file" && break
            done
            \(lines.joined(separator: "\n"))
            """
    }

    /// Exit status of a run whose setup failed. It differs from each status of a package and from every signal number.
    public static let setupFailed = 78
    /// Beginning of the log line about a failed setup.
    static let setupMessage = "setup failed"

    /// The path of the exit status file, quoted for the script.
    private var endedFile: String {
        array == nil
            ? shellQuoted("\(Self.records)/\(Self.endedName(name))")
            : shellQuoted("\(Self.records)/\(name).") + "\"$SLURM_ARRAY_TASK_ID\"" + ".ended"
    }

    /// Seconds before the time limit at which Slurm is to send the stop signal. Slurm may send it up to
    /// `slurmResolution` earlier, so this is at most half of the time limit minus `slurmResolution`: a run
    /// with a short limit is not asked to stop as soon as it starts.
    private var signalTime: Int {
        resources.time.map { max(1, min(warning, ($0 - Self.slurmResolution) / 2)) } ?? warning
    }

    /// Seconds between two of Slurm's checks of time limits.
    static let slurmResolution = 30

    /// The script that runs on the node. It starts the package only if its run is the current one, so a
    /// submission that was thought lost and starts late ends at once. It passes USR1 on to the package, which
    /// ends after its current step; if USR1 arrives before the package has started, the package is not started.
    public var script: String {
        let exports = environment.sorted { $0.key < $1.key }.map {
            "export \($0.key)=\(shellQuoted($0.value))"
        }
        // Every element of an array writes the number of the array into one file, and its exit status into a
        // file of its own.
        let number = array == nil ? "$SLURM_JOB_ID" : "$SLURM_ARRAY_JOB_ID"
        let ended = endedFile
        return """
            #!/bin/bash
            # \(comment)
            cd \(shellQuoted(folder)) || exit 8
            if [ "$(cat \(Self.records)/\(Self.current))" != \(shellQuoted(name)) ]; then
                echo "another run of this package has replaced \(name)"
                exit 0
            fi
            echo "\(number)" >\(shellQuoted("\(Self.records)/\(beganName)"))
            asked=
            trap 'asked=yes' USR1
            \(exports.joined(separator: "\n"))
            \(setupLines)
            if [ "$asked" ]; then
                echo 6 >\(ended)
                exit 6
            fi
            \(command) &
            run=$!
            trap 'kill -USR1 "$run"' USR1
            trap 'kill -TERM "$run"' TERM
            while :; do
                wait "$run"
                status=$?
                kill -0 "$run" 2>/dev/null || break
            done
            echo "$status" >\(ended)
            exit "$status"

            """
    }
}

/// Quotes any text as one word for a POSIX shell.
package func shellQuoted(_ text: String) -> String {
    var result = "'"
    for character in text.unicodeScalars {
        if character == "'" { result += "'\\''" } else { result.unicodeScalars.append(character) }
    }
    return result + "'"
}

/// The rules for batch job options in a configuration.
public enum BatchRules {
    /// Options that a submission sets itself; duplicates would break the tracking of the job.
    static let own: Set<String> = [
        "parsable", "job-name", "comment", "chdir", "output", "error", "open-mode", "requeue", "no-requeue",
        "signal", "partition", "account", "qos", "constraint", "time", "nodes", "ntasks", "mem", "wrap",
        "array",
        "wait", "test-only", "hold", "help", "version", "usage", "quiet", "verbose", "input", "clusters",
    ]

    /// Returns the reason why an option is not allowed; nil if it is allowed.
    public static func problem(withOption text: String) -> String? {
        guard text.hasPrefix("--"), text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F })
        else { return "‘\(text.prefix(80))’ is not a long option of sbatch: --key or --key=value" }
        let key = String(text.dropFirst(2).prefix { $0 != "=" })
        guard !key.isEmpty,
            key.utf8.allSatisfy({ (97...122).contains($0) || (48...57).contains($0) || $0 == 45 })
        else { return "‘\(text.prefix(80))’ is not a long option of sbatch: --key or --key=value" }
        return own.contains(key) ? "‘--\(key)’ is set by aurelax" : nil
    }

    /// Returns the reason why options contradict the resources or each other; nil if they do not.
    ///
    /// - Parameters:
    ///   - asksForMemory: whether `memory` (per node) is given.
    ///   - asksForCPUs: whether `cpus` (per task) is given.
    public static func problem(withOptions options: [String], asksForMemory: Bool, asksForCPUs: Bool)
        -> String?
    {
        let keys = options.map { String($0.dropFirst(2).prefix { $0 != "=" }) }
        let memory = keys.filter { $0 == "mem-per-cpu" || $0 == "mem-per-gpu" }
        if let first = memory.first, asksForMemory {
            return "‘--\(first)’ and ‘memory’ exclude each other, because sbatch accepts only one"
        }
        if memory.count > 1 { return "‘--\(memory[0])’ and ‘--\(memory[1])’ exclude each other" }
        if keys.contains("cpus-per-task"), asksForCPUs {
            return "‘--cpus-per-task’ is set by ‘cpus’"
        }
        return nil
    }

    /// Returns true if the text can be the name of a partition, an account or a quality of service, or several
    /// such names separated by commas.
    public static func isName(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 200
            && text.utf8.allSatisfy { byte in
                (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                    || "-_.,+@/".utf8.contains(byte)
            } && !text.hasPrefix("-")
    }

    /// Returns true if the text can be a constraint: names of node features with `&`, `|` and brackets.
    public static func isConstraint(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 200
            && text.utf8.allSatisfy { byte in
                (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                    || "-_.,&|[]()*!:@+/".utf8.contains(byte)
            } && !text.hasPrefix("-")
    }
}
