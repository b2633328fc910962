public import YAMLDocument

/// Energies and forces, without a step, of geometries that an earlier stage went through.
public struct SinglePointsStage: Sendable, Equatable, Codable {
    /// Geometries at most, whatever is asked for: a batch system's array has no more elements by default.
    public static let most = 1000
    /// Where neither ``every`` nor ``frames`` is given.
    public static let usual = 20

    /// From 1, the place in ``Job/stages`` of the stage whose path it is; nil for the nearest one before that has a path.
    public var stage: Int?
    /// Every so many steps of the path, from its first geometry on; the last geometry always.
    public var every = 1
    /// Of those so many at most, evenly chosen, the first and the last always; nil for all.
    public var frames: Int? = SinglePointsStage.usual
    /// The method; what an optimiser would be told means nothing.
    public var calculation = DFTStage()

    public init() {}

    /// Which geometries of a path are calculated.
    ///
    /// - Parameter count: of the path's geometries.
    /// - Returns: their places, from 0, ascending; none twice.
    public func chosen(of count: Int) -> [Int] {
        guard count > 0 else { return [] }
        var places = Array(stride(from: 0, to: count, by: every))
        if places.last != count - 1 { places.append(count - 1) }
        let most = min(frames ?? Self.most, Self.most)
        guard places.count > most else { return places }
        // Rounded to the nearest place: neighbours differ, because there are more places than are chosen.
        return (0..<most).map { k in
            places[(2 * k * (places.count - 1) + most - 1) / (2 * (most - 1))]
        }
    }
}

extension SinglePointsStage {
    public static let options = OptionTable(defaults: SinglePointsStage()) {
        OptionSpec(
            "stage", \.stage, .integer(1...100), default: "the nearest before that has a path",
            "Number of the stage whose path it is, from 1.")
        OptionSpec(
            "every", \.every, .integer(1...1_000_000),
            "Every so many steps, from the first geometry on; the last geometry always."
        ).also { $0.frames = nil }
        OptionSpec(
            "frames", \.frames, .integer(2...most), default: "\(usual), or all where every is given",
            "Of those so many at most, evenly chosen; the first and the last always.")
        DFTStage.method.map { $0.of(\SinglePointsStage.calculation) }
        DFTStage.resources.of(\SinglePointsStage.calculation)
    }
}

extension Job {
    /// The place in ``stages`` of the stage whose path a stage of single points is of; nil where there is none.
    ///
    /// - Parameter index: of the single points, in ``stages``.
    public func source(ofPointsAt index: Int) -> Int? {
        guard case .singlePoints(let points) = stages[index] else { return nil }
        let place = points.stage.map { $0 - 1 } ?? stages[..<index].lastIndex(where: \.hasPath)
        return place.flatMap { $0 >= 0 && $0 < index && stages[$0].hasPath ? $0 : nil }
    }
}

extension Stage {
    /// It goes from geometry to geometry.
    var hasPath: Bool {
        if case .singlePoints = self { false } else { true }
    }
}
