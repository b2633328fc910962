import Atomistics
import FoundationEssentials
import OrderedCollections

struct TemporaryFault: Error {}
func extxyz(_ frames: [Atoms]) -> [UInt8] {
    var text = ""
    for atoms in frames {
        text +=
            "\(atoms.count)\nProperties=species:S:1:pos:R:3\(atoms.moveMask == nil ? "" : ":move_mask:L:1") pbc=\"F F F\"\n"
        for i in 0..<atoms.count {
            let r = atoms.positions[i]
            text += "\(atoms.elements[i].symbol) \(r.x) \(r.y) \(r.z)"
            if let m = atoms.moveMask { text += m[i] ? " T" : " F" }
            text += "\n"
        }
    }
    return Array(text.utf8)
}
func frames(in bytes: [UInt8], label: String) throws -> [Atoms] {
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    var i = 0
    var result: [Atoms] = []
    while i < lines.count {
        guard let n = Int(lines[i]), i + 1 + n < lines.count else { throw TemporaryFault() }
        let hasForces = lines[i + 1].contains("forces:R:3")
        var e: [Element] = [], p: [SIMD3<Double>] = [], f: [SIMD3<Double>] = []
        for k in 0..<n {
            let w = lines[i + 2 + k].split(separator: " ")
            guard w.count >= (hasForces ? 7 : 4), let element = Element(symbol: w[0]) else {
                throw TemporaryFault()
            }
            let d = w.dropFirst().prefix(hasForces ? 6 : 3).map { Double($0) ?? .nan }
            e.append(element); p.append([d[0], d[1], d[2]])
            if hasForces { f.append([d[3], d[4], d[5]]) }
        }
        var atoms = Atoms(elements: e, positions: p)
        if hasForces { atoms.forces = f }
        for m in lines[i + 1].matches(of: /(\w+)=("[^"]*"|\S+)/) {
            let v = String(m.2)
            if v.hasPrefix("\"") {
                atoms.info[String(m.1)] = .string(String(v.dropFirst().dropLast()))
            } else if let x = Int(v) {
                atoms.info[String(m.1)] = .integer(x)
            } else if let x = Double(v) {
                atoms.info[String(m.1)] = .real(x)
            }
        }
        result.append(atoms)
        i += n + 2
    }
    return result
}
