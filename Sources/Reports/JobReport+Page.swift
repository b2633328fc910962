import Atomistics
import Foundation

extension JobReport {
    /// Returns the page as one HTML file, which needs no network and no other file.
    ///
    /// - Parameter viewer: the structure viewer's script; without it, the page shows only drawings of the structures.
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

    /// The body of the page as HTML, without a structure viewer.
    public var fragment: String { body(viewer: "").text }

    /// - Parameter viewer: the section with the structure viewer. It stands above the details, which few readers need.
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

    /// A description of the method that produced the final structure.
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

/// The style of all pages, for light and dark mode, phones and print.
public enum PageStyle {
    public static let css = """
        :root{color-scheme:light dark;--line:#8884;--soft:#8882}
        body{font:15px/1.45 system-ui,sans-serif;margin:0;background:Canvas;color:CanvasText}
        main{max-width:60rem;margin:0 auto;padding:1rem}
        h1{font-size:1.5rem;overflow-wrap:anywhere}h2{font-size:1.15rem;margin-top:2rem}h3{font-size:1rem}
        a{color:LinkText}
        .verdict{border-left:6px solid #888;background:var(--soft);padding:.6rem .8rem}
        .verdict.completed{border-color:#2a8a3e}.verdict.failed{border-color:#c62828}
        .verdict.running,.verdict.waiting-for-dft{border-color:#3b7dd8}
        .warning{border-left:6px solid #e69f00;background:var(--soft);padding:.4rem .8rem}
        dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1rem;margin:.5rem 0}
        dt{opacity:.75}dd{margin:0;overflow-wrap:anywhere}
        table{border-collapse:collapse;display:block;overflow-x:auto;max-width:100%}
        th,td{text-align:left;padding:.2rem .7rem .2rem 0;border-bottom:1px solid var(--line);vertical-align:top}
        td{overflow-wrap:break-word;font-variant-numeric:tabular-nums}
        pre{overflow-x:auto;background:var(--soft);padding:.6rem}
        .unit,.history td:first-child{white-space:nowrap}figure{margin:.5rem 0}figcaption{font-size:.85rem;opacity:.8}svg{max-width:100%;height:auto}
        main.wide{max-width:90rem}.jobs td:first-child{overflow-wrap:anywhere;min-width:8rem}
        .jobs td:nth-child(-n+7):not(:first-child){white-space:nowrap}.jobs td:last-child{min-width:12rem}
        #drop{border:2px dashed var(--line);border-radius:.4rem;padding:.2rem .8rem;margin-top:2rem}#drop.over{border-color:#3b7dd8}
        .sort{font:inherit;white-space:nowrap;text-align:left;font-weight:bold;color:inherit;background:none;border:0;padding:0;margin:0;cursor:pointer}
        [aria-sort=ascending] .sort::after{content:" ▲"}[aria-sort=descending] .sort::after{content:" ▼"}
        .pair{display:flex;flex-wrap:wrap;gap:1rem}.pair figure{flex:1 1 24rem;max-width:40rem}.pair svg{width:100%}
        .curve{max-width:42rem}
        nav{display:flex;gap:1rem;flex-wrap:wrap}iframe{width:100%;max-width:48rem;height:42rem;max-height:95vh;border:0}.framed #viewer p:first-of-type{margin:0}summary{cursor:pointer}
        #connection{color:#c62828}button{margin:.2rem}
        #viewer{max-width:48rem}#viewer-structure{height:36rem;max-height:80vh;position:relative}
        #viewer-meta,#viewer-info{background:#fff;color:#111;color-scheme:light}
        .framed #viewer{display:flex;flex-direction:column;height:100vh;margin:0 auto;padding:.5rem;box-sizing:border-box}
        .framed #viewer-structure{flex:1;min-height:0}#viewer-problem:empty{display:none}
        :focus-visible{outline:3px solid #3b7dd8}
        @media (max-width:34rem){dl{grid-template-columns:1fr}dt{margin-top:.3rem}
        .jobs,.jobs tbody,.jobs tr{display:block}.jobs thead{position:absolute;clip-path:inset(50%);width:1px;height:1px;overflow:hidden}
        .jobs tr{border:1px solid var(--line);border-radius:.4rem;padding:.4rem .6rem;margin:.6rem 0}.jobs tr[hidden]{display:none}
        .jobs td{display:grid;grid-template-columns:6rem 1fr;border:0;padding:.1rem 0}.jobs td:empty{display:none}.jobs td::before{content:attr(data-label);opacity:.75}}
        @media print{main{max-width:none}.pair{flex-wrap:nowrap}.pair figure{flex:1 1 0}#viewer{display:none}h2{break-after:avoid}figure,tr{break-inside:avoid}
        pre{white-space:pre-wrap}table{display:table}}
        """
}
