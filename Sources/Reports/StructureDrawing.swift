import Atomistics
import Foundation
import LinearAlgebra

/// Draws structures as SVG: a disc for each atom, a line for each bond. The direction of view is a little off the
/// direction in which the first structure is thinnest, so that atoms behind each other stay visible.
struct StructureDrawing {
    /// Width and height of a drawing, px.
    private static let side = 300.0
    /// A line joins two atoms that are closer than this times the sum of their covalent radii.
    private static let bondFactor = 1.2
    /// Angle by which the view is turned about each of the two axes of the drawing, radians.
    private static let tilt = 0.25

    private let centre: SIMD3<Double>
    private let axes: (SIMD3<Double>, SIMD3<Double>, SIMD3<Double>)
    private let scale: Double

    init(for atoms: Atoms) {
        let n = Double(max(1, atoms.count))
        let centre = atoms.positions.reduce(.zero, +) / n
        var covariance = Matrix(rows: 3, columns: 3)
        for r in atoms.positions {
            let d = r - centre
            for i in 0..<3 { for j in 0..<3 { covariance[i, j] += d[i] * d[j] / n } }
        }
        // The eigenvalues ascend, so the last two axes span the plane in which the structure is widest.
        let vectors = (try? SymmetricEigen(covariance))?.vectors
        func axis(_ k: Int) -> SIMD3<Double> {
            guard let vectors else { return SIMD3(k == 0 ? 1 : 0, k == 1 ? 1 : 0, k == 2 ? 1 : 0) }
            let v = SIMD3(vectors[k, 0], vectors[k, 1], vectors[k, 2])
            // An eigenvector has two opposite directions; this choice between them does not depend on the solver.
            let largest = (0..<3).max { abs(v[$0]) < abs(v[$1]) } ?? 0
            return v[largest] < 0 ? -v : v
        }
        self.centre = centre
        let (right, up, near) = (axis(2), axis(1), axis(0))
        let (c, s) = (cos(Self.tilt), sin(Self.tilt))
        axes = (c * right - s * near, c * up - s * near, c * near + s * (right + up))
        let reach = atoms.positions.map { ($0 - centre).length }.max() ?? 1
        scale = Self.side / (2 * (reach + 1.5))
    }

    /// - Parameter marked: true for each atom whose disc gets a purple edge; nil for no such atom.
    func draw(_ atoms: Atoms, title: String, marked: [Bool]? = nil) -> Markup {
        let middle = Self.side / 2
        let places = atoms.positions.map { r in
            let d = r - centre
            return SIMD3(
                middle + scale * (d * axes.0).sum(), middle - scale * (d * axes.1).sum(), (d * axes.2).sum())
        }
        var shapes: [(depth: Double, shape: Markup)] = []
        for (i, j) in bonds(of: atoms) {
            let (a, b) = (places[i], places[j])
            shapes.append(
                (
                    min(a.z, b.z) - 0.01,
                    "<line x1=\"\(a.x)\" y1=\"\(a.y)\" x2=\"\(b.x)\" y2=\"\(b.y)\" stroke=\"#888\" stroke-width=\"2.5\"/>\n"
                ))
        }
        for (i, (element, place)) in zip(atoms.elements, places).enumerated() {
            let radius = scale * 0.45 * (element.covalentRadius ?? 1)
            let edge: Markup = marked?[i] == true ? " stroke=\"#8e24aa\" stroke-width=\"2\"" : ""
            shapes.append(
                (
                    place.z,
                    "<circle cx=\"\(place.x)\" cy=\"\(place.y)\" r=\"\(radius)\" fill=\"\(Self.colour(element))\"\(edge)/>\n"
                ))
        }
        shapes.sort { $0.depth < $1.depth }
        return """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Self.side) \(Self.side)" role="img" \
            stroke="#555" stroke-width="1"><title>\(title)</title>
            \(shapes.map(\.shape))</svg>
            """
    }

    private func bonds(of atoms: Atoms) -> [(Int, Int)] {
        let radii = atoms.elements.map { $0.covalentRadius ?? 1 }
        let reach = 2 * Self.bondFactor * (radii.max() ?? 1)
        guard let neighbors = try? NeighborList(positions: atoms.positions, cutoff: reach) else { return [] }
        return atoms.positions.indices.flatMap { i in
            neighbors.range(of: i).compactMap { k in
                let j = neighbors.indices[k]
                let limit = Self.bondFactor * (radii[i] + radii[j])
                return j > i && neighbors.squaredDistances[k] <= limit * limit ? (i, j) : nil
            }
        }
    }

    /// Returns the usual colour of an element.
    private static func colour(_ element: Element) -> String {
        switch element.symbol {
        case "Au": "#e6b422"
        case "S": "#f0e442"
        case "C": "#606060"
        case "H": "#f4f4f4"
        case "O": "#d62728"
        case "N": "#3050f8"
        default: "#9a7fb8"
        }
    }
}
