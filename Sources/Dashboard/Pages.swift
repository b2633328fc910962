import Foundation
import HTTPTypes
import Hummingbird
import ModelLibrary
import Reports
import Workflow

/// The contents of the pages. The same code makes the changing parts for the first answer and for live updates.
struct Pages: Sendable {
    let dashboard: Dashboard

    private var client: SpoolClient { dashboard.client }

    func queue() throws -> Response {
        .page(
            page(
                "Jobs", live: "events", isWide: true,
                """
                <h1>Jobs</h1>
                <p><label>Show jobs with <input id="filter" type="search" autocomplete="off" \
                placeholder="a name, a state, a word"></label></p>
                <p id="summary" role="status"></p>
                <div id="live">\(raw: try jobTable())</div>
                \(dropping)
                """))
    }

    /// The page's area for files to drop; empty if the dashboard has no token.
    private var dropping: Markup {
        guard dashboard.settings.token != nil else { return "" }
        return """
            <section id="drop" aria-labelledby="drop-heading"><h2 id="drop-heading">Submit</h2>
            <p>Drop job files and the structures that they name here, or choose them.</p>
            <p><label>Files <input type="file" id="drop-files" multiple></label></p>
            <p><label>Token <input type="password" id="drop-token" autocomplete="off"></label> \
            <button type="button" id="drop-send">Submit</button></p>
            <ul id="drop-results" role="status"></ul></section>
            """
    }

    /// Returns the HTML of the table of jobs.
    func jobTable() throws -> String {
        let jobs: [JobStatus]
        do { jobs = try client.statuses(inTurn: []) } catch let error as WorkflowError
            where error.exitStatus == .notFound
        { jobs = [] }
        let shown = jobs.prefix(Self.most)
        let energies = jobs.isEmpty ? [:] : try client.energies()
        let rows: [Markup] = shown.map { job in
            let curve = client.curve(of: job)
            return """
                <tr role="row"><td role="cell" data-label="Job"><a href="jobs/\(job.name)">\(job.name)</a></td>\
                <td role="cell" data-label="State" class="\(job.state.rawValue)">\(job.state.rawValue)</td>\
                <td role="cell" data-label="Stage">\(job.stage)/\(job.stages) \(job.kind.rawValue)</td>\
                <td role="cell" data-label="Step">\(job.step.map(String.init) ?? "–")</td>\
                <td role="cell" data-label="fmax (eV/Å)">\(job.fmax.map { String(format: "%.4f", $0) } ?? "–") \
                \(curve.trend)</td>\
                <td role="cell" data-label="Energy (eV)">\(Self.energy(of: job, curve, energies[job.name]))</td>\
                <td role="cell" data-label="Curve" aria-hidden="true">\(curve.sparkline(width: 12))</td>\
                <td role="cell" data-label="Reason"><span>\(prose: String(job.reason.prefix(300)))</span></td></tr>

                """
        }
        let health = try client.health()
        let troubles = health.map(\.degraded) ?? ["no daemon is running on this spool"]
        let inbox = client.filesInInbox()
        let waiting: Markup =
            inbox.isEmpty
            ? ""
            : """
            <p>In the inbox, not accepted yet: \(inbox.prefix(20).joined(separator: " "))\
            \(inbox.count > 20 ? " …" : "")</p>
            <ul>\(client.inboxNotes().sorted { $0.key < $1.key }.prefix(20).map { "<li>\($0.key): \($0.value)</li>\n" as Markup })</ul>

            """
        let rejections: [Markup] = client.rejections().map { "<a href=\"rejected/\($0)\">\($0)</a> " }
        let rejected: Markup =
            rejections.isEmpty ? "" : "<p>Files set aside recently, with the reasons: \(rejections)</p>\n"
        let text: Markup = """
            \(troubles.map { "<p class=\"warning\">\($0)</p>\n" as Markup })\
            <p class="count">\(jobs.count) \(jobs.count == 1 ? "job" : "jobs")\(jobs.count > shown.count ? ", the first \(shown.count) shown" : "")</p>
            \(waiting)\(rejected)\
            <table class="jobs" role="table"><thead role="rowgroup"><tr role="row">\(Self.heads)</tr></thead>
            <tbody role="rowgroup">\(rows)</tbody></table>
            """
        return text.text
    }

    /// Returns the last energy that a calculation of the job gave; else that of the job's model, marked as such;
    /// else a dash.
    private static func energy(of job: JobStatus, _ curve: OptimizerCurve, _ ended: JobEnergies?) -> String {
        let running = job.kind == .ml ? nil : curve.entries.last?.energy
        if let energy = running ?? ended?.calculated { return String(format: "%.4f", energy) }
        return ended?.predicted.map { String(format: "%.4f (model)", $0) } ?? "–"
    }

    /// The headings of the table of jobs. A click on any heading except the curve's sorts the table.
    private static let heads: [Markup] = [
        "Job", "State", "Stage", "Step", "fmax (eV/Å)", "Energy (eV)", "Curve", "Reason",
    ]
    .map {
        $0 == "Curve"
            ? "<th scope=\"col\" role=\"columnheader\">\($0)</th>"
            : "<th scope=\"col\" role=\"columnheader\"><button type=\"button\" class=\"sort\">\($0)</button></th>"
    }

    /// Largest number of jobs shown.
    private static let most = 2000

    func job(_ name: String) throws -> Response {
        let contents = try jobContents(name)
        let viewer: Markup =
            dashboard.viewer == nil
            ? ""
            : """
            <h2>Trajectory</h2>
            <iframe title="Trajectory of \(name)" src="\(name)/viewer" sandbox="allow-scripts" \
            loading="lazy"></iframe>
            """
        return .page(
            page(
                name, live: "\(name)/events", root: "../",
                """
                <nav><a href="\(name)/log">History as text</a></nav>
                <div id="live">\(raw: contents)</div>
                \(viewer)\(requests(of: name))
                """))
    }

    /// Returns the HTML of a job's page.
    func jobContents(_ name: String) throws -> String {
        try found { try client.report(of: name) }.fragment
    }

    func viewer(_ name: String) throws -> Response {
        guard let viewer = dashboard.viewer else {
            throw HTTPError(.notFound, message: "the structure viewer is not installed")
        }
        var response = Response.page(viewer.page(of: try found { try client.report(of: name) }))
        response.headers[.contentSecurityPolicy] = Gatekeeper.viewerPolicy
        return response
    }

    private func requests(of name: String) -> Markup {
        guard dashboard.settings.token != nil else { return "" }
        let buttons: [Markup] = JobRequest.allCases.map { request in
            """
            <button formaction="\(name)/\(request.rawValue)">\(request.rawValue)</button>

            """
        }
        return """
            <h2>Change this job</h2>
            <form method="post"><label>Token <input type="password" name="token" autocomplete="off" required></label>
            \(buttons)</form>
            """
    }

    func modelTable() -> Response {
        let rows: [Markup] = dashboard.models.names.map { name in
            do {
                let model = try dashboard.models.describe(name)
                let details: [Markup] = model.details.map { "<dt>\($0.name)</dt><dd>\($0.value)</dd>\n" }
                return """
                    <h2>\(name)</h2>
                    <dl><dt>kind</dt><dd>\(model.kind)</dd><dt>version</dt><dd>\(model.version)</dd>
                    <dt>level of theory</dt><dd>\(model.levelOfTheory)</dd>
                    <dt>elements</dt><dd>\(model.elements.joined(separator: " "))</dd>
                    <dt>energies</dt><dd>\(model.hasEnergy ? "yes" : "no")</dd>
                    \(details)</dl>

                    """
            } catch {
                return "<h2>\(name)</h2>\n<p class=\"warning\">\("\(error)")</p>\n"
            }
        }
        return .page(page("Force fields", live: nil, "<h1>Force fields</h1>\n\(rows)"))
    }

    /// Makes a page. Links are relative, so that a proxy may serve all pages under a path.
    ///
    /// - Parameter root: relative path from the page to the first page.
    private func page(
        _ title: String, live: String?, root: String = "", isWide: Bool = false, _ body: Markup
    ) -> String {
        let script: Markup =
            live.map { "<script src=\"\(root)live.js\" data-events=\"\($0)\" defer></script>" } ?? ""
        let page: Markup = """
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>\(title) – aurelax</title><link rel="stylesheet" href="\(root)style.css">
            <link rel="icon" href="data:,">\(script)</head>
            <body><main class="\(isWide ? "wide" : "narrow")">
            <nav aria-label="Pages"><a href="\(root.isEmpty ? "./" : root)">Jobs</a> <a href="\(root)models">Force fields</a> \
            <span id="connection" role="status"></span></nav>
            \(body)
            </main></body></html>

            """
        return page.text
    }
}
