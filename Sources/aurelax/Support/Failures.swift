import ArgumentParser
import DurableFiles
import ForeignStructures
import Foundation
import ModelFile
import ModelLibrary
import Workflow

/// An error that a command reports itself, with its exit status.
struct CommandError: Error {
    var status: ExitStatus
    var message: String
    /// Whether the message begins with the file that is wrong and a severity, as diagnostics do.
    var hasPlace = false

    init(_ status: ExitStatus, _ message: String, hasPlace: Bool = false) {
        (self.status, self.message, self.hasPlace) = (status, message, hasPlace)
    }

    /// An error in a file.
    init(in file: String, _ problem: String) {
        self.init(.failed, "\(file): error: \(problem)", hasPlace: true)
    }
}

/// Returns the exit status for an error; nil if the argument parser explains the error.
func exitStatus(of error: any Error) -> ExitStatus? {
    switch error {
    case let error as CommandError: return error.status
    case let error as WorkflowError: return error.exitStatus
    case let error as FileError: return error.isFatal ? .disk : .resource
    case is ModelFileError, is ModelLibraryError: return .noModel
    default: return String(reflecting: type(of: error)).hasPrefix("ArgumentParser.") ? nil : .failed
    }
}

/// Returns one line for the user; a text with its own place and severity is unchanged.
func errorText(of error: any Error) -> String {
    let text =
        switch error {
        case let error as CommandError: error.message
        case let error as any CustomStringConvertible: error.description
        default: error.localizedDescription
        }
    let hasPlace =
        switch error {
        case let error as CommandError: error.hasPlace
        case WorkflowError.configuration, is StructureConversionError: true
        default: false
        }
    return hasPlace ? text : "aurelax: error: \(text)"
}

func printError(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }

func endProcess(status: Int32) -> Never { Foundation.exit(status) }

/// Returns JSON for scripts: keys in alphabetical order, dates in ISO 8601.
func jsonText(_ value: some Encodable) throws -> String {
    String(decoding: try JSONEncoder.answer.encode(value), as: UTF8.self)
}

/// Reads a file that the user named.
func bytes(of path: String) throws -> [UInt8] {
    guard let data = FileManager.default.contents(atPath: path) else {
        throw CommandError(.failed, "\(path): cannot be read")
    }
    return Array(data)
}
