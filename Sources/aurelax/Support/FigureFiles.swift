import Foundation
import Subprocess

/// Writes drawings into a folder, which is created: as SVG, and as PNG if rsvg-convert is
/// installed.
func write(_ figures: [(name: String, svg: String)], into folder: String) async throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for (name, svg) in figures {
        let path = "\(folder)/\(name)"
        try Data(svg.utf8).write(to: URL(fileURLWithPath: path + ".svg"), options: .atomic)
        printError(path + ".svg")
        let end = try? await Subprocess.run(
            .name("rsvg-convert"),
            arguments: ["--zoom", "2", "--background-color", "white", "-o", path + ".png", path + ".svg"],
            output: .discarded, error: .discarded)
        guard let end, end.terminationStatus.isSuccess else {
            printError("no \(path).png: rsvg-convert is not installed (Debian: librsvg2-bin) or failed")
            continue
        }
        printError(path + ".png")
    }
}
