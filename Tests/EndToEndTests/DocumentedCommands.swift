import Foundation

/// The commands of the program as it describes them itself, to hold what documents say against.
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
        let subcommands: [Command]?
        let arguments: [Argument]?
    }

    private let root: Command

    init() async throws {
        let help = try await Program.run(["--experimental-dump-help"])
        root = try JSONDecoder().decode(Help.self, from: Data(help.output.utf8)).command
    }

    /// Nil for a line that is no command of ours; empty for one that the program has.
    func mistake(in line: some StringProtocol) -> String? {
        let code = line.split(separator: "#", maxSplits: 1)[0].trimmingCharacters(in: .whitespaces)
        guard line.hasPrefix("    aurelax ") || line.hasPrefix("    $ aurelax ") else { return nil }
        var words = code.split(separator: " ").map(String.init)
        words.removeFirst(words[0] == "$" ? 2 : 1)
        var commands = [root]
        while let word = words.first, commands.count == 1, let subcommands = commands[0].subcommands {
            // `pause|resume` is two.
            let names = word.split(separator: "|").map(String.init)
            let next = names.compactMap { name in subcommands.first { $0.commandName == name } }
            guard next.count == names.count else { return "no command ‘\(word)’" }
            commands = next
            words.removeFirst()
        }
        for command in commands {
            let options = (command.arguments ?? []).flatMap { $0.names ?? [] }.map {
                ($0.kind == "short" ? "-" : "--") + $0.name
            }
            for word in words where word.hasPrefix("-") && word != "-" {
                let name = word.split(separator: "=")[0]
                if !options.contains(String(name)) { return "\(command.commandName) has no ‘\(name)’" }
            }
        }
        return ""
    }
}
