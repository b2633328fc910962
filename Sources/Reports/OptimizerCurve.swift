import Foundation

/// The course of a relaxation, read from a log in ASE's format, with one entry for each step.
///
///           Step     Time          Energy          fmax
///     BFGS:    0 19:01:11     -154.519063        0.062623
public struct OptimizerCurve: Sendable, Equatable {
    public struct Entry: Sendable, Equatable {
        public let step: Int
        /// Time of day, seconds since midnight.
        public let time: Int
        /// Energy, eV; nil if the method has none (`nan`).
        public let energy: Double?
        /// Largest force on an atom, eV/Å.
        public let fmax: Double

        public init(step: Int, time: Int, energy: Double?, fmax: Double) {
            (self.step, self.time, self.energy, self.fmax) = (step, time, energy, fmax)
        }
    }

    /// Entries in the order of their steps. If a resumed run repeated a step, the later line counts.
    public let entries: [Entry]

    public init(_ entries: [Entry]) { self.entries = entries.sorted { $0.step < $1.step } }

    public init(_ text: String) {
        var byStep: [Int: Entry] = [:]
        for line in text.split(whereSeparator: \.isNewline) {
            let fields = line.split(separator: " ", omittingEmptySubsequences: true)
            guard fields.count >= 5, fields[0].hasSuffix(":"), let step = Int(fields[1]),
                let fmax = Double(fields[4]), fmax.isFinite
            else { continue }
            let clock = fields[2].split(separator: ":").compactMap { Int($0) }
            guard clock.count == 3 else { continue }
            let energy = Double(fields[3]).flatMap { $0.isFinite ? $0 : nil }
            byStep[step] = Entry(
                step: step, time: clock[0] * 3600 + clock[1] * 60 + clock[2], energy: energy, fmax: fmax)
        }
        entries = byStep.values.sorted { $0.step < $1.step }
    }

    /// Size of the largest log that is read, bytes: about a million steps.
    public static let largestLog = 64 << 20

    /// Reads a log. The curve is empty if there is no log yet, or if the path does not lead to a plain file.
    public init(atPath path: String) {
        guard isPlainFile(atPath: path, limit: Self.largestLog) else {
            self.init("")
            return
        }
        self.init((try? String(contentsOfFile: path, encoding: .utf8)) ?? "")
    }

    /// Mean change of ln(fmax) per step over the last steps, by least squares; negative while fmax falls. Nil if there
    /// are fewer than three steps.
    public var slope: Double? {
        let last = entries.suffix(10).filter { $0.fmax > 0 }
        guard last.count >= 3 else { return nil }
        let n = Double(last.count)
        let meanX = last.reduce(0) { $0 + Double($1.step) } / n
        let meanY = last.reduce(0) { $0 + log($1.fmax) } / n
        let xy = last.reduce(0) { $0 + (Double($1.step) - meanX) * (log($1.fmax) - meanY) }
        let xx = last.reduce(0) { $0 + (Double($1.step) - meanX) * (Double($1.step) - meanX) }
        return xx > 0 ? xy / xx : nil
    }

    /// The direction in which fmax changes: `↓`, `→` or `↑`; empty if there is no trend yet.
    public var trend: String {
        slope.map { $0 < -0.02 ? "↓" : $0 > 0.02 ? "↑" : "→" } ?? ""
    }

    /// Returns an estimate of the seconds until fmax falls to `limit` (eV/Å), if it continues to fall as over the last
    /// steps. Returns nil if it does not fall.
    public func secondsLeft(to limit: Double) -> Double? {
        guard let last = entries.last, let slope, slope < -0.02, limit > 0 else { return nil }
        guard last.fmax > limit else { return 0 }
        let recent = entries.suffix(10)
        guard let first = recent.first, last.step > first.step else { return nil }
        let seconds = Double((last.time - first.time + 86_400) % 86_400)
        return log(limit / last.fmax) / slope * seconds / Double(last.step - first.step)
    }

    /// Returns fmax of the last steps as a line of block characters, on a logarithmic scale.
    public func sparkline(width: Int) -> String {
        let blocks: [Character] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]
        guard width > 0, !entries.isEmpty else { return "" }
        let count = min(width, entries.count)
        let shown = (0..<count).map { entries[($0 + 1) * entries.count / count - 1].fmax }
            .map { log(max($0, 1e-9)) }
        guard let low = shown.min(), let high = shown.max() else { return "" }
        return String(
            shown.map { value in
                blocks[high > low ? Int((value - low) / (high - low) * 7) : 0]
            })
    }

    /// Returns fmax against step in Braille dots for a terminal, on a logarithmic scale: `height` lines of at most
    /// `width` characters.
    public func plot(width: Int, height: Int) -> [String] {
        let shown = entries.filter { $0.fmax > 0 }
        let columns = width - 10
        guard columns > 1, height > 1, let low = shown.map(\.fmax).min(), let high = shown.map(\.fmax).max(),
            let last = shown.last
        else { return [] }
        var cells = [[Character]](
            repeating: [Character](repeating: " ", count: columns), count: height)
        for entry in shown {
            let x = last.step > 0 ? entry.step * (columns - 1) / last.step : 0
            let y = high > low ? log(entry.fmax / low) / log(high / low) * Double(height - 1) : 0
            cells[height - 1 - Int(y.rounded())][x] = "•"
        }
        return cells.enumerated().map { row, line in
            let label = row == 0 ? high : row == height - 1 ? low : nil
            let text = label.map { String(format: "%8.4f", $0) } ?? String(repeating: " ", count: 8)
            return "\(text) ┤" + String(line)
        }
    }
}

/// Returns true if the path leads to a plain file of at most `limit` bytes.
///
/// Other programs may put anything into the outbox. A pipe would block its reader for ever, a link may lead out of the
/// folder, and a huge file would fill the memory.
public func isPlainFile(atPath path: String, limit: Int) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG && status.st_size <= limit
}
