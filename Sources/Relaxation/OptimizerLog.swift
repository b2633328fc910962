import Foundation

/// The log of a relaxation in the format of ASE's optimisers.
///
///           Step     Time          Energy          fmax
///     BFGS:    0 12:00:00     -123.456789        1.234567
public struct OptimizerLog: Sendable {
    private let name: String
    private let energyName: String

    /// - Parameters:
    ///   - optimizer: the name at the start of each line.
    ///   - isModel: whether the energies come from a model: their column is then called `ML-energy`
    ///     instead of `Energy`.
    public init(_ optimizer: OptimizerKind, isModel: Bool = false) {
        (name, energyName) = (optimizer.logName, isModel ? "ML-energy" : "Energy")
    }

    public var header: String {
        let blanks = String(repeating: " ", count: name.count)
        return
            "\(blanks)  \(right("Step", 4)) \(right("Time", 8)) \(right(energyName, 15))  \(right("fmax", 12))\n"
    }

    /// - Parameters:
    ///   - step: 0 for the start.
    ///   - energy: eV; `nan` is written if there is none.
    ///   - fmax: eV/Å.
    ///   - date: the time of the step.
    public func line(step: Int, energy: Double?, fmax: Double, at date: Date = Date()) -> String {
        let time = Calendar.current.dateComponents([.hour, .minute, .second], from: date)
        let clock = String(format: "%02d:%02d:%02d", time.hour ?? 0, time.minute ?? 0, time.second ?? 0)
        return "\(name):  \(right(String(step), 3)) \(clock) \(number(energy ?? .nan)) \(number(fmax))\n"
    }

    private func number(_ value: Double) -> String {
        right(value.isNaN ? "nan" : String(format: "%.6f", value), 15)
    }

    private func right(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }
}
