import Foundation
import HTTPTypes
import Hummingbird

/// Who may ask, and what a browser may do with the answer.
///
/// A page of a foreign site reaches the loopback too, by its own name for it or by forms: another `Host` than ours, or
/// another `Origin` of what changes something, is refused.
struct Gatekeeper: RouterMiddleware {
    let settings: Dashboard.Settings

    func handle(
        _ request: Request, context: BasicRequestContext,
        next: (Request, BasicRequestContext) async throws -> Response
    ) async throws -> Response {
        var response: Response
        do {
            try check(request)
            response = try await next(request, context)
        } catch let error as HTTPError {
            response = .text("\(error.status.code): \(error.body ?? error.status.reasonPhrase)\n")
            response.status = error.status
        }
        for (name, value) in Self.headers where response.headers[name] == nil {
            response.headers[name] = value
        }
        return response
    }

    private func check(_ request: Request) throws {
        guard let authority = request.head.authority, allowed.contains(Self.host(of: authority)) else {
            throw HTTPError(
                .misdirectedRequest, message: "not known by this name (--dashboard-name allows one)")
        }
        switch request.method {
        case .get, .head: return
        case .post:
            guard settings.token != nil else {
                throw HTTPError(.forbidden, message: "read-only: the daemon was started without a token")
            }
            guard let origin = request.headers[.origin] else { return }
            guard origin == "http://\(authority)" || origin == "https://\(authority)" || isNamed(origin) else {
                throw HTTPError(.forbidden, message: "asked by a page of \(origin)")
            }
        default: throw HTTPError(.methodNotAllowed)
        }
    }

    /// True for a page under one of the names that the dashboard was given: a proxy may pass on its own name and not
    /// the one that the browser knows.
    private func isNamed(_ origin: String) -> Bool {
        let names = Set(settings.names.map { $0.lowercased() })
        return ["http://", "https://"].contains { scheme in
            origin.lowercased().hasPrefix(scheme) && names.contains(Self.host(of: String(origin.dropFirst(scheme.count))))
        }
    }

    private var allowed: Set<String> {
        Set(
            ["localhost", "127.0.0.1", "[::1]", settings.host.lowercased()]
                + settings.names.map { $0.lowercased() })
    }

    /// Without the port.
    static func host(of authority: String) -> String {
        let text = authority.lowercased()
        if text.hasPrefix("["), let end = text.firstIndex(of: "]") { return String(text[...end]) }
        return String(text.prefix { $0 != ":" })
    }

    /// What the viewer's page may do: run chemiscope, which makes functions from text, and nothing else; in an origin of
    /// its own, so that it cannot ask for anything here.
    static let viewerPolicy =
        "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; "
        + "style-src 'unsafe-inline'; img-src data: blob:; font-src data:; worker-src blob:; frame-ancestors 'self'"

    private static let headers: [(HTTPField.Name, String)] = [
        (
            .contentSecurityPolicy,
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
                + "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        ),
        (.xContentTypeOptions, "nosniff"), (HTTPField.Name("Referrer-Policy")!, "no-referrer"),
        (HTTPField.Name("Cross-Origin-Resource-Policy")!, "same-origin"), (.cacheControl, "no-store"),
    ]
}

/// Compared in a time that does not tell how much of it was right.
struct Secret {
    private let bytes: [UInt8]

    init(_ text: String) { bytes = Array(text.utf8) }

    func matches(_ other: String) -> Bool {
        let theirs = Array(other.utf8)
        var difference = UInt8(theirs.count == bytes.count ? 0 : 1)
        for (i, byte) in bytes.enumerated() { difference |= byte ^ (i < theirs.count ? theirs[i] : 0) }
        return difference == 0 && !bytes.isEmpty
    }
}
