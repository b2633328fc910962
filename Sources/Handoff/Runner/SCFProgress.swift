public import DurableFiles
import FoundationEssentials
import SystemPackage

/// How far the self-consistency of the geometry under way is, as the end of GPAW's log tells it.
public struct SCFProgress: Sendable, Equatable, CustomStringConvertible {
    /// From 1.
    public var cycle: Int
    /// A cycle of this geometry takes so long, s; nil before the second.
    public var seconds: Double?

    /// - Parameter log: GPAW's text output, or its last part.
    /// - Returns: nil where no cycle has ended since the last geometry was done.
    public init?(log: some StringProtocol) {
        var cycles: [(number: Int, time: Int)] = []
        for line in log.split(whereSeparator: \.isNewline) {
            let words = line.split { $0 == " " || $0 == "|" }
            if words.count >= 3, words[0] == "iter:", let number = Int(words[1]) {
                let clock = words[2].split(separator: ":").compactMap { Int($0) }
                guard clock.count == 3 else { continue }
                if number == 1 { cycles.removeAll() }
                cycles.append((number, clock[0] * 3600 + clock[1] * 60 + clock[2]))
            } else if line.hasPrefix("Converged ") {
                cycles.removeAll()
            }
        }
        guard let first = cycles.first, let last = cycles.last else { return nil }
        cycle = last.number
        if last.number > first.number {
            seconds = Double((last.time - first.time + 86_400) % 86_400) / Double(last.number - first.number)
        }
    }

    /// `SCF cycle 12, 0.3 s each`.
    public var description: String {
        "SCF cycle \(cycle)" + (seconds.map { ", \(decimal($0, 1)) s each" } ?? "")
    }
}

extension RunProgress {
    /// What the run says of itself, with the cycle of self-consistency that it is in where its log tells.
    ///
    /// - Parameter result: its folder `result`.
    public func message(in result: Directory) -> String {
        guard state == "running", let log = try? result.end(of: "gpaw.txt", bytes: 1 << 15),
            let scf = SCFProgress(log: String(decoding: log, as: UTF8.self))
        else { return message }
        return steps == 0 && energy == nil ? "first geometry, \(scf)" : "\(message), now \(scf)"
    }
}
