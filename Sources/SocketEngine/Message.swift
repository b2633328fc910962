/// The messages of i-PI's protocol. Each begins with twelve ASCII characters, a word padded with spaces; then the data
/// of the message follow.
///
/// - Source: Ceriotti, More, Manolopoulos, Comput. Phys. Commun. 185, 1019 (2014); ASE's
///   `ase/calculators/socketio.py`.
enum Message: String {
    // Sent by the driver.
    case status = "STATUS"
    case initialize = "INIT"
    case positions = "POSDATA"
    case getForce = "GETFORCE"
    case exit = "EXIT"
    // Sent by the engine.
    case needInit = "NEEDINIT"
    case ready = "READY"
    case haveData = "HAVEDATA"
    case forceReady = "FORCEREADY"

    static let size = 12

    var bytes: [UInt8] {
        let text = Array(rawValue.utf8)
        return text + [UInt8](repeating: 32, count: Self.size - text.count)
    }

    /// - Throws: ``SocketEngineError/protocolViolation(_:)`` if the text is not a message.
    init(_ bytes: [UInt8]) throws(SocketEngineError) {
        let text = bytes.prefix { $0 != 32 && $0 != 0 }
        guard let message = Message(rawValue: String(decoding: text, as: UTF8.self)),
            bytes.dropFirst(text.count).allSatisfy({ $0 == 32 || $0 == 0 })
        else {
            let shown = bytes.map {
                (32..<127).contains($0) ? String(UnicodeScalar($0)) : "\\x\(String($0, radix: 16))"
            }
            throw .protocolViolation("‘\(shown.joined())’ is not a message")
        }
        self = message
    }
}

/// Limits on the sizes that the peer may announce, and on the time without any data from it.
public struct SocketLimits: Sendable, Equatable {
    /// Longest time without data in the middle of a message.
    public var transfer: Duration = .seconds(60)
    public var atoms = 1_000_000
    /// Largest size of the text that comes with forces or with INIT, bytes.
    public var extraBytes = 1 << 24

    public init() {}
}

/// Sends and receives messages and numbers through a stream. As in i-PI, numbers are 32-bit integers and doubles in the
/// machine's byte order. The time-out of each call is ``SocketLimits/transfer`` unless the call gives another one.
struct Wire {
    let stream: SocketStream
    let limits: SocketLimits

    func send(_ message: Message, _ payload: [UInt8] = [], timeout: Duration? = nil) throws {
        try stream.write(message.bytes + payload, message.rawValue, timeout: timeout ?? limits.transfer)
    }

    func message(_ what: String, timeout: Duration) throws -> Message {
        try Message(stream.read(Message.size, what, timeout: timeout))
    }

    func count(_ what: String, upTo most: Int) throws -> Int {
        let bytes = try read(4, what)
        let value = Int(bytes.withUnsafeBytes { $0.loadUnaligned(as: Int32.self) })
        guard (0...most).contains(value) else {
            throw SocketEngineError.protocolViolation("\(what) is \(value), expected 0 to \(most)")
        }
        return value
    }

    /// - Throws: ``SocketEngineError/notFinite(_:)``.
    func doubles(_ count: Int, _ what: String) throws -> [Double] {
        let bytes = try read(8 * count, what)
        let values = bytes.withUnsafeBytes { buffer in
            (0..<count).map { buffer.loadUnaligned(fromByteOffset: 8 * $0, as: Double.self) }
        }
        guard values.allSatisfy(\.isFinite) else { throw SocketEngineError.notFinite(what) }
        return values
    }

    func text(_ what: String) throws -> [UInt8] {
        try read(try count("the size of \(what)", upTo: limits.extraBytes), what)
    }

    func read(_ count: Int, _ what: String) throws -> [UInt8] {
        try stream.read(count, what, timeout: limits.transfer)
    }

    static func bytes(_ values: [Double]) -> [UInt8] {
        values.flatMap { withUnsafeBytes(of: $0, Array.init) }
    }

    static func bytes(_ count: Int) -> [UInt8] { withUnsafeBytes(of: Int32(clamping: count), Array.init) }
}
