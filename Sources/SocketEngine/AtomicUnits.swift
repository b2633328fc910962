/// The conversions between i-PI's atomic units and ours, in this one place.
///
/// The values are those of ASE (CODATA 2014), so that a peer that uses ASE receives the numbers
/// that ASE would send.
public enum AtomicUnits {
    /// eV.
    public static let hartree = 27.211386024367243
    /// Å.
    public static let bohr = 0.5291772105638411

    /// Å from Bohr.
    static func lengths(_ values: [Double]) -> [Double] { values.map { $0 * bohr } }
    /// Bohr from Å.
    static func bohrs(_ values: [Double]) -> [Double] { values.map { $0 / bohr } }
    /// 1/Bohr from 1/Å.
    static func inverseBohrs(_ values: [Double]) -> [Double] { values.map { $0 * bohr } }
    /// eV from Hartree: energies and virials.
    static func energies(_ values: [Double]) -> [Double] { values.map { $0 * hartree } }
    /// Hartree from eV.
    static func hartrees(_ values: [Double]) -> [Double] { values.map { $0 / hartree } }
    /// eV/Å from Hartree/Bohr.
    static func forces(_ values: [Double]) -> [Double] { values.map { $0 * (hartree / bohr) } }
    /// Hartree/Bohr from eV/Å.
    static func atomicForces(_ values: [Double]) -> [Double] { values.map { $0 / (hartree / bohr) } }
}
