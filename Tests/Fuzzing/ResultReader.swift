import Atomistics
import DurableFiles
import Foundation
import Handoff
import JobSpec

/// A reader of results for one package with a hydrogen molecule.
///
/// The files of the result are written as one text, in which a line `@@ NAME` begins each file. In the text, `@inputs`
/// stands for the digest of the inputs, and `@NAME` for name, size and checksum of that file; otherwise every changed
/// file would be refused for its checksum.
struct ResultReader {
    static let shared = Result { try ResultReader() }

    private let package: HandoffPackage

    init() throws {
        package = try HandoffPackage(
            HandoffRequest(
                job: "h2", stage: 0, attempt: 1,
                atoms: Atoms(elements: [.hydrogen, .hydrogen], positions: [[0, 0, 0], [0, 0.1, 0.85]]),
                settings: DFTStage(), charge: 0, origin: GeometryOrigin(description: "as given")))
    }

    func readFolder(_ bytes: [UInt8]) throws -> Bool {
        guard let result = try? ReturnedResult(files(bytes), expecting: package.expectation) else {
            return false
        }
        try check(result, "a result folder")
        return true
    }

    func readDropped(_ bytes: [UInt8]) throws -> Bool {
        guard
            let result = try? ReturnedResult(
                dropped: bytes, named: "h2.result.extxyz", expecting: package.expectation)
        else { return false }
        try check(result, "a dropped result")
        return true
    }

    private func check(_ result: ReturnedResult, _ what: String) throws {
        for atoms in [result.final, result.best].compactMap(\.self) {
            guard atoms.elements == [.hydrogen, .hydrogen] else {
                throw FuzzFinding("\(what) with other atoms: \(atoms.elements)")
            }
            guard (atoms.positions + (atoms.forces ?? [])).allSatisfy(\.isFinite), atoms.forces != nil,
                atoms.energy?.isFinite == true
            else { throw FuzzFinding("\(what) with values that are no numbers, or without them") }
        }
        if result.isConverged, result.final == nil {
            throw FuzzFinding("\(what), converged, without a geometry")
        }
    }

    private func files(_ bytes: [UInt8]) -> [ReturnedFile: [UInt8]] {
        var files: [ReturnedFile: [UInt8]] = [:]
        var current: ReturnedFile?
        for line in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            if line.starts(with: Array("@@ ".utf8)) {
                current = ReturnedFile(rawValue: String(decoding: line.dropFirst(3), as: UTF8.self))
                if let current { files[current] = [] }
            } else if let current {
                files[current, default: []] += line + [UInt8(ascii: "\n")]
            }
        }
        let inputs = package.manifest.inputs.hexadecimal
        for (name, content) in files where content.contains(UInt8(ascii: "@")) && name != .done {
            files[name] = replaced(content, [("@inputs", inputs)])
        }
        if let marker = files[.done] {
            let described = ReturnedFile.allCases.filter { $0 != .done }.map { file in
                let content = files[file] ?? []
                return (
                    "\"@\(file.rawValue)\"",
                    "{\"name\":\"\(file.rawValue)\",\"size\":\(content.count),\"sha256\":\"\(Digest(of: content).hexadecimal)\"}"
                )
            }
            files[.done] = replaced(marker, [("@inputs", inputs)] + described)
        }
        return files
    }

    private func replaced(_ bytes: [UInt8], _ pairs: [(String, String)]) -> [UInt8] {
        var rest = bytes[...]
        var result: [UInt8] = []
        outer: while let byte = rest.first {
            for (key, value) in pairs where rest.starts(with: key.utf8) {
                result += value.utf8
                rest.removeFirst(key.utf8.count)
                continue outer
            }
            result.append(byte)
            rest.removeFirst()
        }
        return result
    }
}
