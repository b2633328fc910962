import Atomistics
import Foundation
import ModelLibrary
import Testing

@Suite struct ForcePlotTests {
    static let python = ProcessInfo.processInfo.environment["AURELAX_PYTHON"]

    /// Compares the forces of the rings with the same forces after an error of 0.1 eV/Å was added to each component.
    static func comparison() throws -> ForceComparison {
        let frames = try Array(ScratchLibrary.rings()[10..<13])
        var others = frames
        for i in others.indices { others[i].forces = others[i].forces?.map { $0 + 0.1 } }
        return try ForceComparison(others, named: "shifted", on: frames)
    }

    @Test("The plot shows the numbers of the evaluation", .enabled(if: python != nil))
    func drawsWhatTheEvaluationSays() throws {
        let scratch = try ScratchLibrary()
        let comparison = try Self.comparison()
        let paths = try ForcePlots(comparison).draw(
            in: scratch.path + "/figures", python: try #require(Self.python))
        #expect(
            paths.map { URL(fileURLWithPath: $0).lastPathComponent }
                == ["norms.svg", "norms.png", "angles.svg", "angles.png"])
        for path in paths {
            let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
            let start = path.hasSuffix("png") ? Data([0x89, 0x50, 0x4E, 0x47]) : Data("<?xml".utf8)
            #expect(bytes.starts(with: start) && bytes.count > 10_000)
        }
        // The file of numbers has exactly the points of the plot.
        struct Numbers: Decodable {
            struct Panel: Decodable {
                var name: String
                var reference_norm: [Double]
                var norm_rmse: Double
            }
            var classes: [Panel]
        }
        let json = try Data(contentsOf: URL(fileURLWithPath: scratch.path + "/figures/plots.json"))
        let panels = try JSONDecoder().decode(Numbers.self, from: json).classes
        #expect(panels.map(\.name) == ["unit-gold", "S", "C", "H"])
        let evaluation = Evaluation(comparison)
        for panel in panels {
            #expect(panel.norm_rmse == evaluation.rows[panel.name]?.normRMSE)
            #expect(panel.reference_norm == comparison.atoms[panel.name]?.map(\.reference.length))
        }
        // Drawing the same numbers again gives the same picture.
        let first = try Data(contentsOf: URL(fileURLWithPath: paths[0]))
        _ = try ForcePlots(comparison).draw(in: scratch.path + "/figures", python: try #require(Self.python))
        #expect(try Data(contentsOf: URL(fileURLWithPath: paths[0])) == first)
    }

    @Test("The error names a Python without matplotlib") func aPythonThatCannotDrawIsNamed() throws {
        let scratch = try ScratchLibrary()
        let comparison = try Self.comparison()
        let failure = #expect(throws: PlotError.self) {
            try ForcePlots(comparison).draw(in: scratch.path, python: "no-such-python")
        }
        #expect(failure?.description.contains("AURELAX_PYTHON") == true)
    }
}
