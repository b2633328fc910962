import Glibc

/// Reads the lines of a byte source one at a time, in one buffer that grows to the longest line.
final class LineScanner {
    let source: any ByteSource
    /// 1-based number of the last line read.
    private(set) var lineNumber = 0
    private let options: ExtXYZReadOptions
    private var buffer: UnsafeMutablePointer<UInt8>
    private var capacity: Int
    private var start = 0
    private var end = 0
    /// Offset in the source of the byte at `end`.
    private var readOffset = 0
    private var isAtEnd = false

    init(_ source: any ByteSource, options: ExtXYZReadOptions) throws(ExtXYZError) {
        self.source = source
        self.options = options
        // Enough for a complete small source, and one byte more to detect its end.
        capacity = min(max(source.byteCount ?? 1 << 18, 0), 1 << 18) + 1
        buffer = .allocate(capacity: capacity)
        if let count = source.byteCount, count > options.maxBytes {
            throw ExtXYZError(
                file: source.label,
                message: "the file has \(count) bytes, more than the limit of \(options.maxBytes)")
        }
    }

    deinit { buffer.deallocate() }

    /// Offset of the next line in the source.
    var offset: Int { readOffset - (end - start) }

    /// Number of bytes after the last line read; nil if the source does not know its size.
    var remaining: Int? { source.byteCount.map { max($0 - offset, 0) } }

    /// Moves to the start of a line whose number and offset are known.
    func seek(to offset: Int, beforeLine line: Int) {
        (start, end, readOffset, lineNumber, isAtEnd) = (0, 0, offset, line - 1, false)
    }

    /// Returns the next line without its end (`\n` or `\r\n`), valid until the next call; nil at the end.
    @inline(__always)
    func next() throws(ExtXYZError) -> UnsafeBufferPointer<UInt8>? {
        var searched = 0
        while true {
            if let found = memchr(buffer + start + searched, 10, end - start - searched) {
                let newline = found.assumingMemoryBound(to: UInt8.self) - buffer
                return line(upTo: newline, next: newline + 1)
            }
            searched = end - start
            if isAtEnd { return searched > 0 ? line(upTo: end, next: end) : nil }
            try fill()
        }
    }

    /// Skips lines and returns how many there were.
    func skip(_ count: Int) throws(ExtXYZError) -> Int {
        for skipped in 0..<count {
            guard try next() != nil else { return skipped }
        }
        return count
    }

    func error(_ message: String, at offset: Int? = nil, hint: String? = nil) -> ExtXYZError {
        ExtXYZError(
            file: source.label, line: lineNumber, column: offset.map { $0 + 1 } ?? 0, message: message,
            hint: hint)
    }

    private func line(upTo stop: Int, next: Int) -> UnsafeBufferPointer<UInt8> {
        let first = start
        start = next
        lineNumber += 1
        let hasReturn = stop > first && buffer[stop - 1] == 13
        return UnsafeBufferPointer(start: buffer + first, count: stop - first - (hasReturn ? 1 : 0))
    }

    private func fill() throws(ExtXYZError) {
        if end - start > options.maxLineLength {
            lineNumber += 1
            throw error("the line is longer than the limit of \(options.maxLineLength) bytes")
        }
        if start > 0 {
            (buffer).update(from: buffer + start, count: end - start)
            (start, end) = (0, end - start)
        }
        if end == capacity {
            let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity * 2)
            larger.update(from: buffer, count: end)
            buffer.deallocate()
            (buffer, capacity) = (larger, capacity * 2)
        }
        let count: Int
        do {
            count = try source.read(
                into: UnsafeMutableRawBufferPointer(start: buffer + end, count: capacity - end),
                at: readOffset)
        } catch let error as ExtXYZError {
            throw error
        } catch let cause {
            throw ExtXYZError(file: source.label, message: "cannot read: \(cause)")
        }
        isAtEnd = count == 0
        end += count
        readOffset += count
        if readOffset > options.maxBytes {
            throw ExtXYZError(
                file: source.label, message: "the file has more bytes than the limit of \(options.maxBytes)")
        }
    }
}
