import Foundation
import HTTPTypes
import Hummingbird

/// The check of who may use the dashboard, which also restricts what a browser may do with the answer.
///
/// Pages of other sites can send requests to the loopback address, too: under another host name, or through
/// forms. Therefore a request whose `Host` is not a name of the dashboard is refused, and so is a change whose
/// `Origin` is not the dashboard.
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
                .misdirectedRequest,
                message: "the dashboard does not accept this host name (--dashboard-name adds one)")
        }
        switch request.method {
        case .get, .head: return
        case .post:
            guard settings.token != nil else {
                throw HTTPError(.forbidden, message: "read-only: the daemon was started without a token")
            }
            guard let origin = request.headers[.origin] else { return }
            guard origin == "http://\(authority)" || origin == "https://\(authority)" || isNamed(origin)
            else {
                throw HTTPError(.forbidden, message: "the request comes from a page of \(origin)")
            }
        default: throw HTTPError(.methodNotAllowed)
        }
    }

    /// Returns true if the origin has one of the names in the settings. A proxy may replace `Host` by its own
    /// name, so that `Host` differs from the name in the browser's `Origin`.
    private func isNamed(_ origin: String) -> Bool {
        let names = Set(settings.names.map { $0.lowercased() })
        return ["http://", "https://"].contains { scheme in
            origin.lowercased().hasPrefix(scheme)
                && names.contains(Self.host(of: String(origin.dropFirst(scheme.count))))
        }
    }

    private var allowed: Set<String> {
        Set(
            ["localhost", "127.0.0.1", "[::1]", settings.host.lowercased()]
                + settings.names.map { $0.lowercased() })
    }

    /// Returns the host name in `host` or `host:port`, in lower case.
    static func host(of authority: String) -> String {
        let text = authority.lowercased()
        let end =
            text.hasPrefix("[") ? text.firstIndex(of: "]").map(text.index(after:)) : text.firstIndex(of: ":")
        guard let end, end < text.endIndex else { return text }
        // If something other than a port follows the name, the text is a different name.
        let port = text[end...].dropFirst()
        guard text[end] == ":", port.allSatisfy({ $0.isASCII && $0.isNumber }) else { return text }
        return String(text[..<end])
    }

    /// The content security policy of the trajectory viewer's page. The page may run chemiscope, which creates
    /// functions from text, and nothing else; it has a separate origin, so that it cannot send requests to the
    /// dashboard.
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

/// A token that is compared in constant time, so that the time reveals nothing about it.
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
