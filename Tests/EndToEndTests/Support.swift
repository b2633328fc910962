import Foundation
import Testing

/// What these tests require; `make test` provides it.
enum Available {
    /// The Python environment with ASE, GPAW and tblite.
    static let python =
        ProcessInfo.processInfo.environment["AURELAX_PYTHON"]
        .map { FileManager.default.isExecutableFile(atPath: $0) } ?? false
    /// Whether slow tests run; they need trained models.
    static let slow = ProcessInfo.processInfo.environment["AURELAX_SLOW_TESTS"] == "1"
}

/// A job with a distorted (AuSCH3)3 ring, which is small enough for a test and within the domain of the shipped model.
let smallJob = """
    aurelax: 1
    name: small
    structure: small.xyz
    stages:
      - ml: {fmax: 0.1, max_steps: 200}
      - dft: {engine: tblite, fmax: 0.2, max_steps: 60}

    """

extension Spool {
    /// Builds the ring that `smallJob` names, and drops the job before the ring, so that the daemon has to wait for the
    /// structure.
    ///
    /// - Parameter amplitude: largest displacement of a coordinate, Å.
    func dropSmallJob(
        _ text: String = smallJob, named name: String = "small", distortedBy amplitude: Double = 0
    ) async throws {
        try drop(name + ".yaml", text)
        let ring = try await Program.run(["build", "ring", "--n", "4"])
        #expect(ring.status == 0, "\(ring.errors)")
        let lines = ring.output.split(separator: "\n", omittingEmptySubsequences: false)
        let moved = lines.enumerated().map { number, line in
            let fields = line.split(separator: " ")
            guard amplitude > 0, number > 1, fields.count >= 4 else { return String(line) }
            let place = (1...3).map { k in
                (Double(fields[k]) ?? 0) + amplitude * sin(Double(7 * number + 3 * k))
            }
            return "\(fields[0]) \(place[0]) \(place[1]) \(place[2])"
        }
        let comment = amplitude > 0 ? "" : String(lines[1])
        try drop("small.xyz", ([String(lines[0]), comment] + moved.dropFirst(2)).joined(separator: "\n"))
    }
}
