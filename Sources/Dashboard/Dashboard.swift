import DurableFiles
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
public import Logging
import ModelLibrary
public import Reports
public import ServiceLifecycle
import Synchronization
import SystemPackage
public import Workflow

/// Web pages about a spool's jobs for a browser on this machine. The pages are made from the store and the
/// outbox; only requests with the token change anything.
///
///     GET  /                     the queue            GET /events              the same, live
///     GET  /jobs/NAME            a job                GET /jobs/NAME/events    the same, live
///     GET  /jobs/NAME/viewer     its trajectory       GET /jobs/NAME/log       its history
///     GET  /models               the force fields     GET /api/jobs            as `aurelax status --json`
///     GET  /health, /metrics     for machines         POST /jobs/NAME/REQUEST  cancel, pause, resume, retry
///     GET  /rejected/NAME        reason for rejection POST /inbox?name=FILE    a file for the inbox
public struct Dashboard: Service {
    public struct Settings: Sendable {
        /// The address of this machine at which the dashboard listens. Port 0 means any free port.
        public var host: String
        public var port: Int
        /// Host names that requests may use besides those of the loopback address, such as a proxy's name.
        public var names: [String] = []
        /// The token for requests that change something; nil if nothing can be changed.
        public var token: String?

        public init(host: String, port: Int) { (self.host, self.port) = (host, port) }
    }

    let settings: Settings
    let client: SpoolClient
    let models: ModelLibrary
    let viewer: StructureViewer?
    private let logger: Logger

    public init(
        _ settings: Settings, client: SpoolClient, modelPath: [String], viewer: StructureViewer?,
        logger: Logger
    ) {
        (self.settings, self.client, self.viewer, self.logger) = (settings, client, viewer, logger)
        models = ModelLibrary(searchPath: modelPath)
    }

    public func run() async throws {
        var quiet = logger
        // A log line per HTTP request would be noise.
        quiet.logLevel = max(logger.logLevel, .warning)
        let announcement = logger
        let isOpen = Atomic<Bool>(false)
        let app = Application(
            responder: routes().buildResponder(),
            // Idle connections are closed so that they do not block others.
            server: .http1(configuration: .init(idleTimeout: .seconds(5))),
            configuration: .init(
                address: .hostname(settings.host, port: settings.port),
                availableConnectionsDelegate: MaximumAvailableConnections(512)),
            onServerRunning: { channel in
                isOpen.store(true, ordering: .relaxed)
                let port = channel.localAddress?.port ?? settings.port
                announcement.info("dashboard: http://\(settings.host):\(port)/")
            }, logger: quiet)
        do {
            try await app.run()
        } catch  where !isOpen.load(ordering: .relaxed) {
            throw DashboardClosed(address: "\(settings.host):\(settings.port)", reason: "\(error)")
        }
    }

    /// The error that the dashboard cannot listen at its address.
    private struct DashboardClosed: Error, CustomStringConvertible {
        let address: String
        let reason: String

        var description: String {
            "the dashboard cannot listen at \(address): \(reason); if another program uses the port, choose "
                + "another port"
        }
    }

    private func routes() -> Router<BasicRequestContext> {
        let router = Router(options: .autoGenerateHeadEndpoints)
        let shared = SharedFragments()
        router.add(middleware: Gatekeeper(settings: settings))
        let pages = Pages(dashboard: self)
        router.get("/") { _, _ in try pages.queue() }
        router.get("/events") { _, _ in
            try Live.response { try await shared.fragment("/") { try pages.jobTable() } }
        }
        router.get("/jobs/:name") { _, context in try pages.job(context.parameters.require("name")) }
        router.get("/jobs/:name/events") { _, context in
            let name = try context.parameters.require("name")
            _ = try found { try client.status(of: name) }
            // The report reads every file of the job, so it is rebuilt only after a change of the job's status.
            let latest = Mutex<(status: JobStatus, contents: String)?>(nil)
            return try Live.response {
                let status = try client.status(of: name)
                if let known = latest.withLock({ $0 }), known.status == status { return known.contents }
                let contents = try await shared.fragment("/jobs/\(name)") { try pages.jobContents(name) }
                latest.withLock { $0 = (status, contents) }
                return contents
            }
        }
        router.get("/jobs/:name/viewer") { _, context in
            try pages.viewer(context.parameters.require("name"))
        }
        router.get("/jobs/:name/log") { _, context in
            let history = try found { try client.history(of: context.parameters.require("name")) }
            return Response.text(history.map { "\($0.at.formatted(.iso8601))  \($0.text)\n" }.joined())
        }
        router.get("/rejected/:name") { _, context in
            guard let text = client.rejection(of: try context.parameters.require("name")) else {
                throw HTTPError(.notFound)
            }
            return Response.text(text)
        }
        router.post("/inbox") { request, _ in try await take(request) }
        router.post("/jobs/:name/:request") { request, context in
            try await change(request, context)
        }
        router.get("/models") { _, _ in pages.modelTable() }
        router.get("/api/jobs") { _, _ in
            Response.json(
                JobList(
                    jobs: try client.statuses(), inbox: client.filesInInbox(), notes: client.inboxNotes()))
        }
        router.get("/health") { _, _ in
            let health = try client.health()
            return Response.json(health, status: health?.degraded.isEmpty == true ? .ok : .serviceUnavailable)
        }
        router.get("/metrics") { _, _ in Response.text(try Metrics(client).text) }
        router.get("/style.css") { _, _ in Response.asset(PageStyle.css, type: "text/css; charset=utf-8") }
        router.get("/live.js") { _, _ in
            Response.asset(
                String(decoding: PackageResources.live_js, as: UTF8.self),
                type: "text/javascript; charset=utf-8")
        }
        return router
    }

    /// Performs a user's request for a job; the gatekeeper has verified that it comes from one of our pages.
    private func change(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
        let name = try context.parameters.require("name")
        guard let requested = JobRequest(rawValue: try context.parameters.require("request")) else {
            throw HTTPError(.notFound)
        }
        struct Form: Decodable { var token: String? }
        let body = try await request.body.collect(upTo: 4096)
        let form = try? URLEncodedFormDecoder().decode(Form.self, from: String(buffer: body))
        try checkToken(of: request, or: form?.token)
        do {
            _ = try found { try client.request(requested, of: name) }
        } catch let error as WorkflowError {
            throw HTTPError(.conflict, message: "\(error)")
        }
        logger.info(
            "\(name): \(requested.rawValue), requested through the dashboard", metadata: ["job": "\(name)"])
        return Response(status: .seeOther, headers: [.location: "../\(name)"])
    }

    /// Largest file for the inbox, bytes. No structure that the inbox accepts is larger.
    private static let mostBytes = 64 << 20

    /// Takes a file for the inbox, from a page of ours or from a program with the token.
    private func take(_ request: Request) async throws -> Response {
        try checkToken(of: request)
        guard let name = request.uri.queryParameters["name"].map({ String($0) }) else {
            throw HTTPError(.badRequest, message: "?name=FILE is missing")
        }
        let body: ByteBuffer
        do { body = try await request.body.collect(upTo: Self.mostBytes) } catch {
            throw HTTPError(.contentTooLarge, message: "\(name): more than \(Self.mostBytes >> 20) MiB")
        }
        do {
            try client.drop(Array(body.readableBytesView), as: name)
        } catch let error as WorkflowError {
            throw HTTPError(.unprocessableContent, message: "\(error)")
        } catch let error as FileError where error.code == .fileExists {
            throw HTTPError(.conflict, message: "a file ‘\(name)’ waits in the inbox already")
        }
        logger.info("\(name): dropped through the dashboard")
        var response = Response.text("\(name): in the inbox\n")
        response.status = .created
        return response
    }

    private func checkToken(of request: Request, or other: String? = nil) throws {
        let bearer = request.headers[.authorization].flatMap { header in
            header.hasPrefix("Bearer ") ? String(header.dropFirst(7)) : nil
        }
        guard let token = settings.token, Secret(token).matches(bearer ?? other ?? "") else {
            throw HTTPError(.forbidden, message: "wrong token")
        }
    }
}

/// Runs a closure; if a job or file is missing, the answer is 404 instead of a server error.
func found<Result>(_ body: () throws -> Result) throws -> Result {
    do {
        return try body()
    } catch let error as WorkflowError where error.exitStatus == .notFound {
        throw HTTPError(.notFound, message: "\(error)")
    }
}

extension Response {
    static func text(_ text: String) -> Response { .of(text, type: "text/plain; charset=utf-8") }

    static func page(_ text: String) -> Response { .of(text, type: "text/html; charset=utf-8") }

    static func json(_ value: some Encodable, status: HTTPResponse.Status = .ok) -> Response {
        let data = (try? JSONEncoder.answer.encode(value)) ?? Data("null".utf8)
        return .of(String(decoding: data, as: UTF8.self) + "\n", type: "application/json", status: status)
    }

    static func asset(_ text: String, type: String) -> Response {
        var response = of(text, type: type)
        response.headers[.cacheControl] = "max-age=300"
        return response
    }

    static func of(_ text: String, type: String, status: HTTPResponse.Status = .ok) -> Response {
        Response(
            status: status, headers: [.contentType: type], body: .init(byteBuffer: ByteBuffer(string: text)))
    }
}
