import Atomistics
import Foundation

extension Evaluation {
    /// A table for users, one class per line.
    public var table: String {
        var lines = [
            "class              n   |F|/comp  norm RMSE  w.angle  median   mean  F RMSE/comp  F RMSE  mean err  expected  rank  <2x"
        ]
        let names = ForceComparison.inOrder(rows.keys)
        for name in names + ["all"] {
            guard let row = rows[name] else { continue }
            lines.append(
                name + String(repeating: " ", count: max(0, 14 - name.count))
                    + number(Double(row.atoms), "%.0f", width: 6)
                    + number(row.referenceRMS, "%.3f", width: 11)
                    + number(row.normRMSE, "%.4f", width: 11)
                    + number(row.weightedAngle, "%.2f", width: 9)
                    + number(row.medianAngle, "%.2f", width: 8)
                    + number(row.meanAngle, "%.2f", width: 7)
                    + number(row.componentRMSE, "%.4f", width: 13)
                    + number(row.vectorRMSE, "%.4f", width: 8)
                    + number(row.meanError, "%.4f", width: 10)
                    + number(row.expectedError, "%.4f", width: 10)
                    + number(row.errorCorrelation, "%.2f", width: 6)
                    + number(row.withinTwice, "%.2f", width: 5))
        }
        lines.append("")
        let version = model.version.isEmpty ? "" : ", \(model.version.prefix(12))"
        lines.append("\(counted(frames, "frame")) against \(model.name) (\(model.kind)\(version))")
        if let energies {
            lines.append(
                String(
                    format: "energy: RMSE %.1f meV per atom over %d frames (mean %+.1f, largest %.1f)",
                    energies.rmse * 1000, energies.frames, energies.meanError * 1000,
                    energies.largestError * 1000)
                    + (energies.expectedError.map {
                        String(
                            format: "; expected %.1f, %.0f %% within twice that", $0 * 1000,
                            (energies.withinTwice ?? 0) * 100)
                    } ?? ""))
        }
        return lines.joined(separator: "\n")
    }

    /// A table of how well each indicator of uncertainty predicts errors, for each class; nil if there is none.
    public var indicatorTable: String? {
        let names = ForceComparison.inOrder(rows.keys) + ["all"]
        var lines: [String] = []
        for name in names {
            for (indicator, value) in (rows[name]?.indicators ?? [:]).sorted(by: { $0.key < $1.key }) {
                lines.append(
                    name + String(repeating: " ", count: max(1, 16 - name.count)) + indicator
                        + String(repeating: " ", count: max(1, 22 - indicator.count))
                        + number(value.errorCorrelation, "%.2f", width: 6)
                        + number(value.angleCorrelation, "%.2f", width: 7) + "  "
                        + value.errorByQuarter.map { number($0, "%.3f", width: 7) }.joined())
            }
        }
        guard !lines.isEmpty else { return nil }
        let head = "class           sign of doubt          error  angle   mean error, eV/Å, by quarter of it"
        return ([head] + lines).joined(separator: "\n")
    }

    private func number(_ value: Double?, _ format: String, width: Int) -> String {
        let text = value.map { String(format: format, $0) } ?? "-"
        return String(repeating: " ", count: max(0, width - text.count)) + text
    }
}
