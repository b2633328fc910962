/// Structures as extended XYZ: a line with the number of atoms, a line of `key=value` pairs, and a
/// line per atom.
///
/// Reads plain XYZ and the files that ASE 3.29 and libAtoms `extxyz` write; writes files that both
/// of them can read.
public enum ExtXYZ {
    /// Reads all frames of a file.
    public static func read(path: String) throws(ExtXYZError) -> [Atoms] {
        try all(ExtXYZReader(path: path))
    }

    /// Reads all frames of text in memory.
    public static func frames(
        in bytes: [UInt8], label: String, options: ExtXYZReadOptions = ExtXYZReadOptions()
    ) throws(ExtXYZError) -> [Atoms] {
        try all(ExtXYZReader(MemoryBytes(bytes, label: label), options: options))
    }

    private static func all(_ reader: consuming ExtXYZReader) throws(ExtXYZError) -> [Atoms] {
        var frames: [Atoms] = []
        while let atoms = try reader.next() { frames.append(atoms) }
        return frames
    }

    /// Returns frames as the bytes of a file.
    public static func bytes(of frames: [Atoms]) -> [UInt8] {
        var bytes: [UInt8] = []
        for atoms in frames { encode(atoms, into: &bytes) }
        return bytes
    }
}
