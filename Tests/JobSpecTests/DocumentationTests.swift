import Foundation
import JobSpec
import Testing
import YAMLDocument

/// The tables in docs/job-spec.md agree with the schema.
@Suite struct DocumentationTests {
    @Test("Every key is in the table of the document", arguments: JobSchema.tables)
    func everyKeyStandsInTheTable(name: String, schema: MappingSchema) throws {
        let document = String(decoding: try Project.bytes("docs/job-spec.md"), as: UTF8.self)
        let table = schema.markdown
        #expect(document.contains("\n<!-- \(name) -->\n\(table)\n"), "docs/job-spec.md, \(name):\n\(table)")
    }

    /// A new option changes at most two files of Sources: the one with the key, and the one with the property it sets.
    @Test("The key of an option is in only one file of Sources")
    func keysStandInOneFile() throws {
        let sources = try Project.files("Sources", ".swift").map {
            ($0, String(decoding: try Project.bytes($0), as: UTF8.self))
        }
        #expect(sources.count > 300)
        for key in [
            "start_hessian", "reset_hessian_every", "at_switch", "stop_after_stagnation", "stop_at_cycle",
            "out_of_domain", "allow_bond_changes", "base_first",
        ] {
            #expect(JobSchema.tables.contains { $0.1.keys.contains { $0.name == key } }, "\(key)")
            let files = sources.filter { $0.1.contains("\"\(key)\"") }.map(\.0)
            #expect(files.count == 1, "\(key): \(files)")
        }
    }

    @Test("The example is a valid job") func theExampleIsAJob() throws {
        let document = String(decoding: try Project.bytes("docs/job-spec.md"), as: UTF8.self)
        let blocks = document.components(separatedBy: "```yaml\n").dropFirst()
            .compactMap { $0.components(separatedBy: "```").first }
        #expect(!blocks.isEmpty)
        for block in blocks {
            let read = file(block, name: "example.yaml")
            #expect(read.job != nil && read.report == "", "\(read.report)")
        }
    }

    /// A job gets the documented defaults.
    @Test("The documented defaults are those of a job") func defaultsAreTheOnesThatAJobGets() throws {
        let job = try #require(
            file(
                """
                aurelax: 1
                structure: s.xyz
                stages: [{ml: {}}, {ml: {alternate: [{move: all, steps: 1}]}}, {dft: {}}, {dft: {mode: pw}}, {hybrid: {}},
                  {single-points: {}}, {single-points: {mode: pw}}]
                """
            ).job)
        let root = try #require(YAMLNode.parse(Array(job.yaml.utf8)).root)
        let stages = try #require(root["stages"]?.elements)
        let said = [
            (JobSchema.job, [root]), (MLStage.options.schema, stages.compactMap { $0["ml"] }),
            (DFTStage.options.schema, stages.compactMap { $0["dft"] }),
            (HybridStage.options.schema, stages.compactMap { $0["hybrid"] }),
            (SinglePointsStage.options.schema, stages.compactMap { $0["single-points"] }),
        ]
        for (schema, nodes) in said {
            for key in schema.keys where key.name != "name" && key.name != "mode" {
                guard let text = key.defaultText, !text.contains(" ") else { continue }
                let node = try #require(
                    nodes.compactMap { $0[key.name] }.first, "\(key.name) is not written out")
                let meant = try #require(YAMLNode.parse(Array("v: \(text)".utf8)).root?["v"])
                if let number = meant.number {
                    #expect(node.number == number, "\(key.name)")
                } else if meant.elements?.isEmpty == true {
                    #expect(node.elements?.isEmpty == true, "\(key.name)")
                } else {
                    #expect(node.text == meant.text, "\(key.name)")
                }
            }
        }
    }
}

@Suite struct JSONSchemaTests {
    @Test("The JSON Schema has every key") func itIsJSONWithEveryKey() throws {
        let parsed = try JSONSerialization.jsonObject(with: Data(JobSchema.jsonSchema.utf8))
        let schema = try #require(parsed as? [String: Any])
        let properties = try #require(schema["properties"] as? [String: Any])
        #expect(Set(properties.keys) == Set(JobSchema.job.keys.map(\.name)))
        #expect(schema["required"] as? [String] == ["aurelax", "structure", "stages"])
        #expect(schema["additionalProperties"] as? Bool == false)
        // A default is given as a value if possible; a default that depends on other values is described in words.
        func property(_ name: String) -> [String: Any] { properties[name] as? [String: Any] ?? [:] }
        #expect(property("charge")["default"] as? Int == 0)
        #expect(property("model")["default"] as? String == "auto")
        #expect((property("after")["default"] as? [Any])?.isEmpty == true)
        #expect(property("name")["default"] == nil)
        #expect((property("name")["description"] as? String)?.hasSuffix("without .yaml.") == true)
    }

    /// If the Python of AURELAX_PYTHON has the package jsonschema: the package finds the schema valid, and it accepts
    /// and refuses the same jobs as our reader.
    @Test("Python's jsonschema agrees with the reader", .enabled(if: Python.has("jsonschema")))
    func jsonschemaAgreesWithTheReader() throws {
        let good = try Project.jobs.map { path in
            let template = JobTemplate(String(decoding: try Project.bytes(path), as: UTF8.self), file: path)
            return try template.text(["name": "ring", "structure": "ring.xyz"])
        }
        // A file with placeholders is not a job yet.
        .filter { !$0.contains("${") }
        let head = "aurelax: 1\nstructure: s.xyz\n"
        let cases =
            good + [
                head + "stages: [{ml: {move: [0, 2]}}]\n",
                head + "stages: [{dft: {mode: pw, cutoff: 500}}]\n",
                head + "stages: [{ml: {fmax: 0}}]\n", head + "stages: [{ml: {fmx: 1}}]\n",
                head + "stages: []\n", head + "stages: [{ml: {}}, {single-points: {every: 5, mode: fd}}]\n",
                head + "stages: [{ml: {}}, {single-points: {frames: 1}}]\n",
                head + "stages: [{ml: {}, dft: {}}]\n", head + "stages: [{}]\n",
                head + "stages: [{ml: {move: most}}]\n",
                head + "charge: x\nstages: [{ml: {}}]\n", head + "name: a/b\nstages: [{ml: {}}]\n",
                head + "priority: 1001\nstages: [{ml: {}}]\n",
                "aurelax: 2\nstructure: s.xyz\nstages: [{ml: {}}]\n",
            ]
        let documents = try cases.map { text in
            let root = try #require(YAMLNode.parse(Array(text.utf8)).root)
            return Self.json(root)
        }
        let input = try JSONSerialization.data(withJSONObject: [
            "schema": JSONSerialization.jsonObject(with: Data(JobSchema.jsonSchema.utf8)),
            "documents": documents,
        ])
        let script = """
            import json, sys, jsonschema
            data = json.load(sys.stdin)
            jsonschema.Draft202012Validator.check_schema(data["schema"])
            validator = jsonschema.Draft202012Validator(data["schema"])
            print(json.dumps([validator.is_valid(d) for d in data["documents"]]))
            """
        let output = try Python.run(script, input: input)
        let verdicts = try #require(JSONSerialization.jsonObject(with: output) as? [Bool])
        #expect(verdicts.count == cases.count)
        for (text, verdict) in zip(cases, verdicts) {
            #expect(verdict == (file(text).job != nil), "\(text)")
        }
    }

    private static func json(_ node: YAMLNode) -> Any {
        if let entries = node.entries {
            return Dictionary(uniqueKeysWithValues: entries.map { ($0.key, json($0.value)) })
        }
        if let elements = node.elements { return elements.map(json) }
        if let integer = node.integer { return integer }
        if let number = node.number { return number }
        if let boolean = node.boolean { return boolean }
        return node.text ?? NSNull()
    }
}

enum Python {
    private static let program = ProcessInfo.processInfo.environment["AURELAX_PYTHON"]

    static func has(_ module: String) -> Bool {
        guard program != nil else { return false }
        return (try? run("import \(module); print('yes')", input: Data())).map { !$0.isEmpty } ?? false
    }

    static func run(_ script: String, input: Data) throws -> Data {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program ?? "python3")
        process.arguments = ["-c", script]
        let (stdin, stdout) = (Pipe(), Pipe())
        (process.standardInput, process.standardOutput) = (stdin, stdout)
        process.standardError = FileHandle.nullDevice
        try process.run()
        try stdin.fileHandleForWriting.write(contentsOf: input)
        try stdin.fileHandleForWriting.close()
        let output = try stdout.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return process.terminationStatus == 0 ? output : Data()
    }
}
