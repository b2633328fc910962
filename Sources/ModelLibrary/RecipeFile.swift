import Atomistics
import MinimalLearning
import SOAPPotential
import ThiolateGold
public import YAMLDocument

/// A recipe after reading, or the errors.
public struct RecipeFile: Sendable {
    /// Nil if one of the diagnostics is an error.
    public let recipe: Recipe?
    public let diagnostics: [Diagnostic]
    /// The diagnostics as text, each with its line and a caret.
    public let report: String

    /// - Parameters:
    ///   - bytes: the recipe, YAML.
    ///   - file: its path; relative files are beside it.
    public init(_ bytes: [UInt8], file: String) {
        let document = CheckedDocument(bytes, file: file) { root in
            let problems = RecipeSchema.recipe(kind: root["kind"]?.text).problems(of: root)
            // The other keys can only be checked if the kind is known.
            return RecipeSchema.kinds.contains(root["kind"]?.text ?? "")
                ? problems : problems.filter { $0.code != "unknown-key" }
        }
        (diagnostics, report) = (document.diagnostics, document.report)
        recipe = document.root.map { Recipe($0, directory: directory(of: file)) }
    }
}

extension Recipe {
    /// - Precondition: the node has passed ``RecipeSchema``.
    init(_ node: YAMLNode, directory: String) {
        self = Self.options.read(node)
        self.directory = directory
        switch node["kind"]?.text {
        case OAMLMForceField.kind: method = .oamlm(OAMLMOptions.options.read(node))
        case VectorKernelForceField.kind: method = .vectorKernel(VectorKernelOptions.options.read(node))
        default: method = .soapPotential(SOAPPotentialSettings.options.read(node))
        }
    }
}
