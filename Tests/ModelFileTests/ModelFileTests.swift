import DurableFiles
import Foundation
import Fuzzing
import ModelFile
import TestTags
import Testing

@Suite struct ModelFileTests {
    struct Header: Codable, Sendable, Equatable {
        var levelOfTheory: String
        var sigma: Double
        var classes: [String]
    }

    static let header = Header(levelOfTheory: "PBE \"dzp\" å", sigma: 0.1, classes: ["S", "C/H"])

    static func writer(kind: String = "test", value: Double = .pi) -> ModelFileWriter<Header> {
        var writer = ModelFileWriter(kind: kind, name: "small", header: header)
        writer.add("weights", shape: [2, 3], [1, 2, 3, value, -0.0, .infinity])
        writer.add("order", shape: [3], [Int32.min, 0, Int32.max])
        writer.add("empty", shape: [0, 4], [Float]())
        writer.add("single", shape: [], [Float(0.1)])
        writer.add("bytes", shape: [5], [UInt8](250...254))
        return writer
    }

    static func withDirectory(_ body: (String) throws -> Void) throws {
        let directory = FileManager.default.temporaryDirectory.path + "/model-file-\(UUID())"
        try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try body(directory)
    }

    @Test("A model file is written and read unchanged") func roundTrip() throws {
        try Self.withDirectory { directory in
            let path = directory + "/a.aurelax-model"
            let version = try Self.writer().write(to: path)
            let file = try ModelFile(contentsOf: path, kind: "test")
            try file.verify()
            #expect(file.version == version)
            #expect(file.version.count == 64)
            #expect(file.name == "small")
            #expect(try file.header(as: Header.self) == Self.header)
            let weights = try file.float64("weights")
            #expect(weights.shape == [2, 3])
            #expect(
                weights.array.map(\.bitPattern)
                    == [1, 2, 3, .pi, -0.0, .infinity].map(\Double.bitPattern))
            #expect(weights[3] == .pi)
            #expect(try file.int32("order").array == [Int32.min, 0, Int32.max])
            #expect(try file.float32("empty").array.isEmpty)
            #expect(try file.float32("single").array == [0.1])
            #expect(try file.uint8("bytes").array == [250, 251, 252, 253, 254])
            weights.withUnsafeBufferPointer { buffer in
                #expect(UInt(bitPattern: buffer.baseAddress) % 64 == 0)
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory).count == 1)
        }
    }

    @Test("A tensor outlives its file") func tensorOutlivesItsFile() throws {
        try Self.withDirectory { directory in
            let path = directory + "/a"
            try Self.writer().write(to: path)
            let weights = try ModelFile(contentsOf: path).float64("weights")
            try FileManager.default.removeItem(atPath: path)
            #expect(weights.array[2] == 3)
        }
    }

    @Test("The same content gives the same bytes") func sameContentSameBytes() throws {
        try Self.withDirectory { directory in
            let versions = try ["/a", "/b"].map { try Self.writer().write(to: directory + $0) }
            #expect(versions[0] == versions[1])
            #expect(
                FileManager.default.contents(atPath: directory + "/a")
                    == FileManager.default.contents(atPath: directory + "/b"))
            #expect(try Self.writer(value: 3).write(to: directory + "/c") != versions[0])
        }
    }

    @Test("A mapped file can be replaced") func replaceMappedFile() throws {
        try Self.withDirectory { directory in
            let path = directory + "/a"
            try Self.writer(value: 1).write(to: path)
            let old = try ModelFile(contentsOf: path)
            try Self.writer(value: 2).write(to: path)
            #expect(try old.float64("weights")[3] == 1)
            try old.verify()
            #expect(try ModelFile(contentsOf: path).float64("weights")[3] == 2)
        }
    }

    @Test("A file truncated anywhere is refused", .tags(.fault07)) func fault07Truncated() throws {
        try Self.withDirectory { directory in
            let path = directory + "/a"
            try Self.writer().write(to: path)
            let bytes = try #require(FileManager.default.contents(atPath: path))
            for length in bytes.indices {
                try bytes.prefix(length).write(to: URL(fileURLWithPath: path))
                #expect(throws: ModelFileError.self) { try ModelFile(contentsOf: path) }
            }
            try (bytes + Data([0])).write(to: URL(fileURLWithPath: path))
            #expect(
                throws: ModelFileError.wrongLength(
                    path: path, expected: UInt64(bytes.count), actual: UInt64(bytes.count) + 1)
            ) { try ModelFile(contentsOf: path) }
        }
    }

    /// Whatever the bytes, nothing beyond their end is read, and a file that is accepted has the original content.
    @Test("Mutated model files are refused, never fatal", .tags(.fault07)) func fault07MutatedFiles() throws {
        try Self.withDirectory { directory in
            let path = directory + "/a"
            try Self.writer().write(to: path)
            let original = Array(try #require(FileManager.default.contents(atPath: path)))
            for bytes in Mutations(
                of: [original], tokens: ["\0\0\0\0", "weights", "\u{7F}"], seed: 7, quick: 1500)
            {
                try Data(bytes).write(to: URL(fileURLWithPath: path))
                guard let file = try? ModelFile(contentsOf: path) else { continue }
                let isWhole = (try? file.verify()) != nil
                #expect(!isWhole || bytes == original)
            }
        }
    }

    @Test("Every flipped bit is detected", .tags(.fault07)) func fault07FlippedBits() throws {
        try Self.withDirectory { directory in
            let path = directory + "/a"
            try Self.writer().write(to: path)
            let bytes = try #require(FileManager.default.contents(atPath: path))
            for i in bytes.indices {
                var flipped = bytes
                flipped[i] ^= 1 << (i % 8)
                try flipped.write(to: URL(fileURLWithPath: path))
                #expect(throws: ModelFileError.self, "byte \(i)") {
                    try ModelFile(contentsOf: path).verify()
                }
            }
        }
    }

    @Test("Another format, kind or tensor is refused") func otherFormatKindAndTensor() throws {
        try Self.withDirectory { directory in
            let path = directory + "/a"
            try Self.writer().write(to: path)
            #expect(throws: ModelFileError.wrongKind(path: path, found: "test", expected: "oamlm")) {
                try ModelFile(contentsOf: path, kind: "oamlm")
            }
            let file = try ModelFile(contentsOf: path)
            #expect(throws: ModelFileError.missingTensor(path: path, name: "nothing")) {
                try file.float64("nothing")
            }
            #expect(
                throws: ModelFileError.wrongTensor(
                    path: path, name: "order", found: "int32", expected: "float64")
            ) { try file.float64("order") }
            #expect {
                try file.header(as: [Int].self)
            } throws: { ($0 as? ModelFileError)?.description.contains("header") == true }

            var bytes = try #require(FileManager.default.contents(atPath: path))
            bytes[8] = 2
            try bytes.write(to: URL(fileURLWithPath: path))
            #expect(
                throws: ModelFileError.unsupportedFormat(path: path, found: 2, supported: 1)
            ) { try ModelFile(contentsOf: path) }
            try Data("#!/bin/sh\n".utf8).write(to: URL(fileURLWithPath: path))
            #expect(throws: ModelFileError.notAModelFile(path: path)) {
                try ModelFile(contentsOf: path)
            }
            #expect(throws: ModelFileError.notAModelFile(path: directory)) {
                try ModelFile(contentsOf: directory)
            }
        }
    }

    @Test("A missing file and a directory without write permission are reported") func fileErrors() throws {
        try Self.withDirectory { directory in
            let error = #expect(throws: ModelFileError.self) {
                try ModelFile(contentsOf: directory + "/none")
            }
            #expect(error?.description == "\(directory)/none: open: No such file or directory")
            #expect(throws: FileError.self) {
                try Self.writer().write(to: directory + "/missing/a")
            }
        }
    }
}
