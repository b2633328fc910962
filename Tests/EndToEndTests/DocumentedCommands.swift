import Foundation
import SystemPackage

/// The commands of the program as it describes them itself, for comparison with the documents.
struct DocumentedCommands {
    private struct Help: Decodable { let command: Command }

    private struct Command: Decodable {
        struct Argument: Decodable {
            struct Name: Decodable {
                let kind, name: String
            }
            let names: [Name]?
        }
        let commandName: String
        let discussion: String?
        let subcommands: [Command]?
        let arguments: [Argument]?
    }

    private let root: Command

    init() async throws {
        let help = try await Program.run(["--experimental-dump-help"])
        root = try JSONDecoder().decode(Help.self, from: Data(help.output.utf8)).command
    }

    /// Returns the commands in documents and help texts, in order, each once.
    func lines() throws -> [DocumentedLine] {
        let project = Program.project.string
        let documents = try FileManager.default.contentsOfDirectory(atPath: project + "/docs")
            .filter { $0.hasSuffix(".md") }.sorted().map { "docs/" + $0 }
        var found: [DocumentedLine] = []
        for document in ["README.md"] + documents {
            found += DocumentedLine.all(
                in: try String(contentsOfFile: "\(project)/\(document)", encoding: .utf8), of: document)
        }
        func collect(_ command: Command, _ path: String) {
            let indented = (command.discussion ?? "").split(separator: "\n").filter { $0.hasPrefix("  ") }
            found += DocumentedLine.all(
                in: indented.map { "  \($0)" }.joined(separator: "\n"), of: "\(path) --help")
            for subcommand in command.subcommands ?? [] {
                collect(subcommand, "\(path) \(subcommand.commandName)")
            }
        }
        collect(root, root.commandName)
        var known: Set<String> = []
        return found.filter { known.insert($0.command).inserted }
    }

    /// Returns the mistake in a documented line: a command or option that the program does not have. Returns an empty
    /// text if there is none, or if the command is not one of ours.
    func mistake(in line: DocumentedLine) -> String {
        var words = line.command.split(separator: " ").map(String.init)
        guard words[0] == "aurelax" else { return "" }
        words.removeFirst()
        var commands = [root]
        while let word = words.first, commands.count == 1, let subcommands = commands[0].subcommands {
            // `pause|resume` means two commands.
            let names = word.split(separator: "|").map(String.init)
            let next = names.compactMap { name in subcommands.first { $0.commandName == name } }
            guard next.count == names.count else { return "no command ‘\(word)’" }
            commands = next
            words.removeFirst()
        }
        words = Array(words.prefix { $0 != "|" })
        for command in commands {
            let options = (command.arguments ?? []).flatMap { $0.names ?? [] }.map {
                ($0.kind == "short" ? "-" : "--") + $0.name
            }
            for word in words where word.hasPrefix("-") && word != "-" && Int(word) == nil {
                let name = word.split(separator: "=")[0]
                if !options.contains(String(name)) { return "\(command.commandName) has no ‘\(name)’" }
            }
        }
        return ""
    }
}

/// A documented command line.
struct DocumentedLine: Sendable {
    /// The document, and the number of the line in it.
    let place: String
    /// The command without prompt, comment and explanation, ready to run.
    let command: String

    /// Returns the commands in the indented lines and in the shell blocks of a text.
    static func all(in text: String, of document: String) -> [DocumentedLine] {
        var isShell = false
        var found: [DocumentedLine] = []
        for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            if line.hasPrefix("```") { isShell = line == "```sh" }
            guard isShell || line.hasPrefix("    ") else { continue }
            var code = String(line.prefix(upTo: line.range(of: " #")?.lowerBound ?? line.endIndex))
            if code.hasPrefix("    $ ") { code.removeFirst(6) }
            code = code.trimmingCharacters(in: .whitespaces)
            // In help texts an explanation follows after three spaces.
            code = String(code.prefix(upTo: code.range(of: "   ")?.lowerBound ?? code.endIndex))
            guard beginnings.contains(where: code.hasPrefix) else { continue }
            found.append(DocumentedLine(place: "\(document):\(number + 1)", command: code))
        }
        return found
    }

    private static let beginnings = [
        "aurelax ", "make ", "scripts/", "./", "AURELAX_", "export ", "mkdir ", "ln ", "printf ", "python ",
        "sbatch ", "sudo ", "ssh ",
    ]
}
