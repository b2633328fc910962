/// Recognises, by its first bytes, a file that is not a structure.
///
/// Editors, browsers and mail programs change files. The message tells the user how the file was changed.
enum ForeignStart {
    /// The UTF-8 byte-order mark, which is skipped.
    static let mark: [UInt8] = [0xEF, 0xBB, 0xBF]

    /// - Parameter line: the first line of the file.
    /// - Returns: the error; nil if the line may belong to a structure.
    static func fault(in line: UnsafeBufferPointer<UInt8>) -> LineFault? {
        for (start, name, command) in compressed where line.starts(with: start) {
            return LineFault("the file is compressed (\(name))", at: 0, hint: "unpack it first: \(command)")
        }
        if line.starts(with: [0xFF, 0xFE]) || line.starts(with: [0xFE, 0xFF]) || line.prefix(64).contains(0) {
            let isText =
                line.starts(with: [0xFF, 0xFE]) || line.starts(with: [0xFE, 0xFF])
                || isUTF16WithoutMark(line)
            return isText
                ? LineFault("the file is UTF-16 text", at: 0, hint: "save it as UTF-8")
                : LineFault("the file is not text", at: 0, hint: "is this an XYZ file?")
        }
        for (start, what, hint) in others {
            guard line.count >= start.utf8.count,
                zip(line, start.utf8).allSatisfy({ $0 | 0x20 == $1 | 0x20 })
            else { continue }
            return LineFault(what, at: 0, hint: hint)
        }
        // With the line ends of old Macs (carriage returns only), the whole file is one line.
        if let end = line.firstIndex(of: 13), end < line.count - 1,
            NumberParsing.integer(UnsafeBufferPointer(rebasing: line[..<end])) != nil
        {
            return LineFault(
                "the lines end with a carriage return alone", at: end,
                hint: "write line feeds: tr '\\r' '\\n' <old.xyz >new.xyz")
        }
        return nil
    }

    private static func isUTF16WithoutMark(_ line: UnsafeBufferPointer<UInt8>) -> Bool {
        guard line.count >= 2 else { return false }
        return 0x30...0x39 ~= line[0] && line[1] == 0 || line[0] == 0 && 0x30...0x39 ~= line[1]
    }

    private static let compressed: [([UInt8], String, String)] = [
        ([0x1F, 0x8B], "gzip", "gunzip FILE"), ([0x42, 0x5A, 0x68], "bzip2", "bunzip2 FILE"),
        ([0xFD, 0x37, 0x7A, 0x58, 0x5A], "xz", "unxz FILE"),
        ([0x28, 0xB5, 0x2F, 0xFD], "zstd", "unzstd FILE"),
        ([0x50, 0x4B, 0x03, 0x04], "zip", "unzip FILE"),
    ]

    private static let others: [(String, String, String)] = [
        ("<!doctype", "the file is a web page", "download the raw file, which has another address"),
        ("<html", "the file is a web page", "download the raw file, which has another address"),
        (
            "version https://git-lfs", "the file is a Git LFS pointer; its content has not been fetched",
            "fetch it: git lfs pull"
        ),
        ("{\\rtf", "the file is a word processor document", "save it as plain text"),
    ]
}
