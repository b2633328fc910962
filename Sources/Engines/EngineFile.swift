import Foundation
import YAMLDocument

extension EngineDescription {
    /// Reads the engines of an `aurelax.yaml`; its other keys are ignored.
    ///
    /// - Returns: the engines; nil with a report, each problem with its line and a caret, if there
    ///   is an error.
    public static func read(_ path: String) throws -> (engines: [EngineDescription]?, report: String) {
        let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
        let document = CheckedDocument(bytes, file: path) { $0["engines"].map(problems) ?? [] }
        let folder = URL(fileURLWithPath: path).standardizedFileURL.deletingLastPathComponent().path
        return (
            document.root.map { root in
                root["engines"].map { engines($0).map { $0.resolved(in: folder) } } ?? []
            }, document.report
        )
    }
}

extension [EngineDescription] {
    /// - Throws: ``EngineError/unknown(name:known:)``.
    public func named(_ name: String) throws(EngineError) -> EngineDescription {
        guard let found = first(where: { $0.name == name }) else {
            throw .unknown(name: name, known: map(\.name).sorted())
        }
        return found
    }
}
