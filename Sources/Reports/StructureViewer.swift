import Atomistics
import Foundation
import OrderedCollections

/// The script of chemiscope (Fraux et al., J. Open Source Softw. 5, 2117 (2020)), which shows a list of structures in a
/// page. It comes from chemiscope's package on PyPI.
public struct StructureViewer: Sendable {
    /// JavaScript source.
    public let script: String
    /// Largest number of frames that the viewer shows. Of a longer list, frames at even distances are taken.
    static let frames = 120

    public init(script: String) { self.script = script }

    /// Finds the script among the packages of the environment that a Python belongs to. Returns nil if chemiscope is
    /// not installed there.
    public init?(python: String) {
        // The path may be a link to a Python outside the environment, so the environment is found from the link's own
        // folder.
        let environment = URL(fileURLWithPath: python).deletingLastPathComponent().deletingLastPathComponent()
        let libraries = environment.appendingPathComponent("lib")
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: libraries.path)) ?? []
        let script = versions.filter { $0.hasPrefix("python3") }.sorted().lazy.compactMap { version in
            try? String(
                contentsOf: libraries.appendingPathComponent(
                    "\(version)/site-packages/chemiscope/sphinx/static/chemiscope.min.js"), encoding: .utf8)
        }.first
        guard let script else { return nil }
        self.script = script
    }

    /// Returns a section that shows the frames of all stages, one after the other; empty if there are none.
    ///
    /// - Parameter heading: the heading of the section.
    func section(of report: JobReport, heading: Markup = "<h2>Trajectory</h2>") -> Markup {
        guard let data = Self.dataSet(of: report) else { return "" }
        return """
            <section id="viewer">\(heading)
            <p>The last frame is shown; the triangle beside the slider plays the path.</p>
            <div id="viewer-meta"></div><div id="viewer-structure"></div><div id="viewer-info"></div>
            <p id="viewer-problem" role="alert"></p></section>
            <script type="application/json" id="viewer-data">\(Markup.json(data))</script>
            <script>\(Markup.script(script))</script>
            <script>\(Markup(raw: Self.start))</script>

            """
    }

    /// Returns a complete page with the viewer, for use in a frame of another page.
    public func page(of report: JobReport) -> String {
        let page: Markup = """
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8"><title>\(report.name): trajectory</title>
            <style>\(Markup(raw: PageStyle.css))</style></head>\
            <body class="framed">\(section(of: report, heading: ""))</body></html>

            """
        return page.text
    }

    private static let start = """
        (async () => {
          const data = JSON.parse(document.getElementById('viewer-data').textContent);
          try {
            await Chemiscope.StructureVisualizer.load(
              {structure: 'viewer-structure', info: 'viewer-info', meta: 'viewer-meta'}, data, new Chemiscope.Warnings());
            document.getElementById('viewer').dataset.ready = 'true';
          } catch (error) {
            document.getElementById('viewer-problem').textContent = 'The viewer failed: ' + error;
          }
        })();
        """

    private struct DataSet: Encodable {
        struct Meta: Encodable { let name: String }
        struct Structure: Encodable {
            let size: Int
            let names: [String]
            let x, y, z: [Double]
            /// The nine components of the lattice vectors, Å.
            let cell: [Double]?
        }
        struct Property: Encodable {
            let target = "structure"
            let values: [Double]
            var description: String
        }
        /// The initial settings of the viewer.
        struct Settings: Encodable {
            struct View: Encodable {
                /// Time between two frames of the animation, ms.
                let playbackDelay = 150
                let unitCell: Bool
            }
            /// Indices of the frames that the viewer displays at first.
            let pinned: [Int]
            let structure: [View]
        }
        let meta: Meta
        let structures: [Structure]
        let properties: [String: Property]
        let settings: Settings
    }

    private static func dataSet(of report: JobReport) -> String? {
        var frames: [(stage: Int, step: Int, atoms: Atoms)] = []
        for (k, stage) in report.stages.enumerated() {
            frames += stage.frames.enumerated().map {
                (k + 1, $1.info["step"]?.double.flatMap { Int(exactly: $0) } ?? $0, $1)
            }
        }
        if frames.count > Self.frames {
            frames = (0..<Self.frames).map { frames[$0 * (frames.count - 1) / (Self.frames - 1)] }
        }
        guard !frames.isEmpty else { return nil }
        let structures = frames.map { _, _, atoms in
            func rounded(_ x: Double) -> Double { (x * 1e5).rounded() / 1e5 }
            func column(_ k: Int) -> [Double] { atoms.positions.map { rounded($0[k]) } }
            let cell = atoms.periodicity.isPeriodic ? atoms.cell : nil
            return DataSet.Structure(
                size: atoms.count, names: atoms.elements.map(\.symbol), x: column(0), y: column(1),
                z: column(2),
                cell: cell.map {
                    [$0.a, $0.b, $0.c].flatMap { [rounded($0.x), rounded($0.y), rounded($0.z)] }
                })
        }
        let set = DataSet(
            meta: .init(name: report.name), structures: structures,
            properties: [
                "stage": .init(values: frames.map { Double($0.stage) }, description: "stage of the job"),
                "step": .init(values: frames.map { Double($0.step) }, description: "step of the stage"),
            ],
            settings: .init(
                pinned: [frames.count - 1],
                structure: [.init(unitCell: frames.contains { $0.atoms.periodicity.isPeriodic })]))
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encode(set)).map { String(decoding: $0, as: UTF8.self) }
    }
}
