import Atomistics
import MinimalLearning
import SOAPPotential
import ThiolateGold
public import YAMLDocument

/// The result of reading a recipe: the recipe, or the errors in it.
public struct RecipeFile: Sendable {
    /// Nil if one of the diagnostics is an error.
    public let recipe: Recipe?
    public let diagnostics: [Diagnostic]
    /// The diagnostics as text, each with its line and a caret.
    public let report: String

    /// - Parameters:
    ///   - bytes: the recipe, YAML.
    ///   - file: the path of the recipe; file names in the recipe are relative to its folder.
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

/// The schema of `recipe.yaml`. Options are declared in `RecipeTables.swift`.
public enum RecipeSchema {
    /// Returns the schema of the recipes of a kind; for an unknown kind it has the keys that all kinds share.
    public static func recipe(kind: String?) -> MappingSchema {
        MappingSchema(Recipe.options.schema.keys + (options(ofKind: kind)?.keys ?? []))
    }

    /// Returns the options that only this kind of model has; nil if the kind is unknown.
    public static func options(ofKind kind: String?) -> MappingSchema? {
        switch kind {
        case SOAPPotential.fileKind: SOAPPotentialSettings.options.schema
        case OAMLMForceField.kind: OAMLMOptions.options.schema
        case VectorKernelForceField.kind: VectorKernelOptions.options.schema
        default: nil
        }
    }

    public static let kinds = [
        SOAPPotential.fileKind, OAMLMForceField.kind, VectorKernelForceField.kind,
    ]

    /// The tables of the documentation, by name: first the keys that all kinds share, then the keys of each kind.
    public static var tables: [(String, MappingSchema)] {
        MappingSchema(Recipe.options.schema.keys).tables(named: "recipe")
            + kinds.flatMap { kind in options(ofKind: kind)?.tables(named: kind) ?? [] }
    }

    /// Returns the JSON Schema (2020-12) of the recipes of a kind.
    public static func jsonSchema(kind: String) -> String {
        recipe(kind: kind).jsonSchema(
            title: "aurelax recipe (\(kind))", id: "https://aurelax.invalid/schema/recipe-\(kind)-1.json")
    }

    static let ranges = ValueSchema.list(
        .text { text in
            FrameRange(text) == nil
                ? TextProblem(
                    "‘\(text)’ is not a range of frames", hint: "write start:end, start:end:step or one index"
                )
                : nil
        })

    static let name = ValueSchema.text(check: checkName)

    @Sendable static func checkName(_ text: String) -> TextProblem? {
        let isName =
            !text.isEmpty && text.utf8.count <= 100
            && text.utf8.allSatisfy {
                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.".utf8.contains($0)
            } && !text.hasPrefix(".") && !text.hasPrefix("-")
        return isName
            ? nil
            : TextProblem(
                "‘\(text)’ cannot be the name of a model",
                hint: "letters, digits, ‘-’, ‘_’ and ‘.’, beginning with a letter or digit")
    }

    static let length = ValueSchema.number(0...100, open: true)

    /// Returns the schema of a mapping with one value per element, and with a default for all others if requested.
    static func byElement(_ value: ValueSchema, withDefault: Bool = false) -> ValueSchema {
        .mapping(
            MappingSchema(
                (withDefault ? [KeySchema("default", value, "For every element not named.")] : [])
                    + (1...118).compactMap { Element(atomicNumber: $0)?.symbol }.map {
                        KeySchema($0, value, $0)
                    }))
    }

    /// Returns the values of a mapping with their elements; the element is nil for `default`.
    static func values<Value>(
        of node: YAMLNode, _ value: (YAMLNode) -> Value?
    ) -> [(symbol: String?, Value)] {
        (node.entries ?? []).compactMap { entry in
            value(entry.value).map { (entry.key == "default" ? nil : entry.key, $0) }
        }
    }

    static let element = ValueSchema.text(check: checkElement)

    @Sendable static func checkElement(_ text: String) -> TextProblem? {
        Element(symbol: text) == nil ? TextProblem("‘\(text)’ is not an element") : nil
    }

    static let solver = ValueSchema.text { text in
        DirectionSolver(text) == nil
            ? TextProblem(
                "‘\(text)’ is not a method for directions",
                hint: "paper-eq17, least-squares, ridge:0.2, sphere or numeric:0.25") : nil
    }

    static func byClass(_ value: ValueSchema) -> ValueSchema {
        .mapping(
            MappingSchema(
                [KeySchema("default", value, "For every class not named.")]
                    + AtomClass.allCases.map { KeySchema($0.rawValue, value, $0.rawValue) }))
    }
}
