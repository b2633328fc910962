public import YAMLDocument

/// Energies and forces of geometries along the path of an earlier stage, without moving atoms.
public struct SinglePointsStage: Sendable, Equatable, Codable {
    /// Largest number of geometries: the default limit of a batch system's array.
    public static let most = 1000
    /// Number of frames if neither ``every`` nor ``frames`` is given.
    public static let usual = 20

    /// Number, from 1, of the stage in ``Job/stages`` whose path is used. Nil means the nearest earlier stage that has
    /// a path.
    public var stage: Int?
    /// Selects every n-th step of the path from its first geometry on, and always the last geometry.
    public var every = 1
    /// Selects at most this number of geometries, evenly spaced, always including the first and the last. Nil selects
    /// all.
    public var frames: Int? = SinglePointsStage.usual
    /// The method; its optimiser settings are ignored.
    public var calculation = DFTStage()

    public init() {}

    /// Selects the geometries of a path.
    ///
    /// - Parameter count: number of geometries in the path.
    /// - Returns: their indices, from 0, ascending, without duplicates.
    public func chosen(of count: Int) -> [Int] {
        guard count > 0 else { return [] }
        var places = Array(stride(from: 0, to: count, by: every))
        if places.last != count - 1 { places.append(count - 1) }
        let most = min(frames ?? Self.most, Self.most)
        guard places.count > most else { return places }
        // Rounding to the nearest index gives distinct indices, because there are more indices than selected
        // ones.
        return (0..<most).map { k in
            places[(2 * k * (places.count - 1) + most - 1) / (2 * (most - 1))]
        }
    }
}

extension SinglePointsStage {
    public static let options = OptionTable(defaults: SinglePointsStage()) {
        OptionSpec(
            "stage", \.stage, .integer(1...100), default: "the nearest earlier stage with a path",
            "Number of the stage whose path is used, from 1.")
        OptionSpec(
            "every", \.every, .integer(1...1_000_000),
            "Use every n-th step, from the first geometry on, and always the last geometry."
        ).also { $0.frames = nil }
        OptionSpec(
            "frames", \.frames, .integer(2...most), default: "\(usual), or all if every is given",
            "Largest number of geometries; they are evenly spaced and include the first and the last.")
        DFTStage.method.map { $0.of(\SinglePointsStage.calculation) }
        DFTStage.resources.of(\SinglePointsStage.calculation)
    }
}

extension Job {
    /// Returns the index in ``stages`` of the stage whose path a single-points stage uses; nil if there is
    /// none.
    ///
    /// - Parameter index: index of the single-points stage in ``stages``.
    public func source(ofPointsAt index: Int) -> Int? {
        guard case .singlePoints(let points) = stages[index] else { return nil }
        let place = points.stage.map { $0 - 1 } ?? stages[..<index].lastIndex(where: \.hasPath)
        return place.flatMap { $0 >= 0 && $0 < index && stages[$0].hasPath ? $0 : nil }
    }
}

extension Stage {
    /// Whether the stage has a path of geometries.
    var hasPath: Bool {
        if case .singlePoints = self { false } else { true }
    }
}
