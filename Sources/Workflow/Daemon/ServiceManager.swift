import Foundation
import Glibc

/// The connection to systemd by the protocol of sd_notify(3): one datagram per message, to the socket that
/// the environment names.
struct ServiceManager: Sendable {
    private let address: [UInt8]
    /// Whether systemd ends a daemon that is silent for too long.
    private let hasWatchdog: Bool

    /// Returns nil if this process is not supervised.
    init?(_ environment: [String: String] = ProcessInfo.processInfo.environment) {
        guard let socket = environment["NOTIFY_SOCKET"], socket.hasPrefix("/") || socket.hasPrefix("@"),
            socket.utf8.count < MemoryLayout.size(ofValue: sockaddr_un().sun_path)
        else { return nil }
        var bytes = Array(socket.utf8)
        // systemd writes `@` for the NUL with which the name of an abstract socket begins.
        if bytes[0] == UInt8(ascii: "@") { bytes[0] = 0 }
        address = bytes
        let process = environment["WATCHDOG_PID"].flatMap { Int32($0) } ?? getpid()
        hasWatchdog = environment["WATCHDOG_USEC"] != nil && process == getpid()
    }

    /// Reports after a turn that the daemon is ready and alive, with a summary of its state.
    func tell(_ engine: Engine) async throws {
        send("READY=1\n\(hasWatchdog ? "WATCHDOG=1\n" : "")STATUS=\(try await engine.summary())")
    }

    /// Sends a message; a lost message has no effect.
    func send(_ message: String) {
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        var target = sockaddr_un()
        target.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &target.sun_path) { $0.copyBytes(from: address) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + address.count)
        let bytes = Array(message.utf8)
        withUnsafePointer(to: target) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                _ = sendto(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL), pointer, length)
            }
        }
    }
}
