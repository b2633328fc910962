/// Structures as extended XYZ: a line with the number of atoms, one of `key=value` pairs, one an atom.
///
/// Read is what ASE 3.29 and libAtoms `extxyz` write, and plain XYZ; written is what both read.
public enum ExtXYZ {
    /// All frames of a file.
    public static func read(path: String) throws(ExtXYZError) -> [Atoms] {
        try all(ExtXYZReader(path: path))
    }

    /// All frames of text in memory.
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

    /// Frames as the bytes of a file.
    public static func bytes(of frames: [Atoms]) -> [UInt8] {
        var bytes: [UInt8] = []
        for atoms in frames { encode(atoms, into: &bytes) }
        return bytes
    }
}
