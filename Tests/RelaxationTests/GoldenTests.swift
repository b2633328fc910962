import Atomistics
import Foundation
import Relaxation
import Testing

/// Compares our optimisers with runs of ASE's; `Golden/generate.py` made them.
@Suite struct GoldenTests {
    private struct Steps: Decodable {
        struct Frame: Decodable {
            let positions: [[Double]]
            let energy: Double
            let fmax: Double
        }
        let runs: [String: [Frame]]
    }

    private static func golden(_ name: String) throws -> Data {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        return try Data(contentsOf: folder.appendingPathComponent("Golden/\(name)"))
    }

    private static let settings: [String: RelaxationSettings] = [
        "bfgs": .init(.bfgs),
        "bfgs-small-steps": .init(.bfgs, maxStep: 0.02),
        "bfgs-fixed-atoms": .init(.bfgs) { $0.movable = [false, true, true, true, false, true, true] },
        "bfgs-fixed-coordinates": .init(.bfgs) {
            $0.movable = [false, true, true, true, true, true, true]
            $0.fixedCoordinates = [1 * 3 + 2, 4 * 3 + 0, 4 * 3 + 1]
        },
        "lbfgs": .init(.lbfgs),
        "fire": .init(.fire),
        "fire2": .init(.fire2),
        "bfgs-alternating": .init(.bfgs) {
            let core = [true, true, true, true, false, false, false]
            $0.alternation = Alternation(
                segments: [.init(movable: core, steps: 3), .init(movable: core.map { !$0 }, steps: 2)],
                rounds: 3)
            $0.atSwitch = .literal
        },
    ]

    @Test("The steps are those of ASE", arguments: settings.keys.sorted())
    func stepsAreThoseOfASE(_ name: String) throws {
        let steps = try JSONDecoder().decode(Steps.self, from: try Self.golden("steps.json"))
        let frames = try #require(steps.runs[name])
        #expect(frames.count >= 11)
        var settings = try #require(Self.settings[name])
        settings.fmax = 1e-9
        var relaxer = Relaxer(.sevenMorse, forceField: PairField.morse, settings: settings)
        for (step, expected) in frames.enumerated() {
            try #require(relaxer.status == .running)
            let frame = try relaxer.advance()
            #expect(frame.step == step)
            for (position, row) in zip(frame.atoms.positions, expected.positions) {
                #expect((position - SIMD3(row)).length < 1e-10, "step \(step)")
            }
            #expect(abs((frame.prediction.energy ?? .nan) - expected.energy) < 1e-10, "step \(step)")
            #expect(abs(frame.segmentFmax - expected.fmax) < 1e-10, "step \(step)")
        }
        if name == "bfgs-alternating" { #expect(relaxer.status == .stepLimit) }
    }

    @Test("Logs are identical to those of ASE") func logsMatchASE() throws {
        let expected = String(decoding: try Self.golden("optimizer.log"), as: UTF8.self)
        let clock = Calendar.current.startOfDay(for: Date()).addingTimeInterval(45296)  // 12:34:56
        var text = ""
        for hasEnergy in [true, false] {
            for kind in [OptimizerKind.bfgs, .lbfgs, .fire2] {
                var field = PairField.morse
                field.hasEnergy = hasEnergy
                let log = OptimizerLog(kind)
                text += log.header
                var relaxer = Relaxer(
                    .sevenMorse, forceField: field, settings: .init(kind, fmax: 1e-9, maxSteps: 2))
                while relaxer.status == .running {
                    let frame = try relaxer.advance()
                    text += log.line(
                        step: frame.step, energy: frame.prediction.energy, fmax: frame.fmax, at: clock)
                }
            }
        }
        #expect(text == expected)
    }

    @Test("Log lines have the documented format") func logLines() {
        let log = OptimizerLog(.bfgs)
        let noon = Calendar.current.startOfDay(for: Date()).addingTimeInterval(12 * 3600)
        #expect(log.header == "      Step     Time          Energy          fmax\n")
        #expect(
            log.line(step: 0, energy: -123.456789, fmax: 1.234567, at: noon)
                == "BFGS:    0 12:00:00     -123.456789        1.234567\n")
        #expect(
            log.line(step: 1200, energy: nil, fmax: .nan, at: noon)
                == "BFGS:  1200 12:00:00             nan             nan\n")
    }
}
