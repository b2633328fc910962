import Testing
import YAMLDocument

/// Hints that name the most likely meaning.
@Suite struct HintTests {
    static let stage = MappingSchema(
        [
            KeySchema(
                "ml", .mapping(MappingSchema([KeySchema("max_steps", .integer(0...99), "Steps.")])), "ML."),
            KeySchema(
                "dft",
                .mapping(
                    MappingSchema([
                        KeySchema("h", .number(0...1, open: true), "Spacing."),
                        KeySchema("hessian", .boolean, "Hessian."),
                        KeySchema("maxstep", .number(0...1), "Step."),
                        KeySchema("max_steps", .integer(0...9999), "Steps."),
                    ])), "DFT."),
        ], isChoice: true)
    static let schema = MappingSchema([
        KeySchema("version", .integer(1...1), "Version."),
        KeySchema("stages", .list(.mapping(stage), count: 1...3), "Stages."),
    ])

    @Test(
        "Syntax errors give hints",
        arguments: [
            ("version: '1'", "remove the quotation marks"),
            ("version: 1.0", "write 1"),
            ("version: 1e0", "write 1"),
            ("version: one", nil),
            ("version: 2", nil),
            ("stages: [{dft: {h: '0.2'}}]", "remove the quotation marks"),
            ("stages: [{dft: {h: 1d-1}}]", "write 0.1"),
            ("stages: [{dft: {h: \"0,2\"}}]", "write 0.2"),
            ("stages: [{dft: {h: 0.2 Å}}]", "write the number without its unit: 0.2"),
            ("stages: [{dft: {h: 0.2A}}]", "write the number without its unit: 0.2"),
            ("stages: [{dft: {h: .nan}}]", nil),
            ("stages: [{dft: {hessian: on}}]", "write true"),
            ("stages: [{dft: {hessian: No}}]", "write false"),
            ("stages: [{dft: {hessian: 'true'}}]", "remove the quotation marks"),
            ("stages: [{dft: {max_steps: 1_000}}]", "write 1000"),
            ("stages: [{ml: }]", "to use its defaults, write ‘ml: {}’"),
            ("stages: [ml]", "to use its defaults, write ‘ml: {}’"),
            ("stages: ml", "write a list in brackets, or one element per line after ‘- ’"),
            ("stages: [{dft: {hesian: true}}]", "did you mean ‘hessian’?"),
            ("stages: [{dft: {maxsteps: 1}}]", "did you mean ‘maxstep’ or ‘max_steps’?"),
            ("h: 0.2", "‘h’ is a key of ‘stages[].dft’"),
            ("max_steps: 5", "‘max_steps’ is a key of ‘stages[].ml’ and ‘stages[].dft’"),
            ("stages: [{ml: {h: 0.2}}]", "‘h’ is a key of ‘stages[].dft’"),
            ("stages: [{ml: {version: 1}}]", "‘version’ is a key of the file itself"),
            ("stages: [{mll: {}}]", "did you mean ‘ml’?"),
            ("nothing-like-it: 1", "keys allowed here: version, stages"),
        ] as [(String, String?)])
    func hint(text: String, hint: String?) throws {
        let node = try #require(root(text))
        let problems = Self.schema.problems(of: node)
        #expect(problems.count == 1, "\(report(text, Self.schema))")
        #expect(problems.first?.hint == hint, "\(report(text, Self.schema))")
    }

    @Test("Values are quoted in full or cut") func valuesAreQuotedInFullOrCut() throws {
        let long = String(repeating: "x", count: 5000)
        #expect(report("version: \(long)", Self.schema).utf8.count < 600)
        #expect(report("\(String(repeating: "k", count: 900)): 1", Self.schema).utf8.count < 600)
        #expect(report("? \(long)\n: 1", Self.schema).utf8.count < 600)
        #expect(report("version: '2 '", Self.schema).contains("found the text ‘2 ’"))
    }
}
