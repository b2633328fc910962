import Atomistics
import Descriptors
import Foundation

/// SOAP vectors of DScribe 2.1.2, written by Golden/generate.py.
struct GoldenSOAP: Decodable, Sendable, CustomStringConvertible {
    let name: String
    let symbols: [String]
    let positions: [[Double]]
    let cell: [[Double]]
    let pbc: [Bool]
    let species: [String]
    let rCut: Double
    let nMax: Int
    let lMax: Int
    let sigma: Double
    let points: [[Double]]?
    let featureCount: Int
    let norms: [Double]
    let waves: [Double]
    let entries: [[Double]]
    let gradient: [[Double]]?

    var description: String { name }

    var atoms: Atoms {
        let rows = cell.map(vector)
        let repeats = Periodicity(pbc[0], pbc[1], pbc[2])
        return Atoms(
            elements: symbols.compactMap { Element(symbol: $0) }, positions: positions.map(vector),
            cell: repeats.isPeriodic ? Cell(rows[0], rows[1], rows[2]) : nil, periodicity: repeats)
    }

    func soap(cutoff: SOAPCutoff = .hard) throws -> SOAP {
        try SOAP(
            species: species.compactMap { Element(symbol: $0) }, rCut: rCut, nMax: nMax, lMax: lMax,
            sigma: sigma, periodic: pbc.contains(true), cutoff: cutoff)
    }

    static func load() throws -> [GoldenSOAP] {
        struct File: Decodable { let cases: [GoldenSOAP] }
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Golden/soap.json")
        return try JSONDecoder().decode(File.self, from: Data(contentsOf: path)).cases
    }

    static func named(_ name: String) throws -> GoldenSOAP {
        guard let found = try load().first(where: { $0.name == name }) else {
            throw CocoaError(.fileReadNoSuchFile)
        }
        return found
    }
}

func vector(_ row: [Double]) -> SIMD3<Double> { [row[0], row[1], row[2]] }
