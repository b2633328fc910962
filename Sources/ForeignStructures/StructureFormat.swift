import Foundation

/// The format of a structure file, determined only by its name.
public enum StructureFormat: Sendable, Equatable {
    /// XYZ and extended XYZ, and every unrecognised name: read by aurelax itself.
    case native
    /// A format that ASE reads, by ASE's name (`vasp`), or one that our script reads (`mol2`,
    /// `xtb-output`).
    case foreign(String)
    /// The output of some program; the name does not determine which.
    case programOutput

    /// - Parameter file: a name or a path. A suffix `.gz`, `.bz2` or `.xz` is ignored.
    public init(file: String) {
        var name = file.split(separator: "/").last.map(String.init) ?? file
        for suffix in Self.packed where name.lowercased().hasSuffix(suffix) {
            name = String(name.dropLast(suffix.count))
            break
        }
        if let format = Self.wholeNames.first(where: { Self.matches(name.uppercased(), $0.name) })?.format {
            self = .foreign(format)
            return
        }
        let lower = name.lowercased()
        guard let dot = lower.lastIndex(of: ".") else {
            self = lower == "coord" ? .foreign("turbomole") : .native
            return
        }
        let suffix = String(lower[lower.index(after: dot)...])
        if let format = Self.suffixes[suffix] {
            self = .foreign(format)
        } else if Self.outputs.contains(suffix) {
            self = .foreign(suffix)
        } else if Self.isPacked(file), ["xyz", "extxyz"].contains(suffix) {
            self = .foreign("extxyz")
        } else {
            self = ["out", "log", "txt"].contains(suffix) ? .programOutput : .native
        }
    }

    /// Returns a format by its name: one of ``names``, `xyz` or `extxyz`.
    public init?(named name: String) {
        if ["xyz", "extxyz"].contains(name) {
            self = .native
        } else if Self.names.contains(name) {
            self = .foreign(name)
        } else if let format = Self.suffixes[name.lowercased()] {
            self = .foreign(format)
        } else {
            return nil
        }
    }

    static let packed = [".gz", ".bz2", ".xz"]

    /// Returns true for a name whose last suffix is the suffix of a compressed file.
    public static func isPacked(_ file: String) -> Bool {
        packed.contains { file.lowercased().hasSuffix($0) }
    }

    /// `POSCAR`, `CONTCAR_relaxed`, `OUTCAR.1`.
    private static let wholeNames = [
        (name: "POSCAR", format: "vasp"), (name: "CONTCAR", format: "vasp"),
        (name: "XDATCAR", format: "vasp-xdatcar"), (name: "OUTCAR", format: "vasp-out"),
        (name: "VASPRUN", format: "vasp-xml"),
    ]

    private static func matches(_ name: String, _ known: String) -> Bool {
        guard name.hasPrefix(known) else { return false }
        let rest = name.dropFirst(known.count)
        return rest.first.map { !$0.isLetter } ?? true
    }

    private static let suffixes = [
        "cif": "cif", "vasp": "vasp", "poscar": "vasp", "contcar": "vasp", "pdb": "proteindatabank",
        "ent": "proteindatabank", "gro": "gromacs", "mol2": "mol2", "sdf": "sdf", "mol": "mol",
        "traj": "traj",
        "db": "db", "gpw": "gpw", "gjf": "gaussian-in", "com": "gaussian-in", "coord": "turbomole",
        "tmol": "turbomole", "gen": "gen", "xsf": "xsf", "cube": "cube", "cjson": "cjson", "res": "res",
        "xsd": "xsd", "pwi": "espresso-in", "pwo": "espresso-out", "nwo": "nwchem-out",
    ]

    /// Formats that are selected with `--format`, or with their own name as the suffix (`run.orca-output`).
    private static let outputs = [
        "gpaw-out", "orca-output", "gaussian-out", "xtb-output", "espresso-out", "nwchem-out", "vasp-out",
        "vasp-xml", "vasp-xdatcar", "aims", "aims-output", "turbomole", "dftb",
    ]

    /// All names, in alphabetical order.
    public static let names = Set(suffixes.values).union(outputs).sorted()

    /// Guesses the program that wrote an output file from its content, for a hint; nil if unknown.
    ///
    /// - Parameter head: the beginning of the file.
    public static func signature(_ head: some Sequence<UInt8>) -> String? {
        let text = String(decoding: Array(head), as: UTF8.self)
        return [
            ("* O   R   C   A *", "orca-output"), ("Entering Gaussian System", "gaussian-out"),
            ("|__ |  _|___|_____|", "gpaw-out"), (#"|__||  | ||/\|"#, "gpaw-out"), ("x T B", "xtb-output"),
            ("Program PWSCF", "espresso-out"),
            ("Northwest Computational Chemistry Package", "nwchem-out"),
        ].first { text.contains($0.0) }?.1
    }
}
