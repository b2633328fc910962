// All system calls of this module are in this file, except those about processes (ProcessCalls.swift).
import Glibc
import SystemPackage

/// Linux system calls for sockets and for waiting at them. A result of −1 becomes an error; an interrupted call is
/// repeated.
enum SocketCalls {
    static func message(of code: Int32) -> String { Errno(rawValue: code).description }

    @discardableResult
    private static func check(
        _ call: String, _ subject: @autoclosure () -> String, _ body: () -> Int
    ) throws(SocketEngineError) -> Int {
        while true {
            let result = body()
            if result != -1 { return result }
            let code = errno
            if code == EINTR { continue }
            throw .system(call: call, code: code, subject: subject())
        }
    }

    // MARK: Sockets

    /// socket(2): makes a stream socket that is closed on exec and never blocks.
    static func socket(_ address: SocketAddress) throws(SocketEngineError) -> Int32 {
        let family =
            switch address {
            case .unix: AF_UNIX
            case .tcp(let host, _): host.contains(":") ? AF_INET6 : AF_INET
            }
        let type =
            Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let descriptor = Int32(
            try check("socket", address.description) { Int(Glibc.socket(family, type, 0)) })
        if case .tcp = address {
            // A message of 12 bytes must be sent without delay.
            var one: Int32 = 1
            _ = setsockopt(
                descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
        }
        return descriptor
    }

    /// bind(2) and listen(2): makes a socket listen at an address.
    static func listen(_ descriptor: Int32, _ address: SocketAddress) throws(SocketEngineError) {
        if case .tcp = address {
            var one: Int32 = 1
            _ = setsockopt(
                descriptor, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
        }
        try check("bind", address.description) {
            withSocketAddress(address) { Int(Glibc.bind(descriptor, $0, $1)) }
        }
        try check("listen", address.description) { Int(Glibc.listen(descriptor, 1)) }
    }

    /// getsockname(2): returns the port that the kernel chose for a socket bound to port 0.
    static func port(of descriptor: Int32, _ address: SocketAddress) throws(SocketEngineError) -> UInt16 {
        var storage = sockaddr_in6()
        var length = socklen_t(MemoryLayout<sockaddr_in6>.size)
        try check("getsockname", address.description) {
            withUnsafeMutablePointer(to: &storage) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    Int(Glibc.getsockname(descriptor, $0, &length))
                }
            }
        }
        // The port is at the same offset in IPv4 and IPv6 addresses.
        return UInt16(bigEndian: storage.sin6_port)
    }

    /// accept(2): returns a connection that is closed on exec and never blocks. Returns nil if no peer is waiting any
    /// more.
    static func accept(_ descriptor: Int32, _ address: SocketAddress) throws(SocketEngineError) -> Int32? {
        do {
            let accepted = Int32(
                try check("accept", address.description) { Int(Glibc.accept(descriptor, nil, nil)) })
            // Glibc's module has no accept4(2).
            _ = fcntl(accepted, F_SETFD, FD_CLOEXEC)
            _ = fcntl(accepted, F_SETFL, O_NONBLOCK)
            if case .tcp = address {
                var one: Int32 = 1
                _ = setsockopt(
                    accepted, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
            }
            return accepted
        } catch  where error.code == EAGAIN {
            return nil
        } catch  where error.code == ECONNABORTED {
            return nil
        }
    }

    /// connect(2): begins a connection.
    ///
    /// - Returns: false if the connection is not made yet. Then poll for writing, and call ``connectionError(of:)``.
    static func connect(_ descriptor: Int32, _ address: SocketAddress) throws(SocketEngineError) -> Bool {
        do {
            try check("connect", address.description) {
                withSocketAddress(address) { Int(Glibc.connect(descriptor, $0, $1)) }
            }
            return true
        } catch  where error.code == EINPROGRESS {
            return false
        }
    }

    /// Returns the error of a connection that was in progress; 0 if it was made.
    static func connectionError(of descriptor: Int32) -> Int32 {
        var code: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        return getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length) == 0 ? code : errno
    }

    /// recv(2): reads into `buffer` and returns the number of bytes, 0 at the end of the connection. Returns nil if no
    /// data has arrived yet.
    static func receive(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer)
        throws(SocketEngineError)
        -> Int?
    {
        do {
            return try check("recv", "the socket") {
                Glibc.recv(descriptor, buffer.baseAddress, buffer.count, 0)
            }
        } catch  where error.code == EAGAIN {
            return nil
        } catch  where error.code == ECONNRESET {
            return 0
        }
    }

    /// send(2) without SIGPIPE: returns the number of bytes sent, or nil if the peer's buffer is full.
    static func send(_ descriptor: Int32, _ buffer: UnsafeRawBufferPointer) throws(SocketEngineError) -> Int?
    {
        do {
            return try check("send", "the socket") {
                Glibc.send(descriptor, buffer.baseAddress, buffer.count, Int32(MSG_NOSIGNAL))
            }
        } catch  where error.code == EAGAIN {
            return nil
        }
    }

    enum Event { case readable, writable }

    /// poll(2): waits for an event of a socket.
    ///
    /// - Returns: whether the event, an error or the end of the connection has occurred.
    static func poll(_ descriptor: Int32, _ event: Event, milliseconds: Int32) throws(SocketEngineError)
        -> Bool
    {
        var entry = pollfd(
            fd: descriptor, events: Int16(event == .readable ? POLLIN : POLLOUT), revents: 0)
        let count = Glibc.poll(&entry, 1, max(0, milliseconds))
        if count == -1 {
            let code = errno
            guard code == EINTR else { throw .system(call: "poll", code: code, subject: "the socket") }
        }
        return count > 0
    }

    static func close(_ descriptor: Int32) { _ = Glibc.close(descriptor) }

    static func unlink(_ path: FilePath) { _ = path.withPlatformString { Glibc.unlink($0) } }

    private static func withSocketAddress<Result>(
        _ address: SocketAddress, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        switch address {
        case .unix(let path):
            var name = sockaddr_un()
            name.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &name.sun_path) { bytes in
                // `SocketAddress.check` has verified that the path fits; the other bytes stay zero.
                for (index, byte) in path.string.utf8.prefix(SocketAddress.longestPath).enumerated() {
                    bytes[index] = byte
                }
            }
            return withUnsafePointer(to: &name) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
        case .tcp(let host, let port) where host.contains(":"):
            var name = sockaddr_in6()
            name.sin6_family = sa_family_t(AF_INET6)
            name.sin6_port = port.bigEndian
            _ = inet_pton(AF_INET6, host, &name.sin6_addr)
            return withUnsafePointer(to: &name) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    body($0, socklen_t(MemoryLayout<sockaddr_in6>.size))
                }
            }
        case .tcp(let host, let port):
            var name = sockaddr_in()
            name.sin_family = sa_family_t(AF_INET)
            name.sin_port = port.bigEndian
            _ = inet_pton(AF_INET, host, &name.sin_addr)
            return withUnsafePointer(to: &name) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
        }
    }

    // MARK: Folders

    /// mkdtemp(3): makes a new folder that only this user can enter (0700).
    static func makePrivateFolder(_ template: String) throws(SocketEngineError) -> FilePath {
        var bytes = Array(template.utf8CString)
        let made = bytes.withUnsafeMutableBufferPointer { Glibc.mkdtemp($0.baseAddress!) != nil }
        guard made else { throw .system(call: "mkdtemp", code: errno, subject: template) }
        return FilePath(String(decoding: bytes.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self))
    }
}

extension SocketCalls {
    static func sleep(milliseconds: Int32) { _ = Glibc.poll(nil, 0, milliseconds) }
}
