public import Atomistics
import ModelFile

/// A model file with the gradients that a learning relaxation has learnt from. Together with the base they determine
/// its correction, because a Gaussian process is fully defined by its data and its settings.
///
/// Tensors: `numbers` (F×N), `positions` (F×N×3, Å), `energies` (F, eV) and `forces` (F×N×3, eV/Å) of F geometries of
/// one composition.
public struct LearntRelaxation: Sendable, Equatable {
    public static let kind = "learnt-relaxation"
    /// Name of the file in the folder of a result.
    public static let fileName = "learnt.\(ModelLibrary.fileExtension)"

    /// Name of the force field that was corrected; nil if the base was no force field.
    public var base: String?
    public var levelOfTheory: String
    /// Total charge, e.
    public var charge: Int
    /// Labelled geometries; the order of the atoms may differ between them.
    public var frames: [Atoms]

    private struct Header: Codable {
        var base: String?
        var levelOfTheory: String
        var charge: Int
    }

    public init(base: String?, levelOfTheory: String, charge: Int, frames: [Atoms]) {
        (self.base, self.levelOfTheory, self.charge) = (base, levelOfTheory, charge)
        self.frames = frames.map { frame in
            var plain = Atoms(elements: frame.elements, positions: frame.positions)
            (plain.energy, plain.forces) = (frame.energy, frame.forces)
            return plain
        }
    }

    /// Writes the file; an existing file is replaced atomically.
    ///
    /// - Precondition: all frames have the same number of atoms, energy and forces.
    /// - Throws: `ModelFileError`, `FileError`.
    public func write(to path: String, name: String) throws {
        let count = frames.first?.count ?? 0
        precondition(frames.allSatisfy { $0.count == count && $0.energy != nil && $0.forces != nil })
        var writer = ModelFileWriter(
            kind: Self.kind, name: name,
            header: Header(base: base, levelOfTheory: levelOfTheory, charge: charge))
        func coordinates(_ vectors: [SIMD3<Double>]) -> [Double] { vectors.flatMap { [$0.x, $0.y, $0.z] } }
        writer.add(
            "numbers", shape: [frames.count, count],
            frames.flatMap { $0.elements.map { Int32($0.atomicNumber) } })
        writer.add(
            "positions", shape: [frames.count, count, 3], frames.flatMap { coordinates($0.positions) })
        writer.add("energies", shape: [frames.count], frames.map { $0.energy ?? .nan })
        writer.add(
            "forces", shape: [frames.count, count, 3], frames.flatMap { coordinates($0.forces ?? []) })
        try writer.write(to: path)
    }

    /// Reads the file and checks it against its digests.
    ///
    /// - Throws: `ModelFileError`.
    public init(contentsOf path: String) throws {
        let file = try ModelFile(contentsOf: path, kind: Self.kind)
        try file.verify()
        try self.init(file)
    }

    init(_ file: ModelFile) throws {
        let header = try file.header(as: Header.self)
        let (numbers, energies) = (try file.int32("numbers"), try file.float64("energies").array)
        let positions = try file.float64("positions"), forces = try file.float64("forces")
        let elements = numbers.array.compactMap { Element(atomicNumber: Int($0)) }
        guard numbers.shape.count == 2, elements.count == numbers.array.count,
            energies.count == numbers.shape[0], positions.shape == numbers.shape + [3],
            forces.shape == positions.shape,
            (energies + positions.array + forces.array).allSatisfy(\.isFinite)
        else { throw ModelFileError.damaged(path: file.path, what: "a labelled geometry") }
        let count = numbers.shape[1]
        func vectors(_ all: [Double], _ frame: Int) -> [SIMD3<Double>] {
            (frame * count..<(frame + 1) * count).map { SIMD3(all[3 * $0], all[3 * $0 + 1], all[3 * $0 + 2]) }
        }
        let (places, pulls) = (positions.array, forces.array)
        self.init(
            base: header.base, levelOfTheory: header.levelOfTheory, charge: header.charge,
            frames: energies.indices.map { index in
                var frame = Atoms(
                    elements: Array(elements[index * count..<(index + 1) * count]),
                    positions: vectors(places, index))
                (frame.energy, frame.forces) = (energies[index], vectors(pulls, index))
                return frame
            })
    }
}
