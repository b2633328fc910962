import Atomistics
import Foundation

extension JobReport {
    /// One self-contained HTML file: it needs no network and no other file.
    ///
    /// - Parameter viewer: the structure viewer's script; without it the structures are only drawn.
    public func page(viewer: StructureViewer? = nil) -> String {
        let page: Markup = """
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>\(name): \(state)</title>
            <style>\(Markup(raw: PageStyle.css))</style></head>
            <body><main>
            \(body(viewer: viewer.map { $0.section(of: self) } ?? ""))</main></body></html>

            """
        return page.text
    }

    /// The body of the page, without a viewer, as HTML.
    public var fragment: String { body(viewer: "").text }

    /// - Parameter viewer: the trajectory's, which comes before what only few look at.
    private func body(viewer: Markup) -> Markup {
        """
        <h1>\(name)</h1>
        <p class="verdict \(state)" role="status"><strong>\(state)</strong>: \(prose: verdict)</p>
        \(Self.list(facts))
        \(drawings)\(viewer)\(figureSection)\(errorSection)\(geometrySection)
        <h2>Stages</h2>
        \(stages.map(Self.section))
        <h2>The job with all defaults</h2>
        <pre>\(settings)</pre>
        <h2>History</h2>
        <div class="history">\(Markup.table(head: ["When (UTC)", "What"], rows: history.map { [$0.at, $0.text] }))</div>
        \(fileSection)
        """
    }

    private static func list(_ facts: [(name: String, value: String)]) -> Markup {
        guard !facts.isEmpty else { return "" }
        return "<dl>\(facts.map { "<dt>\($0.name)</dt><dd>\(prose: $0.value)</dd>\n" as Markup })</dl>"
    }

    private static func section(_ stage: Stage) -> Markup {
        """
        <h3>\(stage.name)</h3>
        \(list(stage.facts))
        \(stage.warnings.map { "<p class=\"warning\">\(prose: $0)</p>\n" as Markup })\
        \(stage.problem.map { "<p class=\"warning\">Not all frames could be read: \($0)</p>\n" as Markup } ?? "")
        \(LearningCall.table(stage.learning))
        """
    }

    private var drawings: Markup {
        guard let initial else { return "" }
        let drawing = StructureDrawing(for: initial)
        var figures: [Markup] = [
            "<figure>\(drawing.draw(initial, title: "As given"))<figcaption>as given</figcaption></figure>"
        ]
        if let placed = placedFinal {
            figures.append(
                """
                <figure>\(drawing.draw(placed, title: "At the end"))\
                <figcaption>at the end (\(origin))</figcaption></figure>
                """)
        }
        return "<div class=\"pair\">\(figures)</div>\n"
    }

    /// By whom the last structure is.
    private var origin: String {
        guard let last = stages.last(where: { !$0.frames.isEmpty }) else { return "" }
        return last.isML ? "a model's, not DFT's" : last.frames.last?.levelOfTheory ?? "DFT"
    }

    private var figureSection: Markup {
        let drawn = curves
        guard !drawn.isEmpty else { return "" }
        return """
            <h2>Curves</h2>
            \(drawn.map { "<figure class=\"curve\">\($1.draw())<figcaption>\($1.title)</figcaption></figure>\n" as Markup })
            """
    }

    private var errorSection: Markup {
        let relaxations = stages.filter { $0.pathOf == nil }
        let found = zip(relaxations, relaxations.dropFirst()).compactMap { ml, dft in
            HandoverErrors(ml, dft).map { (ml.name, dft.name, $0) }
        }
        guard !found.isEmpty else { return "" }
        let tables: [Markup] = found.map { ml, dft, errors in
            "<p>\(ml) at the first geometry of \(dft) (\(errors.levelOfTheory)):</p>\n\(errors.table)\n"
        }
        return "<h2>Error of the model at the start of DFT</h2>\n\(tables)"
    }

    private var geometrySection: Markup {
        guard let initial, let final else { return "" }
        let rows = BondTable(initial, final)
        let superposition = try? Superposition(of: final, on: initial)
        let moved = superposition.map {
            String(
                format: "Displacement from the initial structure: RMSD %.3f Å, largest %.3f Å (superposed).",
                $0.rmsd,
                $0.largestDisplacement)
        }
        return """
            <h2>Geometry</h2>
            \(Markup.table(head: ["Distance", "Structure", "Pairs", "Mean (Å)", "Shortest (Å)", "Longest (Å)"], rows: rows.rows))
            \(rows.changes.map { "<p>\($0)</p>\n" as Markup })
            <p>\(moved ?? "")</p>

            """
    }

    private var fileSection: Markup {
        guard !files.isEmpty else { return "" }
        return """
            <h2>Files</h2>
            <details><summary>\(files.count) \(files.count == 1 ? "file" : "files") with sizes and SHA-256 checksums</summary>
            \(Markup.table(head: ["File", "Bytes", "SHA-256"], rows: files.map { [$0.path, String($0.bytes), $0.sha256] }))
            </details>
            """
    }
}
