import ArgumentParser
import Atomistics
import Descriptors
import DurableFiles
import LinearAlgebra
import SystemPackage

struct DescriptorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "descriptor",
        abstract: "Compute SOAP power spectra of every atom, as a NumPy array.",
        discussion: """
            One row per atom, frames one after the other; the features are DScribe's, in DScribe's order \
            (rbf='gto', no averaging, no compression). Defaults are the paper's.

              aurelax descriptor in.xyz -o X.npy
              python -c 'import numpy; print(numpy.load("X.npy").shape)'
            """)

    @Argument(help: "XYZ or extxyz file.", completion: .file())
    var input: String
    @Option(name: .shortAndLong, help: "NumPy file to write.")
    var output: String
    @Option(help: "Elements of the descriptor, separated by commas.")
    var species: String = "H,C,S,Au"
    @Option(help: "Radius at which the outermost radial function has decayed, Å.")
    var rCut = 4.0
    @Option(help: "Number of radial functions.")
    var nMax = 7
    @Option(help: "Largest angular momentum.")
    var lMax = 4
    @Option(help: "Width of the Gaussian at each atom, Å.")
    var sigma = 0.25
    @Option(help: "Atoms to describe in each frame: 0-based indices separated by commas (default: all).")
    var centers: String?

    func run() throws {
        let elements = try species.split(separator: ",").map { symbol in
            guard let element = Element(symbol: symbol.trimmingPrefix { $0 == " " }) else {
                throw ValidationError("--species: there is no element '\(symbol)'")
            }
            return element
        }
        let chosen = try centers?.split(separator: ",").map { text in
            guard let index = Int(text) else {
                throw ValidationError("--centers: '\(text)' is not an index")
            }
            return index
        }
        let soap = try SOAP(species: elements, rCut: rCut, nMax: nMax, lMax: lMax, sigma: sigma)
        var rows: [Double] = []
        try forEachFrame(in: input) { atoms, _ in
            rows += try soap.compute(atoms, centers: chosen).storage
        }
        let matrix = Matrix(
            rows: rows.count / soap.featureCount, columns: soap.featureCount, storage: rows)
        let file = try ReplacedFile(FilePath(output))
        try file.append(matrix.npy)
        try file.commit()
        printError("\(output): \(matrix.rows) × \(matrix.columns)")
    }
}
