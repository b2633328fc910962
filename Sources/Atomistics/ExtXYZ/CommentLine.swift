import OrderedCollections

/// The second line of a frame: `key=value` pairs, or a plain comment.
///
/// Keys and values are bare or in quotes, double or single; a value may also be an array: `[1, 2]`
/// and `[[1, 2], [3, 4]]`, or the older `{1 2}` and `"1 2"`.
struct CommentLine {
    var values: OrderedDictionary<String, InfoValue> = [:]
    /// 0-based byte offset of each value, for messages.
    var offsets: [String: Int] = [:]
    /// The text of a line that is not a list of pairs.
    var plainText: String?

    init(_ line: UnsafeBufferPointer<UInt8>) throws(LineFault) {
        let text = String(decoding: line, as: UTF8.self)
        // A line that no writer of pairs produces is a comment; a line that names columns must be
        // correct.
        guard line.contains(UInt8(ascii: "=")) else {
            if line.contains(where: { !CommentScanner.isSpace($0) }) { plainText = text }
            return
        }
        do throws(LineFault) {
            try parse(line)
            // "Lattice constant = 4.08" is a comment.
            for (key, value) in values where value == .bare && ["Lattice", "Properties", "pbc"].contains(key)
            {
                throw LineFault("\(key) has no value", at: offsets[key])
            }
        } catch {
            guard !text.contains("Properties="), !text.contains("Lattice=") else { throw error }
            (values, offsets, plainText) = ([:], [:], text)
        }
    }

    private mutating func parse(_ line: UnsafeBufferPointer<UInt8>) throws(LineFault) {
        var scanner = CommentScanner(line)
        scanner.skipSpace()
        while !scanner.isAtEnd {
            let start = scanner.position
            let key = try scanner.key()
            guard values[key] == nil else {
                throw LineFault("the key \(quoted(key.utf8)) appears twice", at: start)
            }
            offsets[key] = start
            if scanner.takeEqualsSign() {
                offsets[key] = scanner.position
                values[key] = try scanner.value()
            } else {
                values[key] = .bare
            }
            scanner.skipSpace()
        }
    }
}
