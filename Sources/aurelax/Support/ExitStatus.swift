import ArgumentParser
import Atomistics
import Descriptors
import Foundation
import ModelFile
import ModelLibrary
import Relaxation
import SOAPPotential
import ThiolateGold

/// How the program ends: the numbers are a promise to scripts.
enum ExitStatus: Int32, CaseIterable {
    case done = 0
    case failed = 1
    case usage = 2
    case badInput = 3
    case notConverged = 4
    case noModel = 5
    case noSuchJob = 6
    case spoolBusy = 7
    case inputOutput = 8

    var meaning: String {
        switch self {
        case .done: "done"
        case .failed: "failed"
        case .usage: "wrong usage of the command line"
        case .badInput: "a file that was read is not right"
        case .notConverged: "the relaxation ended before it had converged; its output is written"
        case .noModel: "the force field does not exist, or has not been trained yet"
        case .noSuchJob: "there is no job of that name in the spool"
        case .spoolBusy: "another daemon works on the spool"
        case .inputOutput: "a file could not be read or written"
        }
    }

    static var help: String {
        "EXIT STATUS\n" + allCases.map { "  \($0.rawValue)  \($0.meaning)" }.joined(separator: "\n")
    }

    /// Nil for what is the argument parser's to explain.
    init?(of error: any Error) {
        switch error {
        case let error as CommandError: self = error.status
        case is ExtXYZError, is ForceFieldError, is DescriptorError, is EvaluationError,
            is TrainingError, is SOAPPotentialError:
            self = .badInput
        case is ModelFileError: self = .noModel
        case is CancellationError: self = .failed
        default:
            let name = String(reflecting: type(of: error))
            if name.hasPrefix("ArgumentParser.") { return nil }
            self = (error as NSError).domain == NSCocoaErrorDomain ? .inputOutput : .failed
        }
    }
}

/// What a command itself has to say against going on.
struct CommandError: Error {
    var status: ExitStatus
    var message: String

    init(_ status: ExitStatus, _ message: String) {
        self.status = status
        self.message = message
    }
}

func message(of error: any Error) -> String {
    let text =
        switch error {
        case let error as CommandError: error.message
        case let error as any CustomStringConvertible: error.description
        default: error.localizedDescription
        }
    return text.contains(": error: ") ? text : "aurelax: error: \(text)"
}

func printError(_ text: String) {
    FileHandle.standardError.write(Data((text + "\n").utf8))
}

func exit(withStatus status: Int32) -> Never { Foundation.exit(status) }
