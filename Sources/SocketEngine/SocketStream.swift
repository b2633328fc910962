import SystemPackage

/// One end of a connection. It transfers given numbers of bytes, with a time-out.
///
/// Only one thread at a time may use it.
public final class SocketStream: Sendable {
    private let descriptor: Int32
    /// Called four times a second during a wait. If it returns true, the wait ends with ``SocketEngineError/stopped``.
    private let shouldStop: @Sendable () throws -> Bool

    init(_ descriptor: Int32, shouldStop: @escaping @Sendable () throws -> Bool = { false }) {
        self.descriptor = descriptor
        self.shouldStop = shouldStop
    }

    deinit { SocketCalls.close(descriptor) }

    /// Connects to a listening peer.
    ///
    /// - Parameter patience: time during which the connection is retried if the peer does not listen yet.
    public static func connect(
        to address: SocketAddress, patience: Duration = .zero,
        shouldStop: @escaping @Sendable () throws -> Bool = { false }
    ) throws -> SocketStream {
        try address.check()
        let end = ContinuousClock.now + patience
        while true {
            do {
                return try attempt(address, shouldStop)
            } catch let error as SocketEngineError {
                guard case .system("connect", _, _) = error, ContinuousClock.now < end else { throw error }
                if try shouldStop() { throw SocketEngineError.stopped }
                pause(milliseconds: 50)
            }
        }
    }

    private static func attempt(
        _ address: SocketAddress, _ shouldStop: @escaping @Sendable () throws -> Bool
    ) throws -> SocketStream {
        let descriptor = try SocketCalls.socket(address)
        // From here on the stream owns the descriptor and closes it, also after an error.
        let stream = SocketStream(descriptor, shouldStop: shouldStop)
        if try !SocketCalls.connect(descriptor, address) {
            try stream.wait(
                .writable, until: .now + .seconds(10), what: "the connection", seconds: 10)
            let code = SocketCalls.connectionError(of: descriptor)
            guard code == 0 else {
                throw SocketEngineError.system(call: "connect", code: code, subject: address.description)
            }
        }
        return stream
    }

    private static func pause(milliseconds: Int32) { SocketCalls.sleep(milliseconds: milliseconds) }

    /// Reads exactly `count` bytes.
    ///
    /// - Parameters:
    ///   - what: the name of the data, for messages.
    ///   - timeout: longest time without receiving any data.
    func read(_ count: Int, _ what: String, timeout: Duration) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count {
            try wait(.readable, until: .now + timeout, what: what, seconds: timeout / .seconds(1))
            let received = try bytes.withUnsafeMutableBytes { buffer in
                try SocketCalls.receive(
                    descriptor, UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]))
            }
            guard let received else { continue }
            guard received > 0 else { throw SocketEngineError.closed(during: what) }
            filled += received
        }
        return bytes
    }

    /// Writes all bytes.
    func write(_ bytes: [UInt8], _ what: String, timeout: Duration) throws {
        var sent = 0
        while sent < bytes.count {
            try wait(.writable, until: .now + timeout, what: what, seconds: timeout / .seconds(1))
            do {
                let count = try bytes.withUnsafeBytes { buffer in
                    try SocketCalls.send(descriptor, UnsafeRawBufferPointer(rebasing: buffer[sent...]))
                }
                sent += count ?? 0
            } catch SocketEngineError.system(call: "send", code: _, subject: _) {
                throw SocketEngineError.closed(during: what)
            }
        }
    }

    private func wait(
        _ event: SocketCalls.Event, until end: ContinuousClock.Instant, what: String, seconds: Double
    ) throws {
        while true {
            let left = ContinuousClock.now.duration(to: end) / .milliseconds(1)
            if try SocketCalls.poll(
                descriptor, event, milliseconds: Int32(max(0, min(250, left.rounded(.up)))))
            {
                return
            }
            if try shouldStop() { throw SocketEngineError.stopped }
            guard left > 0 else { throw SocketEngineError.timeout(waitingFor: what, seconds: seconds) }
        }
    }
}

/// A socket that listens for one peer.
public final class SocketListener: Sendable {
    /// The address for peers. If port 0 was requested, it has the port that the kernel chose.
    public let address: SocketAddress
    private let descriptor: Int32

    /// - Throws: an error if the address is already in use.
    public init(_ address: SocketAddress) throws(SocketEngineError) {
        try address.check()
        descriptor = try SocketCalls.socket(address)
        do {
            try SocketCalls.listen(descriptor, address)
            if case .tcp(let host, 0) = address {
                self.address = .tcp(host: host, port: try SocketCalls.port(of: descriptor, address))
            } else {
                self.address = address
            }
        } catch {
            SocketCalls.close(descriptor)
            throw error
        }
    }

    deinit { close() }

    private func close() {
        SocketCalls.close(descriptor)
        if case .unix(let path) = address { SocketCalls.unlink(path) }
    }

    /// Waits until a peer connects.
    ///
    /// - Parameter shouldStop: called four times a second, during this wait and later by the stream. It may throw an
    ///   error that explains why no peer will connect.
    public func accept(
        timeout: Duration, shouldStop: @escaping @Sendable () throws -> Bool = { false }
    ) throws -> SocketStream {
        let end = ContinuousClock.now + timeout
        while true {
            let left = ContinuousClock.now.duration(to: end) / .milliseconds(1)
            if try SocketCalls.poll(
                descriptor, .readable, milliseconds: Int32(max(0, min(250, left.rounded(.up))))),
                let accepted = try SocketCalls.accept(descriptor, address)
            {
                return SocketStream(accepted, shouldStop: shouldStop)
            }
            if try shouldStop() { throw SocketEngineError.stopped }
            guard left > 0 else { throw SocketEngineError.noConnection(seconds: timeout / .seconds(1)) }
        }
    }
}
