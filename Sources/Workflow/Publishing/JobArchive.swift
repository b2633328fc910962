internal import DurableFiles
public import Foundation
internal import JobSpec
public import SystemPackage
internal import YAMLDocument

/// Jobs as one folder that explains and checks itself: an RO-Crate (https://w3id.org/ro/crate/1.1) as the
/// payload of a BagIt bag (RFC 8493). Repositories such as Zenodo and Materials Cloud accept it unchanged,
/// and NOMAD reads the files of GPAW in it.
public struct JobArchive: Sendable {
    /// A model that jobs used.
    public struct Model: Sendable {
        public var name: String
        public var version: String
        public var levelOfTheory: String
        /// Files to add, which say how the model was trained, and its licence.
        public var files: [FilePath]
        /// The licence in words or as an SPDX identifier.
        public var licence: String

        public init(name: String, version: String, levelOfTheory: String, files: [FilePath], licence: String)
        {
            (self.name, self.version, self.levelOfTheory) = (name, version, levelOfTheory)
            (self.files, self.licence) = (files, licence)
        }
    }

    /// Metadata that the user gives.
    public struct Description: Sendable {
        public var title: String
        public var authors: [String] = []
        /// SPDX identifier of the results' licence; nil if it is not stated.
        public var licence: String?
        /// Version of aurelax.
        public var version: String
        public var date = Date()

        public init(title: String, version: String) { (self.title, self.version) = (title, version) }
    }

    public struct Entry: Sendable {
        public var path: String
        public var bytes: Int
        public var sha256: String
    }

    /// The files below `data/`.
    public private(set) var entries: [Entry] = []

    private let folder: URL

    /// Writes the archive into a new folder.
    ///
    /// - Parameters:
    ///   - path: path of the folder, which must not exist yet.
    ///   - names: names of jobs of the spool.
    /// - Throws: ``WorkflowError``, and errors of the disk.
    public init(
        _ names: [String], of client: SpoolClient, at path: FilePath, _ description: Description,
        models: (_ name: String, _ version: String) -> Model?
    ) throws {
        folder = URL(fileURLWithPath: path.string)
        guard !FileManager.default.fileExists(atPath: folder.path) else {
            throw WorkflowError.notAllowed("\(path) exists already")
        }
        let rows = try client.rows(of: names)
        let stages = try names.map { name in
            try client.withStore { store in try store.stages(of: client.record(name).id) }
        }
        try FileManager.default.createDirectory(
            at: folder.appendingPathComponent("data"), withIntermediateDirectories: true)
        for name in names {
            let job = client.spool.folder(ofJob: name)
            guard FileManager.default.fileExists(atPath: job.string) else {
                throw WorkflowError.notAllowed("\(name): its folder is not in the outbox")
            }
            try copy(URL(fileURLWithPath: job.string), to: "jobs/\(name)")
        }
        var used: [Model] = []
        for report in stages.joined().map(\.report) where report.kind == .ml {
            guard !used.contains(where: { $0.version == report.version }) else { continue }
            let model =
                models(report.method, report.version)
                ?? Model(
                    name: report.method, version: report.version, levelOfTheory: report.levelOfTheory,
                    files: [],
                    licence: "not stated")
            used.append(model)
            for file in model.files {
                guard let name = file.lastComponent?.string,
                    let bytes = FileManager.default.contents(atPath: file.string)
                else { continue }
                try add(bytes, as: "models/\(model.name)/\(name)")
            }
        }
        try add(Data(Self.citation(description, names).utf8), as: "CITATION.cff")
        try add(try Self.table(rows), as: "results.csv")
        try add(
            try crate(description, rows, zip(names, stages).map { ($0, $1) }, used),
            as: "ro-crate-metadata.json")
        try writeTags(description)
    }

    // MARK: Payload

    /// Copies regular files; hidden files and links are left out.
    private mutating func copy(_ source: URL, to path: String) throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: source.path).sorted()
        where !name.hasPrefix(".") {
            let file = source.appendingPathComponent(name)
            switch try FileManager.default.attributesOfItem(atPath: file.path)[.type] as? FileAttributeType {
            case .typeDirectory?: try copy(file, to: "\(path)/\(name)")
            case .typeRegular?:
                guard let bytes = FileManager.default.contents(atPath: file.path) else {
                    throw WorkflowError.notAllowed("\(file.path) cannot be read")
                }
                try add(bytes, as: "\(path)/\(name)")
            default: continue
            }
        }
    }

    private mutating func add(_ bytes: Data, as path: String) throws {
        let file = folder.appendingPathComponent("data/\(path)")
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try bytes.write(to: file)
        entries.append(Entry(path: path, bytes: bytes.count, sha256: Digest(of: Array(bytes)).hexadecimal))
    }

    private static func table(_ rows: [JobRow]) throws -> Data {
        func quoted(_ text: String) -> String {
            text.contains { $0 == "," || $0 == "\"" || $0.isNewline }
                ? "\"\(text.replacing("\"", with: "\"\""))\"" : text
        }
        let head = JobRow.columns.map { name in JobRow.unit(of: name).map { "\(name) (\($0))" } ?? name }
        let lines = [head] + rows.map { row in JobRow.columns.map(row.text) }
        return Data(lines.map { $0.map(quoted).joined(separator: ",") + "\n" }.joined().utf8)
    }

    private static func citation(_ description: Description, _ names: [String]) -> String {
        let quoted = YAMLScalar.quoted
        let authors = description.authors.isEmpty ? ["not stated"] : description.authors
        var text = """
            cff-version: 1.2.0
            message: "If you use these data, please cite them as below."
            type: dataset
            title: \(quoted(description.title))
            abstract: \(quoted("Relaxations of \(names.joined(separator: ", ")) by aurelax \(description.version)."))
            date-released: \(description.date.formatted(.iso8601.year().month().day()))
            authors:

            """
        for author in authors {
            let parts = author.split(separator: ",", maxSplits: 1).map {
                $0.trimmingCharacters(in: .whitespaces)
            }
            text +=
                parts.count == 2
                ? "  - family-names: \(quoted(parts[0]))\n    given-names: \(quoted(parts[1]))\n"
                : "  - name: \(quoted(author))\n"
        }
        if let licence = description.licence { text += "license: \(quoted(licence))\n" }
        text += """
            references:
              - type: software
                title: aurelax
                version: \(quoted(description.version))
                authors: [{name: "aurelax contributors"}]
              - type: article
                title: "GPAW: An open Python package for electronic structure calculations"
                doi: 10.1063/5.0182685
                authors: [{family-names: Mortensen, given-names: J. J.}]
              - type: article
                title: "The atomic simulation environment—a Python library for working with atoms"
                doi: 10.1088/1361-648X/aa680e
                authors: [{family-names: Larsen, given-names: A. H.}]

            """
        return text
    }

    // MARK: RO-Crate

    /// A value of JSON-LD.
    private indirect enum Value: Encodable {
        case text(String)
        case number(Double)
        case reference(String)
        case list([Value])

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            switch self {
            case .text(let text): try container.encode(text)
            case .number(let number): try container.encode(number)
            case .reference(let id): try container.encode(["@id": id])
            case .list(let values): try container.encode(values)
            }
        }
    }

    private struct Crate: Encodable {
        let context = "https://w3id.org/ro/crate/1.1/context"
        let graph: [[String: Value]]

        enum CodingKeys: String, CodingKey {
            case context = "@context"
            case graph = "@graph"
        }
    }

    private func crate(
        _ description: Description, _ rows: [JobRow], _ stages: [(name: String, stages: [StageRecord])],
        _ models: [Model]
    ) throws -> Data {
        var graph: [[String: Value]] = [
            [
                "@id": .text("ro-crate-metadata.json"), "@type": .text("CreativeWork"),
                "about": .reference("./"), "conformsTo": .reference("https://w3id.org/ro/crate/1.1"),
            ]
        ]
        let paths = entries.map(\.path)
        var root: [String: Value] = [
            "@id": .text("./"), "@type": .text("Dataset"), "name": .text(description.title),
            "description": .text(
                rows.map { "\($0.name): \($0.formula ?? "?"), \($0.state.rawValue): \($0.verdict)" }
                    .joined(separator: "; ")),
            "datePublished": .text(description.date.formatted(.iso8601.year().month().day())),
            "hasPart": .list(
                (rows.map { "jobs/\($0.name)/" } + paths.filter { !$0.hasPrefix("jobs/") }).map {
                    .reference(Self.id($0))
                }),
            "license": .text(description.licence ?? "not stated"),
            "author": .list(description.authors.indices.map { .reference("#author-\($0 + 1)") }),
        ]
        if description.authors.isEmpty { root["author"] = nil }
        graph.append(root)
        for (place, author) in description.authors.enumerated() {
            graph.append([
                "@id": .text("#author-\(place + 1)"), "@type": .text("Person"), "name": .text(author),
            ])
        }
        for row in rows {
            let own = paths.filter { $0.hasPrefix("jobs/\(row.name)/") }
            graph.append([
                "@id": .text(Self.id("jobs/\(row.name)/")), "@type": .text("Dataset"),
                "name": .text("\(row.name): \(row.formula ?? "")"), "description": .text(row.verdict),
                "hasPart": .list(own.map { .reference(Self.id($0)) }),
            ])
        }
        for entry in entries {
            graph.append([
                "@id": .text(Self.id(entry.path)), "@type": .text("File"),
                "contentSize": .text("\(entry.bytes)"), "sha256": .text(entry.sha256),
                "encodingFormat": .text(Self.mediaType(entry.path)),
            ])
        }
        var software: [String: [String: Value]] = [
            "#aurelax": [
                "@id": .text("#aurelax"), "@type": .text("SoftwareApplication"), "name": .text("aurelax"),
                "version": .text(description.version), "license": .text("Apache-2.0"),
            ]
        ]
        for model in models {
            software["#model-\(model.version)"] = [
                "@id": .text("#model-\(model.version)"), "@type": .text("SoftwareApplication"),
                "name": .text(model.name), "version": .text(model.version), "license": .text(model.licence),
                "description": .text("machine-learning force field, trained on \(model.levelOfTheory)"),
            ]
        }
        for (name, ended) in stages {
            for stage in ended {
                let report = stage.report
                let instrument =
                    report.kind == .ml
                    ? "#model-\(report.version)" : Self.id("#\(report.method) \(report.version)")
                if software[instrument] == nil {
                    software[instrument] = [
                        "@id": .text(instrument), "@type": .text("SoftwareApplication"),
                        "name": .text(report.method),
                        "version": .text(report.version),
                    ]
                }
                graph.append([
                    "@id": .text("#\(name)-stage-\(stage.stage + 1)-\(stage.attempt)"),
                    "@type": .text("CreateAction"),
                    "name": .text("stage \(stage.stage + 1) of \(name), \(report.kind.rawValue)"),
                    "description": .text("\(report.verdict.text); \(report.levelOfTheory)"),
                    "instrument": .list([.reference(instrument), .reference("#aurelax")]),
                    "endTime": .text(timestamp(stage.ended)),
                    "object": .reference(Self.id("jobs/\(name)/job.yaml")),
                    "result": .reference(Self.id("jobs/\(name)/")),
                ])
            }
        }
        graph += software.sorted { $0.key < $1.key }.map(\.value)
        return Data(try json(Crate(graph: graph)))
    }

    /// Returns a relative URI for a path.
    private static func id(_ path: String) -> String {
        path.addingPercentEncoding(withAllowedCharacters: .urlPathAllowed.union(["#"])) ?? path
    }

    private static func mediaType(_ path: String) -> String {
        switch path.split(separator: ".").last.map(String.init) {
        case "json": "application/json"
        case "jsonl": "application/jsonl"
        case "yaml", "cff": "application/yaml"
        case "html": "text/html"
        case "csv": "text/csv"
        case "xyz", "extxyz": "chemical/x-xyz"
        case "svg": "image/svg+xml"
        case "py": "text/x-python"
        case "npy": "application/octet-stream"
        default: "text/plain"
        }
    }

    // MARK: BagIt

    private func writeTags(_ description: Description) throws {
        let payload = entries.sorted { $0.path < $1.path }
        let octets = payload.reduce(0) { $0 + $1.bytes }
        let tags = [
            ("bagit.txt", "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"),
            (
                "bag-info.txt",
                """
                Bag-Software-Agent: aurelax \(description.version)
                Bagging-Date: \(description.date.formatted(.iso8601.year().month().day()))
                External-Description: \(description.title.replacing(/\s+/, with: " "))
                Payload-Oxum: \(octets).\(payload.count)

                """
            ),
            (
                "manifest-sha256.txt",
                payload.map { "\($0.sha256)  \(Self.escaped("data/\($0.path)"))\n" }.joined()
            ),
        ]
        for (name, text) in tags { try Data(text.utf8).write(to: folder.appendingPathComponent(name)) }
        let sums = tags.map { "\(Digest(of: Array($1.utf8)))  \($0)\n" }.joined()
        try Data(sums.utf8).write(to: folder.appendingPathComponent("tagmanifest-sha256.txt"))
    }

    private static func escaped(_ path: String) -> String {
        path.replacing("%", with: "%25").replacing("\n", with: "%0A").replacing("\r", with: "%0D")
    }
}

/// Result of the check of an archive: its problems, or its size.
public struct ArchiveCheck: Sendable {
    public private(set) var problems: [String] = []
    /// Number of files in the payload, and their size in bytes.
    public private(set) var files = 0
    public private(set) var bytes = 0

    /// Reads every file of a bag.
    ///
    /// - Parameter folder: the folder of the archive, with `bagit.txt`.
    public init(_ folder: FilePath) {
        let root = URL(fileURLWithPath: folder.string)
        guard let head = try? String(contentsOf: root.appendingPathComponent("bagit.txt"), encoding: .utf8),
            head.hasPrefix("BagIt-Version:")
        else {
            problems.append("there is no bagit.txt, so this is not an archive of `aurelax archive`")
            return
        }
        let tags = check(manifest: "tagmanifest-sha256.txt", in: root)
        let payload = check(manifest: "manifest-sha256.txt", in: root)
        if tags.isEmpty { problems.append("tagmanifest-sha256.txt lists nothing") }
        (files, bytes) = (payload.count, payload.values.reduce(0, +))
        for path in Self.paths(beneath: root.appendingPathComponent("data"), "data")
        where payload[path] == nil {
            problems.append("\(path) is not in the manifest")
        }
        let info =
            (try? String(contentsOf: root.appendingPathComponent("bag-info.txt"), encoding: .utf8)) ?? ""
        if let oxum = info.firstMatch(of: /Payload-Oxum: ([0-9]+\.[0-9]+)/)?.1, oxum != "\(bytes).\(files)",
            problems.isEmpty
        {
            problems.append(
                "bag-info.txt counts \(oxum) (bytes.files), but the payload has \(bytes).\(files)")
        }
    }

    /// Checks the files that a manifest of the bag lists.
    ///
    /// - Returns: sizes of the files that are listed, by their paths.
    private mutating func check(manifest: String, in root: URL) -> [String: Int] {
        guard let text = try? String(contentsOf: root.appendingPathComponent(manifest), encoding: .utf8)
        else {
            problems.append("\(manifest) is missing")
            return [:]
        }
        var sizes: [String: Int] = [:]
        for (number, line) in text.split(separator: "\n").enumerated() {
            let words = line.split(separator: " ", maxSplits: 1)
            guard words.count == 2, let digest = Digest(hexadecimal: String(words[0])) else {
                problems.append("\(manifest):\(number + 1): a digest and a path are expected")
                continue
            }
            let path = words[1].drop { $0 == " " || $0 == "*" }.replacing("%0A", with: "\n").replacing(
                "%0D", with: "\r"
            )
            .replacing("%25", with: "%")
            guard !path.hasPrefix("/"), !path.split(separator: "/").contains("..") else {
                problems.append("\(manifest):\(number + 1): \(path) leads out of the archive")
                continue
            }
            sizes[String(path)] = 0
            guard
                let bytes = FileManager.default.contents(
                    atPath: root.appendingPathComponent(String(path)).path)
            else {
                problems.append("\(path) is missing")
                continue
            }
            sizes[String(path)] = bytes.count
            if Digest(of: Array(bytes)) != digest {
                problems.append("\(path) was changed (its SHA-256 differs)")
            }
        }
        return sizes
    }

    private static func paths(beneath folder: URL, _ prefix: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []).sorted().flatMap {
            name -> [String] in
            let place = folder.appendingPathComponent(name)
            var isFolder: ObjCBool = false
            let isThere = FileManager.default.fileExists(atPath: place.path, isDirectory: &isFolder)
            return isThere && isFolder.boolValue
                ? paths(beneath: place, "\(prefix)/\(name)") : ["\(prefix)/\(name)"]
        }
    }
}
