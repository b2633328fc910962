import Atomistics
import Descriptors
import LinearAlgebra
public import ModelFile

extension SOAPPotential {
    /// The kind of model file that holds a SOAP potential.
    public static let fileKind = "soap-potential"

    /// What a model file says of a potential beside its tensors `<symbol>/inducing` (M×F, p̂_m),
    /// `<symbol>/coefficients` (M, eV), `<symbol>/mean` (M), `<symbol>/whitening` and `<symbol>/spread` (M×M).
    struct Header: Codable, Sendable {
        var levelOfTheory: String
        var settings: SOAPPotentialSettings
        var prior: Double
        var elements: [String]
        /// e_Z, eV.
        var constants: [Double]
        var repulsion: PairRepulsion
        var calibration: Calibration
        /// Where the frames come from, for people.
        var data: [String: String]
    }

    /// Writes the model; the same model gives the same bytes.
    ///
    /// - Parameters:
    ///   - path: of the file, which is replaced as a whole.
    ///   - data: where the frames come from, for people.
    /// - Returns: the potential under the version that the file now has.
    public func write(to path: String, data: [String: String] = [:]) throws -> SOAPPotential {
        let header = Header(
            levelOfTheory: provenance.levelOfTheory, settings: settings, prior: prior,
            elements: elements.map(\.symbol), constants: parts.map(\.constant), repulsion: repulsion,
            calibration: calibration, data: data)
        var writer = ModelFileWriter(kind: Self.fileKind, name: provenance.name, header: header)
        for part in parts {
            let (symbol, m) = (part.kernel.element.symbol, part.kernel.count)
            writer.add(
                "\(symbol)/inducing", shape: [m, part.kernel.inducing.columns],
                part.kernel.inducing.storage)
            writer.add("\(symbol)/coefficients", shape: [m], part.coefficients)
            writer.add("\(symbol)/mean", shape: [m], part.kernel.mean)
            writer.add("\(symbol)/whitening", shape: [m, m], part.kernel.whitening.storage)
            writer.add("\(symbol)/spread", shape: [m, m], part.spread.storage)
        }
        var result = self
        result.data = data
        result.provenance.version = try writer.write(to: path)
        return result
    }

    /// Reads a model that ``write(to:data:)`` wrote.
    ///
    /// - Throws: `ModelFileError`.
    public init(_ file: ModelFile) throws {
        let header = try file.header(as: Header.self)
        let species = header.elements.compactMap { Element(symbol: $0) }
        guard species.count == header.elements.count, header.constants.count == species.count else {
            throw ModelFileError.header(path: file.path, reason: "elements or constants are malformed")
        }
        guard header.calibration.curves.values.allSatisfy(\.isSound) else {
            throw ModelFileError.header(path: file.path, reason: "a curve of expected errors is malformed")
        }
        var parts: [Part] = []
        for (element, constant) in zip(species, header.constants) {
            let descriptor = header.settings.descriptor(of: element)
            let space = FeatureSpace(try descriptor.soap(species), id: descriptor)
            func matrix(_ name: String, columns: Int?) throws -> Matrix {
                let tensor = try file.float64("\(element.symbol)/\(name)")
                guard tensor.shape.count == 2, columns == nil || tensor.shape[1] == columns else {
                    throw ModelFileError.damaged(path: file.path, what: "\(element.symbol)/\(name)")
                }
                return Matrix(rows: tensor.shape[0], columns: tensor.shape[1], storage: tensor.array)
            }
            let inducing = try matrix("inducing", columns: space.soap.featureCount)
            let whitening = try matrix("whitening", columns: inducing.rows)
            let spread = try matrix("spread", columns: inducing.rows)
            let coefficients = try file.float64("\(element.symbol)/coefficients").array
            let mean = try file.float64("\(element.symbol)/mean").array
            guard coefficients.count == inducing.rows, mean.count == inducing.rows,
                whitening.rows == inducing.rows,
                spread.rows == inducing.rows
            else { throw ModelFileError.damaged(path: file.path, what: "tensors of \(element.symbol)") }
            parts.append(
                Part(
                    kernel: ElementKernel(
                        element: element, space: space, power: header.settings.power,
                        inducing: inducing, whitening: whitening, mean: mean),
                    constant: constant, coefficients: coefficients, spread: spread))
        }
        self.init(
            provenance: ForceFieldProvenance(
                name: file.name, kind: Self.fileKind, version: file.version,
                levelOfTheory: header.levelOfTheory),
            settings: header.settings, prior: header.prior, parts: parts, repulsion: header.repulsion,
            calibration: header.calibration, data: header.data)
    }
}
