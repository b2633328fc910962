import Atomistics
import Descriptors
import Foundation
import LinearAlgebra
import ModelLibrary
import SOAPPotential

private func lastFrame(_ path: String) throws -> Atoms {
    let frames = try ExtXYZ.read(path: path)
    return frames[frames.count - 1]
}

/// The power spectrum of every atom, at the paper's settings.
func timeSOAP(_ structure: String, _ repeats: Int) throws -> Measurement {
    let atoms = try lastFrame(structure)
    let soap = try SOAP(
        species: [.hydrogen, .carbon, .sulfur, .gold], rCut: 4, nMax: 7, lMax: 4, sigma: 0.25)
    return try Measurement(repeats: repeats) { _ = try soap.compute(atoms) }
}

/// A force call with uncertainties, on a structure that moves a little each time.
func timeForces(model: String, structure: String, _ repeats: Int) throws -> Measurement {
    let forceField = try ModelLibrary(searchPath: ["models"]).load(model)
    var atoms = try lastFrame(structure)
    var random = SplitMix(seed: 1)
    return try Measurement(repeats: repeats) {
        for i in 0..<atoms.count { atoms.positions[i] += random.vector(in: -1e-3...1e-3) }
        _ = try forceField.predict(atoms)
    }
}

/// From the file to a model that can be asked.
func timeLoading(_ model: String, _ repeats: Int) throws -> Measurement {
    let library = ModelLibrary(searchPath: ["models"])
    return try Measurement(repeats: repeats) { _ = try library.load(model) }
}

/// Every frame of a file.
func timeReading(_ file: String, _ repeats: Int) throws -> Measurement {
    try Measurement(repeats: repeats) {
        var reader = try ExtXYZReader(path: file)
        while let atoms = try reader.next() { precondition(atoms.count > 0) }
    }
}

/// What the BLAS does at best here: products of square matrices, double and single precision.
func timeProducts(_ repeats: Int) -> Measurement {
    let n = 2048
    let a = Matrix(rows: n, columns: n, storage: (0..<n * n).map { sin(Double($0)) })
    let (b, operations) = (a, 2 * Double(n * n * n))
    let double = Measurement(repeats: repeats) { precondition(product(a, b).rows == n) }
    let x = a.storage.map(Float.init)
    var y = [Float](repeating: 0, count: n * n)
    let single = Measurement(repeats: repeats) {
        x.withUnsafeBufferPointer { x in
            y.withUnsafeMutableBufferPointer { y in
                multiply(m: n, n: n, k: n, x.baseAddress, x.baseAddress, into: y.baseAddress)
            }
        }
    }
    var result = double
    result.notes = [
        "GFLOP/s double": operations / double.best / 1e9, "GFLOP/s single": operations / single.best / 1e9,
    ]
    return result
}
