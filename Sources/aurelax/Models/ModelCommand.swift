import ArgumentParser
import ModelLibrary

struct ModelCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "model", abstract: "List and describe force fields.",
        subcommands: [List.self, Info.self])

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the models, trained or not.")

        func run() throws {
            let library = Models.library
            for name in library.names {
                let isTrained = (try? library.path(of: name)) != nil
                print(isTrained ? name : "\(name)  (not trained yet: make models)")
            }
        }
    }

    struct Info: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "Show kind, version, level of theory and settings of a model; --verify checks the whole file."
        )

        @Argument(help: "A model's name, or a model file.")
        var model: String
        @Flag(help: "Check every byte against the file's digests.")
        var verify = false
        @Flag(help: "JSON on standard output.")
        var json = false

        func run() throws {
            let library = Models.library
            let description = try library.describe(model)
            print(json ? try jsonText(description) : description.description)
            if verify {
                try library.verify(model)
                printError("all digests match")
            }
        }
    }
}
