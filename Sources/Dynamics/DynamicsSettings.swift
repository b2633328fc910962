import Foundation

/// The settings of a molecular dynamics run.
public struct DynamicsSettings: Sendable, Equatable, Codable {
    /// Time between two steps, fs.
    public var timeStep = 0.5
    /// Number of the last step; the start is step 0.
    public var steps = 2000
    /// Temperature of the thermostat at the start, and of the initial velocities, K.
    public var temperature = 300.0
    /// Temperature of the thermostat at the last step, K; between the first and the last step it changes linearly.
    public var finalTemperature = 300.0
    /// Friction of the Langevin thermostat, 1/ps; 0 means no thermostat (NVE).
    public var friction = 0.0
    /// Seed of the initial velocities and of the thermostat's random forces.
    public var seed: UInt64 = 0

    public init() {}

    /// The reason why these settings cannot be used; nil if they can.
    public var problem: String? {
        if !(timeStep > 0 && timeStep <= 20) {
            return "the time step is \(timeStep) fs, which is outside 0 to 20 fs"
        }
        if steps < 0 { return "the number of steps is \(steps); it must not be negative" }
        for (name, value) in [("temperature", temperature), ("final temperature", finalTemperature)]
        where !(value >= 0 && value <= 100_000) {
            return "the \(name) is \(value) K, which is outside 0 to 100,000 K"
        }
        return friction >= 0 && friction <= 1000
            ? nil : "the friction is \(friction)/ps, which is outside 0 to 1000/ps"
    }

    /// Returns the temperature of the thermostat at step n of N, T₀ + (T₁ − T₀) n/N, K.
    public func temperature(at step: Int) -> Double {
        guard steps > 0 else { return temperature }
        return temperature + (finalTemperature - temperature) * Double(min(step, steps)) / Double(steps)
    }
}

/// Units of molecular dynamics with eV, Å and unified atomic mass units.
public enum DynamicsUnits {
    /// The unit of time that follows from eV, Å and u, as in ASE: Å √(u/eV) in fs.
    public static let femtosecondsPerTime = 10.180505710774743
    /// Boltzmann's constant, eV/K.
    public static let boltzmann = 8.617333262e-5
}
