import Atomistics
public import DurableFiles
import Foundation

extension DataSet {
    /// The frames added from one job's stage, or from one file.
    public struct Source: Sendable, Equatable {
        public var name: String
        public var digest: Digest
        public var frames: Int
        /// Time when the last frame was added, UTC.
        public var added: String
    }

    /// Sources in the order in which they first appear.
    public var sources: [Source] {
        var sources: [Source] = []
        for entry in entries {
            let place = sources.firstIndex {
                $0.name == entry.origin.source && $0.digest == entry.origin.digest
            }
            if let place {
                sources[place].frames += 1
                sources[place].added = entry.added
            } else {
                sources.append(
                    Source(
                        name: entry.origin.source, digest: entry.origin.digest, frames: 1,
                        added: entry.added))
            }
        }
        return sources
    }
}

/// Statistics of a data set, for people and scripts.
public struct DataSetStatistics: Sendable, Equatable, Codable, CustomStringConvertible {
    public struct OfElement: Sendable, Equatable, Codable {
        public var atoms = 0
        /// Root mean square of a force component, eV/Å.
        public var forceComponent = 0.0
        /// Largest force, eV/Å.
        public var largestForce = 0.0
    }

    public var levelOfTheory: String
    public var charge: Int
    public var digest: String
    public var frames: Int
    /// Number of frames of each formula.
    public var formulas: [String: Int]
    public var elements: [String: OfElement]
    /// Lowest and highest energy of each formula, eV.
    public var energies: [String: [Double]]
    public var sources: Int
    /// Times when the first and the last frame were added, UTC; empty if there are no frames.
    public var added: [String]

    /// Reads and checks every frame.
    public init(_ set: DataSet) throws {
        let frames = try set.frames()
        (levelOfTheory, charge) = (set.header.levelOfTheory, set.header.charge)
        (digest, self.frames, sources) = (set.digest.hexadecimal, frames.count, set.sources.count)
        (formulas, elements, energies) = ([:], [:], [:])
        added = [set.entries.first, set.entries.last].compactMap { $0?.added }
        for frame in frames {
            formulas[frame.formula, default: 0] += 1
            if let energy = frame.energy {
                let range = energies[frame.formula] ?? [energy, energy]
                energies[frame.formula] = [min(range[0], energy), max(range[1], energy)]
            }
            for (element, force) in zip(frame.elements, frame.forces ?? []) {
                var sums = elements[element.symbol] ?? OfElement()
                sums.atoms += 1
                sums.forceComponent += force.squaredLength / 3
                sums.largestForce = max(sums.largestForce, force.length)
                elements[element.symbol] = sums
            }
        }
        for (symbol, sums) in elements {
            elements[symbol]?.forceComponent = (sums.forceComponent / Double(sums.atoms)).squareRoot()
        }
    }

    public var description: String {
        var lines = [
            "level of theory  \(levelOfTheory)", "charge           \(charge)",
            "frames           \(frames) from \(sources) source\(sources == 1 ? "" : "s")",
            "added            \(added.joined(separator: " to "))", "digest           \(digest)",
        ]
        for (formula, count) in formulas.sorted(by: { $0.key < $1.key }) {
            let range = (energies[formula] ?? []).map { String(format: "%.3f", $0) }
            lines.append(
                "\(formula)  \(count) frame\(count == 1 ? "" : "s"), \(range.joined(separator: " to ")) eV")
        }
        for (symbol, sums) in elements.sorted(by: { $0.key < $1.key }) {
            lines.append(
                String(
                    format: "%-2@  %d atoms, force component %.3f eV/Å, largest force %.2f eV/Å",
                    symbol as NSString, sums.atoms, sums.forceComponent, sums.largestForce))
        }
        return lines.joined(separator: "\n")
    }
}
