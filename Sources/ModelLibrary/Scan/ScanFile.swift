internal import Descriptors
import MinimalLearning
import ThiolateGold
public import YAMLDocument

/// The result of reading a scan: the scan, or the errors in it.
public struct ScanFile: Sendable {
    /// Nil if one of the diagnostics is an error.
    public let scan: Scan?
    public let diagnostics: [Diagnostic]
    /// The diagnostics as text, each with its line and a caret.
    public let report: String

    /// - Parameters:
    ///   - bytes: the scan, YAML.
    ///   - file: the path of the scan; file names in the scan are relative to its folder.
    public init(_ bytes: [UInt8], file: String) {
        let document = CheckedDocument(bytes, file: file) { root in
            ScanSchema.scan.problems(of: root) + Self.sameNames(root)
        }
        (diagnostics, report) = (document.diagnostics, document.report)
        scan = document.root.map { Scan($0, directory: directory(of: file)) }
    }

    private static func sameNames(_ root: YAMLNode) -> [Diagnostic] {
        var seen: Set<String> = []
        return (root["structures"]?.elements ?? []).enumerated().compactMap { k, node in
            guard let name = node["name"], let text = name.text, !seen.insert(text).inserted else {
                return nil
            }
            return Diagnostic(
                code: "duplicate", at: name.mark, width: name.width, keyPath: "structures[\(k)].name",
                message: "the name ‘\(text)’ is already used by another structure")
        }
    }
}

/// Returns the directory of a file, as in its path.
func directory(of file: String) -> String {
    guard let slash = file.lastIndex(of: "/") else { return "." }
    return slash == file.startIndex ? "/" : String(file[..<slash])
}

extension Scan {
    /// - Precondition: the node has passed ``ScanSchema``.
    fileprivate init(_ node: YAMLNode, directory: String) {
        var options = OAMLMOptions()
        options.environment.soap.species =
            node["species"]?.elements?.compactMap(\.text) ?? options.environment.soap.species
        options.normReferences = node["references"]?.integer ?? options.directionReferences
        options.directionReferences = options.normReferences
        options.objective = node["objective"]?.text.flatMap(NormObjective.init) ?? options.objective
        if let solver = node["directions"]?["solver"] { options.readSolver(solver) }
        if let widths = node["directions"]?["sigma2"] { options.readWidths(widths) }
        self.init(
            name: node["name"]?.text ?? "", levelOfTheory: node["level_of_theory"]?.text ?? "",
            structures: node["structures"]?.elements?.map(Structure.init) ?? [],
            grids: node["grids"]?.elements?.map(Grid.init) ?? [], options: options,
            directions: node["directions"] != nil, directory: directory)
    }
}

extension Scan.Structure {
    fileprivate init(_ node: YAMLNode) {
        self.init(
            name: node["name"]?.text ?? "", file: node["file"]?.text ?? "",
            frames: node["frames"]?.elements?.compactMap { $0.text.flatMap(FrameRange.init) })
    }
}

extension Scan.Grid {
    fileprivate init(_ node: YAMLNode) {
        func numbers(_ key: String) -> [Double] { node[key]?.elements?.compactMap(\.number) ?? [] }
        func integers(_ key: String) -> [Int] { node[key]?.elements?.compactMap(\.integer) ?? [] }
        self.init(
            classes: node["classes"]?.elements?.compactMap { $0.text.flatMap(AtomClass.init) }
                ?? AtomClass.allCases,
            rCut: numbers("r_cut"), sigma: numbers("sigma"), nMax: integers("n_max"),
            lMax: integers("l_max"))
    }
}
