import Atomistics
import Foundation
import OrderedCollections

extension Comparison {
    /// The figures by file name, as complete SVG files.
    public var figures: [(name: String, svg: String)] {
        var all: [(name: String, svg: String)] = []
        for (name, chart) in [("energy", energyChart), ("rmsd", rmsdChart)] where !chart.isEmpty {
            all.append((name, chart.svg))
        }
        if let structures { all.append(("structures", structures)) }
        return all
    }

    /// A chart of all jobs' energies: those of single points along the paths of models as dashed lines, those of
    /// optimisations as solid lines.
    private var energyChart: LineChart {
        var series: [LineChart.Series] = []
        for (job, colour) in zip(jobs, LineChart.palette) {
            let (points, optimizations) = job.energies(at: levelOfTheory)
            func relative(_ points: [SIMD2<Double>]) -> [SIMD2<Double>] {
                points.map { SIMD2($0.x, $0.y - reference) }
            }
            if !points.isEmpty {
                series.append(
                    .init("\(job.name), model's path", colour: colour, relative(points), isDashed: true))
            }
            series.append(.init(job.name, colour: colour, relative(optimizations)))
        }
        return LineChart(
            "DFT energy against step (\(levelOfTheory))", y: "E − E(\(jobs[0].name), end) (eV)", series)
    }

    private var rmsdChart: LineChart {
        guard let deviation else { return LineChart("", y: "", []) }
        let series = zip(jobs, LineChart.palette).map { job, colour in
            LineChart.Series(
                job.name, colour: colour,
                job.placed.flatMap { stage, start in
                    stage.kind == .singlePoints
                        ? []
                        : stage.frames.enumerated().compactMap { n, frame in
                            deviation.rmsd(of: frame).map {
                                SIMD2(Double(start) + (frame.info["step"]?.double ?? Double(n)), $0)
                            }
                        }
                })
        }
        return LineChart("Distance from the DFT minimum against step", y: "RMSD (Å)", series)
    }

    /// Drawings of the initial structure and of each job's final structure, all seen from the same side.
    private var structures: String? {
        let jobs = jobs.filter { $0.final != nil }
        guard let given = self.jobs.lazy.compactMap(\.given).first, !jobs.isEmpty else { return nil }
        let drawing = StructureDrawing(for: given)
        let columns = min(4, jobs.count + 1)
        let rows = (jobs.count + columns) / columns
        var sheet = FigureSheet(width: Double(columns) * 280, height: Double(rows) * 334)
        func add(_ atoms: Atoms, _ place: Int, _ captions: [String]) {
            let (x, y) = (Double(place % columns) * 280, Double(place / columns) * 334)
            sheet.add(
                drawing.draw(atoms, title: captions[0], marked: given.moveMask), x: x + 5, y: y + 5,
                width: 270,
                height: 266)
            for (line, caption) in captions.enumerated() {
                sheet.add(text: caption, x: x + 140, y: y + 286 + 18 * Double(line))
            }
        }
        add(given, 0, ["\(given.formula), as given"])
        for (place, job) in jobs.enumerated() {
            guard var last = job.final else { continue }
            if let placed = try? Superposition(of: last, on: given) { last.positions = placed.positions }
            let end = job.stages.last { $0.kind != .singlePoints && !$0.frames.isEmpty }
            let whose =
                end?.kind == .ml
                ? "by \(end?.method ?? "a model"), not DFT"
                : end?.levelOfTheory == levelOfTheory ? "by DFT" : ""
            let energy = job.outcome(at: levelOfTheory).map {
                String(format: "ΔE %+.3f eV", $0.energy - reference)
            }
            add(last, place + 1, [job.name, whose, energy].compactMap(\.self).filter { !$0.isEmpty })
        }
        return sheet.svg(titled: "Structures: \(jobs.map(\.name).joined(separator: ", "))")
    }
}
