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

/// Times the power spectra of all atoms, with the paper's settings.
func timeSOAP(_ structure: String, _ repeats: Int) throws -> Measurement {
    let atoms = try lastFrame(structure)
    let soap = try SOAP(
        species: [.hydrogen, .carbon, .sulfur, .gold], rCut: 4, nMax: 7, lMax: 4, sigma: 0.25)
    return try Measurement(repeats: repeats) { _ = try soap.compute(atoms) }
}

/// Times force calls with uncertainties, on a structure that moves slightly each time.
func timeForces(model: String, structure: String, _ repeats: Int) throws -> Measurement {
    let forceField = try ModelLibrary(searchPath: ["models"]).load(model)
    var atoms = try lastFrame(structure)
    var random = SplitMix(seed: 1)
    return try Measurement(repeats: repeats) {
        for i in 0..<atoms.count { atoms.positions[i] += random.vector(in: -1e-3...1e-3) }
        _ = try forceField.predict(atoms)
    }
}

/// Times the loading of a model until it can predict.
func timeLoading(_ model: String, _ repeats: Int) throws -> Measurement {
    let library = ModelLibrary(searchPath: ["models"])
    return try Measurement(repeats: repeats) { _ = try library.load(model) }
}

/// Times the reading of all frames of a file.
func timeReading(_ file: String, _ repeats: Int) throws -> Measurement {
    try Measurement(repeats: repeats) {
        var reader = try ExtXYZReader(path: file)
        while let atoms = try reader.next() { precondition(atoms.count > 0) }
    }
}
