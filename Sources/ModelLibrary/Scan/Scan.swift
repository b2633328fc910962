public import Descriptors
public import ThiolateGold

/// A comparison of descriptors on several structures: training on one and predicting another.
public struct Scan: Sendable, Equatable {
    /// Labelled frames that belong together.
    public struct Structure: Sendable, Equatable {
        public var name: String
        /// Path relative to the scan's file.
        public var file: String
        /// The frames that are used. Nil means all frames.
        public var frames: [FrameRange]?

        public init(name: String, file: String, frames: [FrameRange]? = nil) {
            (self.name, self.file, self.frames) = (name, file, frames)
        }
    }

    /// Every combination of descriptor settings, for some classes.
    public struct Grid: Sendable, Equatable {
        public var classes: [AtomClass]
        /// Cutoff radii of the radial basis, Å.
        public var rCut: [Double]
        /// Widths of an atom's Gaussian density, Å.
        public var sigma: [Double]
        public var nMax: [Int]
        public var lMax: [Int]

        public init(classes: [AtomClass], rCut: [Double], sigma: [Double], nMax: [Int], lMax: [Int]) {
            self.classes = classes
            (self.rCut, self.sigma, self.nMax, self.lMax) = (rCut, sigma, nMax, lMax)
        }

        /// Number of parameter sets.
        public var count: Int { rCut.count * sigma.count * nMax.count * lMax.count }
    }

    public var name: String
    public var levelOfTheory: String
    public var structures: [Structure]
    public var grids: [Grid]
    /// Settings of the learning machines other than the descriptor.
    public var options: OAMLMOptions
    /// Whether directions are learnt, too.
    public var directions: Bool
    /// The directory to which the file names in the scan are relative.
    public var directory: String

    public init(
        name: String, levelOfTheory: String, structures: [Structure], grids: [Grid],
        options: OAMLMOptions = OAMLMOptions(), directions: Bool = false, directory: String
    ) {
        self.name = name
        self.levelOfTheory = levelOfTheory
        self.structures = structures
        self.grids = grids
        self.options = options
        self.directions = directions
        self.directory = directory
    }

    /// A descriptor, and the classes for which it is tried.
    public struct Point: Sendable, Equatable {
        public var soap: SOAPSettings
        public var classes: [AtomClass]
    }

    /// Every descriptor once, with the classes of all grids that contain it; cheap ones first.
    public var points: [Point] {
        var points: [Point] = []
        for grid in grids {
            for rCut in grid.rCut {
                for sigma in grid.sigma {
                    for nMax in grid.nMax {
                        for lMax in grid.lMax {
                            let soap = SOAPSettings(
                                species: options.environment.soap.species, rCut: rCut, nMax: nMax,
                                lMax: lMax, sigma: sigma)
                            let k = points.firstIndex { $0.soap == soap } ?? points.count
                            if k == points.count { points.append(Point(soap: soap, classes: [])) }
                            points[k].classes += grid.classes.filter { !points[k].classes.contains($0) }
                        }
                    }
                }
            }
        }
        let order = points.indices.sorted {
            (points[$0].features, $0) < (points[$1].features, $1)
        }
        return order.map { points[$0] }
    }

    /// All ordered pairs of different structures: the first for training, the second for the test.
    public var pairs: [(Structure, Structure)] {
        structures.flatMap { a in structures.compactMap { b in a.name == b.name ? nil : (a, b) } }
    }
}

extension Scan.Point {
    /// Length of the descriptor, which determines most of the cost.
    var features: Int {
        let channels = (soap.species?.count ?? 0) * soap.nMax
        return channels * (channels + 1) / 2 * (soap.lMax + 1)
    }
}
