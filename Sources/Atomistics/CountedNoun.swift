/// Returns a number with its noun: `1 frame`, `3 frames`.
package func counted(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }
