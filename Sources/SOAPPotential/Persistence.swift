import Atomistics
import Descriptors
import LinearAlgebra
public import ModelFile

extension SOAPPotential {
    /// The kind of model file that contains a SOAP potential.
    public static let fileKind = "soap-potential"

    /// The header of a model file. The tensors of the file are `<symbol>/inducing/<group>` (p̂_m, M×F; in files without
    /// groups one tensor `<symbol>/inducing`), `<symbol>/coefficients` (M, eV), `<symbol>/mean` (M),
    /// `<symbol>/whitening` and `<symbol>/spread` (M×M).
    struct Header: Codable, Sendable {
        var levelOfTheory: String
        var settings: SOAPPotentialSettings
        var prior: Double
        var elements: [String]
        /// By element, for each group of inducing environments the elements whose features are
        /// stored; nil in files of version 0.1, which store all features.
        var groups: [String: [[String]]]?
        /// The constant e_Z of each element, eV.
        var constants: [Double]
        var repulsion: PairRepulsion
        var calibration: Calibration
        /// The source of the frames, as text for users.
        var data: [String: String]
    }

    /// Writes the model; equal models give equal bytes.
    ///
    /// - Parameters:
    ///   - path: path of the file; an existing file is replaced atomically.
    ///   - data: the source of the frames, as text for users.
    /// - Returns: the potential with the version of the new file.
    public func write(to path: String, data: [String: String] = [:]) throws -> SOAPPotential {
        let groups = Dictionary(
            uniqueKeysWithValues: parts.map { part in
                (
                    part.kernel.element.symbol,
                    part.kernel.environments.groups.map { $0.space.soap.species.map(\.symbol) }
                )
            })
        let header = Header(
            levelOfTheory: provenance.levelOfTheory, settings: settings, prior: prior,
            elements: elements.map(\.symbol), groups: groups, constants: parts.map(\.constant),
            repulsion: repulsion,
            calibration: calibration, data: data)
        var writer = ModelFileWriter(kind: Self.fileKind, name: provenance.name, header: header)
        for part in parts {
            let (symbol, m) = (part.kernel.element.symbol, part.kernel.count)
            for (index, group) in part.kernel.environments.groups.enumerated() {
                writer.add(
                    "\(symbol)/inducing/\(index)", shape: [group.rows.rows, group.rows.columns],
                    group.rows.storage)
            }
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
            func matrix(_ name: String, columns: Int?) throws -> Matrix {
                let tensor = try file.float64("\(element.symbol)/\(name)")
                guard tensor.shape.count == 2, columns == nil || tensor.shape[1] == columns else {
                    throw ModelFileError.damaged(path: file.path, what: "\(element.symbol)/\(name)")
                }
                return Matrix(rows: tensor.shape[0], columns: tensor.shape[1], storage: tensor.array)
            }
            func group(_ name: String, _ species: [Element]) throws -> InducingEnvironments.Group {
                let space = FeatureSpace(try descriptor.soap(of: species), id: descriptor)
                return InducingEnvironments.Group(
                    space: space, rows: try matrix(name, columns: space.soap.featureCount))
            }
            let environments = InducingEnvironments(
                groups: try header.groups.map { groups in
                    try (groups[element.symbol] ?? []).enumerated().map { index, symbols in
                        let members = symbols.compactMap { Element(symbol: $0) }
                        guard members.count == symbols.count, !members.isEmpty,
                            Set(members).count == members.count, Set(members).isSubset(of: species)
                        else {
                            throw ModelFileError.header(
                                path: file.path, reason: "a group of environments is malformed")
                        }
                        return try group("inducing/\(index)", members)
                    }
                } ?? [try group("inducing", species)])
            let count = environments.count
            let whitening = try matrix("whitening", columns: count)
            let spread = try matrix("spread", columns: count)
            let coefficients = try file.float64("\(element.symbol)/coefficients").array
            let mean = try file.float64("\(element.symbol)/mean").array
            guard coefficients.count == count, mean.count == count,
                whitening.rows == count, spread.rows == count
            else { throw ModelFileError.damaged(path: file.path, what: "tensors of \(element.symbol)") }
            parts.append(
                Part(
                    kernel: ElementKernel(
                        element: element, descriptor: descriptor, power: header.settings.power,
                        environments: environments, whitening: whitening, mean: mean),
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
