import Atomistics
import Foundation
import OrderedCollections
import Reports
import Testing

@Suite struct ReportTests {
    private static let log = """
              Step     Time          Energy          fmax
        BFGS:    0 23:59:50     -154.519063        1.000000
        BFGS:    1 23:59:55             nan        0.500000
        BFGS:    2 00:00:00     -154.700000        0.250000

        """

    @Test("A log is read step by step") func log() {
        let curve = OptimizerCurve(Self.log + "BFGS:  2 00:00:01  -154.8  0.2\nnot a line\n")
        #expect(curve.entries.map(\.step) == [0, 1, 2])
        #expect(curve.entries.map(\.fmax) == [1, 0.5, 0.2])
        #expect(curve.entries.map(\.energy) == [-154.519063, nil, -154.8])
        #expect(OptimizerCurve("").entries.isEmpty)
    }

    /// The largest force halves every 5 s, so it needs 5 s times log₂ 5 to fall from 0.25 to 0.05 eV/Å. The log passes
    /// midnight.
    @Test("The time left follows from the trend") func timeLeft() throws {
        let curve = OptimizerCurve(Self.log)
        #expect(curve.trend == "↓")
        #expect(abs(try #require(curve.slope) + Foundation.log(2)) < 1e-12)
        #expect(abs(try #require(curve.secondsLeft(to: 0.05)) - 5 * log2(5.0)) < 1e-9)
        #expect(curve.secondsLeft(to: 0.3) == 0)
        let rising = OptimizerCurve(
            Self.log.replacing("0.250000", with: "9.0").replacing("0.500000", with: "3.0"))
        #expect(rising.trend == "↑" && rising.secondsLeft(to: 0.05) == nil)
        #expect(OptimizerCurve("").trend.isEmpty)
    }

    @Test("Bonds are counted by kind, and broken and formed ones are named") func bonds() {
        let given = Atoms(
            elements: [.sulfur, .hydrogen, .hydrogen, .gold],
            positions: [[0, 0, 0], [1.34, 0, 0], [0, 1.34, 0], [0, 0, 2.3]])
        var end = given
        (end.positions[1], end.positions[2]) = ([4, 0, 0], [4.74, 0, 0])
        var report = JobReport(name: "a", state: "completed", verdict: "")
        report.initial = given
        var stage = JobReport.Stage(name: "1 ML", isML: true)
        stage.frames = [given, end]
        report.stages = [stage]
        report.files = [.init(path: "job.yaml", bytes: 3, sha256: "abc")]
        let page = report.page()
        for part in [
            "<td>Au–S up to 2.80 Å</td>", "<td>S–H up to", "<td>H–H up to",
            "2 bonds broke: S 0–H 1 (1.34 → 4.00 Å), S 0–H 2 (1.34 → 4.74 Å); atoms are counted from 0.",
            "1 bond formed: H 1–H 2", "<details><summary>1 file with sizes",
        ] { #expect(page.contains(part), "\(part)") }
        #expect(page.hasSuffix("</details></main></body></html>\n"), "\(page.suffix(200))")
    }

    @Test("Each gradient of a learning relaxation is shown beside its prediction") func learning() {
        var first = LearningCall(step: 0, energy: -10, fmax: 0.9)
        first.next = "at the trust radius"
        var second = LearningCall(step: 1, energy: -10.5, fmax: 0.04)
        (second.predictedEnergy, second.predictedFmax) = (-10.4567, 0.0213)
        (second.forceError, second.quadraticError, second.trustRadius) = (0.031, 0.22, 0.25)
        var stage = JobReport.Stage(name: "1 DFT", isML: false)
        stage.learning = [first, second]
        var report = JobReport(name: "a", state: "completed", verdict: "")
        report.stages = [stage]
        let page = report.page()
        let row =
            "<td>1</td><td>-10.5000</td><td>-10.4567</td><td>0.040</td><td>0.021</td><td>0.031</td><td>0.220</td>"
            + "<td>0.25</td><td>–</td>"
        #expect(page.contains(row))
        #expect(page.contains("Error of the learning relaxation by call"))
        #expect(page.contains("1 DFT, a quadratic model"))
        report.stages[0].learning = []
        #expect(!report.page().contains("What was predicted"))
    }

    @Test("Curves are drawn as text") func textCurves() {
        let curve = OptimizerCurve(Self.log)
        #expect(curve.sparkline(width: 8) == "█▄▁")
        #expect(curve.sparkline(width: 2).count == 2)
        let plot = curve.plot(width: 40, height: 5)
        #expect(plot.count == 5 && plot.allSatisfy { $0.count <= 40 })
        #expect(plot.joined().filter { $0 == "•" }.count == 3)
        #expect(OptimizerCurve("").plot(width: 40, height: 5).isEmpty)
    }

    @Test("A chart is well-formed and omits points that cannot be drawn") func chart() throws {
        let chart = LineChart(
            "a < b & \"c\"", y: "fmax (eV/Å)", logarithmic: true,
            [
                .init(
                    "1 ML", colour: LineChart.gold, [[0, 1], [1, 0], [2, .nan], [3, 0.01]], limit: 0.05),
                .init("nothing", colour: LineChart.blue, [[0, -1]]),
            ])
        try expectXML(chart.svg)
        #expect(chart.svg.contains("a &lt; b &amp;") && !chart.svg.contains("nothing"))
        #expect(!chart.svg.contains("nan") && !chart.svg.contains("inf"))
        #expect(LineChart("empty", y: "y", []).isEmpty)
        // A curve with a single point, or with equal values, also has a valid scale.
        for points: [SIMD2<Double>] in [[[0, 1]], [[0, 0], [1, 0]], [[5, -154.5], [6, -154.5]]] {
            let svg = LineChart("t", y: "y", [.init("s", colour: LineChart.blue, points)]).svg
            try expectXML(svg)
            #expect(!svg.contains("nan") && !svg.contains("inf"), "\(points)")
        }
    }

    private func expectXML(_ text: String) throws {
        #expect(
            Self.isWellFormed(text), "tags do not close as they open:\n\(text)")
    }

    /// Returns whether every element is closed in the right order and text has no bare `<` or `&`.
    private static func isWellFormed(_ text: String) -> Bool {
        var open: [Substring] = []
        var rest = text[...]
        while let start = rest.firstIndex(of: "<") {
            guard let end = rest[start...].firstIndex(of: ">") else { return false }
            let tag = rest[rest.index(after: start)..<end]
            rest = rest[rest.index(after: end)...]
            if tag.hasPrefix("/") {
                guard open.popLast() == tag.dropFirst() else { return false }
            } else if !tag.hasSuffix("/") {
                open.append(tag.prefix { $0 != " " })
            }
        }
        return open.isEmpty
    }

    private static func atoms(_ shift: Double, _ columns: OrderedDictionary<String, Column> = [:]) -> Atoms {
        Atoms(
            elements: [.gold, .sulfur, .gold],
            positions: [[shift, 0, 0], [shift + 2.3, 0, 0], [shift + 4.6, 0, 0]], columns: columns)
    }

    private static var report: JobReport {
        var report = JobReport(name: "<b>x</b>", state: "completed", verdict: "fmax & \"so on\"")
        var ml = JobReport.Stage(name: "1 ML", isML: true)
        ml.curve = OptimizerCurve(log)
        ml.fmaxLimit = 0.1
        let predicted = atoms(
            0,
            [
                "ml_forces": Column(vectors: [[0.1, 0, 0], [0, 0, 0], [0, 0, 0]]),
                "ml_class": Column(width: 1, values: .string(["unit-gold", "S", "unit-gold"])),
                "ml_uncertainty": Column(width: 1, values: .real([0.2, 0.1, 0.2])),
            ])
        ml.frames = [predicted]
        ml.warnings = ["</script><script>alert(1)</script>"]
        var dft = JobReport.Stage(name: "2 DFT", isML: false)
        dft.curve = OptimizerCurve(log)
        // A package moves the structure into the middle of its box, so the positions differ by a shift.
        dft.frames = [atoms(5, ["forces": Column(vectors: [[0.4, 0, 0], [0, 0, 0], [0, 0.4, 0]])])]
        dft.frames[0].info["level_of_theory"] = .string("PBE")
        report.initial = atoms(0)
        report.stages = [ml, dft]
        report.files = [.init(path: "<i>.txt", bytes: 1, sha256: "00")]
        return report
    }

    @Test("A page is self-contained and escapes text") func page() {
        let page = Self.report.page(viewer: StructureViewer(script: "var a = '</script>';"))
        for part in ["&lt;b&gt;x&lt;/b&gt;", "fmax &amp; &quot;so on&quot;", "&lt;i&gt;.txt", "<\\/script>"] {
            #expect(page.contains(part), "no \(part)")
        }
        #expect(!page.contains("<b>x") && !page.contains("<script>alert"))
        for foreign in ["src=\"http", "href=\"http", "url(http", "@import", "<link"] {
            #expect(!page.contains(foreign), "\(foreign)")
        }
        // The first script element has the data, the second is the viewer, the third starts the viewer.
        #expect(page.components(separatedBy: "<script").count == 4)
        #expect(page.components(separatedBy: "</script>").count == 4)
        #expect(!Self.report.page().contains("<script"))
    }

    @Test("The viewer draws the cell of a periodic structure, and of no other") func cell() {
        var report = Self.report
        let viewer = StructureViewer(script: "")
        #expect(!report.page(viewer: viewer).contains("\"cell\""))
        for stage in report.stages.indices {
            for frame in report.stages[stage].frames.indices {
                report.stages[stage].frames[frame].cell = Cell([4, 0, 0], [2, 3.5, 0], [0, 0, 20])
                report.stages[stage].frames[frame].periodicity = Periodicity(true, true, false)
            }
        }
        let page = report.page(viewer: viewer)
        #expect(page.contains("\"cell\":[4,0,0,2,3.5,0,0,0,20]") && page.contains("\"unitCell\":true"))
    }

    /// Two gold atoms have errors of 0.3 and 0.4 eV/Å. The report shows the root mean square of the errors, and the
    /// mean expected error.
    @Test("Errors of the model at the start of DFT are shown") func handoverErrors() throws {
        let page = Self.report.page()
        let root = ((0.09 + 0.16) / 2.0).squareRoot()
        #expect(
            page.contains(
                "<td>unit-gold</td><td>2</td><td>\(String(format: "%.4f", root))</td><td>0.2000</td>"))
        // If the geometries differ by more than a shift, the forces are not compared.
        var other = Self.report
        other.stages[1].frames[0].positions[0].y += 0.1
        #expect(!other.page().contains("at the start of DFT"))
    }

    @Test("Figures are drawn for the available data") func figures() throws {
        let names = Self.report.figures.map(\.name)
        #expect(names == ["overview", "fmax", "energy", "model-energy", "uncertainty"])
        for figure in Self.report.figures { try expectXML(figure.svg) }
        #expect(JobReport(name: "x", state: "queued", verdict: "").figures.isEmpty)
        #expect(JobReport(name: "x", state: "queued", verdict: "").page().contains("queued"))
    }
}
