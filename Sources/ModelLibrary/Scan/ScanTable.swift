public import Descriptors
import Foundation
public import ThiolateGold

/// The results of a scan, for users: the parameter sets of every class, the best first.
public struct ScanTable: Sendable {
    /// One parameter set for one class.
    public struct Row: Sendable {
        public var soap: SOAPSettings
        public var scores: [String: TransferTrial.Score]
        /// The key by which the rows are sorted: the mean error over all pairs, eV/Å, of the force vector or, if
        /// directions were not learnt, of the norm.
        public var mean: Double
    }

    public private(set) var rows: [(atomClass: AtomClass, rows: [Row])] = []
    /// Pairs of structures, such as `cluster → rings`, in the order of the columns.
    public private(set) var pairs: [String] = []

    public init(_ records: [ScanRecord]) {
        for atomClass in AtomClass.allCases {
            var found: [Row] = []
            for record in records {
                var scores: [String: TransferTrial.Score] = [:]
                for entry in record.entries where entry.atomClass == atomClass {
                    let pair = "\(entry.train) → \(entry.test)"
                    if let score = entry.score {
                        scores[pair] = score
                        if !pairs.contains(pair) { pairs.append(pair) }
                    }
                }
                guard !scores.isEmpty else { continue }
                let errors = scores.values.map { $0.forceError ?? $0.normError }
                found.append(
                    Row(
                        soap: record.descriptor, scores: scores,
                        mean: errors.reduce(0, +) / Double(errors.count)))
            }
            if !found.isEmpty {
                rows.append((atomClass, found.sorted { $0.mean < $1.mean }))
            }
        }
    }

    /// Returns the tables as text.
    ///
    /// - Parameter most: largest number of rows per class. Nil means all rows.
    public func text(most: Int? = 10) -> String {
        var lines: [String] = []
        for (atomClass, rows) in rows {
            let shown = rows.prefix(most ?? .max)
            lines.append(
                "\(atomClass.rawValue): \(rows.count) parameter sets"
                    + (shown.count < rows.count ? ", the best \(shown.count)" : ""))
            let columns = pairs.filter { pair in rows.contains { $0.scores[pair] != nil } }
            lines.append(
                "r_cut  sigma  n_max  l_max"
                    + columns.map { "  " + padded("\($0) |F|", width(of: $0)) }.joined()
                    + (rows.contains { $0.scores.values.contains { $0.forceError != nil } }
                        ? "   (RMSE of |F|, length of the error vector, eV/Å; weighted angle)"
                        : "   (RMSE of |F|, eV/Å)"))
            for row in shown {
                lines.append(
                    String(
                        format: "%5.2f  %5.2f  %5d  %5d", row.soap.rCut, row.soap.sigma, row.soap.nMax,
                        row.soap.lMax)
                        + columns.map {
                            "  " + padded(Self.cell(row.scores[$0]), width(of: $0))
                        }.joined())
            }
            lines.append("")
        }
        return lines.joined(separator: "\n")
    }

    private func width(of pair: String) -> Int { max(pair.count + 4, 20) }

    private func padded(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }

    private static func cell(_ score: TransferTrial.Score?) -> String {
        guard let score else { return "-" }
        let norm = String(format: "%.4f", score.normError)
        guard let force = score.forceError, let angle = score.weightedAngle else { return norm }
        return norm + String(format: " %.4f %5.2f°", force, angle)
    }
}
