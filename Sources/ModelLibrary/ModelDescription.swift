import Atomistics
internal import Descriptors
import Foundation
import MinimalLearning
import ModelFile
import SOAPPotential
import ThiolateGold

/// The description of a trained model.
public struct ModelDescription: Sendable, Codable, Equatable, CustomStringConvertible {
    public struct Detail: Sendable, Codable, Equatable {
        public var name: String
        public var value: String
    }

    public var name: String
    public var kind: String
    /// SHA-256 of the model file's content.
    public var version: String
    public var path: String
    public var bytes: Int
    public var levelOfTheory: String
    public var elements: [String]
    public var hasEnergy: Bool
    /// The model's training data, by file.
    public var data: [String: String]
    /// Details that models of this kind have.
    public var details: [Detail]

    public var description: String {
        let rows =
            [
                ("name", name), ("kind", kind), ("version", version), ("file", path),
                ("size", String(format: "%.1f MB", Double(bytes) / 1e6)),
                ("level of theory", levelOfTheory), ("elements", elements.joined(separator: ", ")),
                ("energies", hasEnergy ? "yes" : "no: forces only"),
            ] + data.sorted { $0.key < $1.key }.map { ("data", "\($0.key): \($0.value)") }
            + details.map { ($0.name, $0.value) }
        let width = rows.map(\.0.count).max() ?? 0
        return rows.map { name, value in
            name + String(repeating: " ", count: width - name.count + 2) + value
        }.joined(separator: "\n")
    }
}

extension ModelLibrary {
    /// Describes the model of this name, with its accuracy as measured in the training.
    ///
    /// - Throws: ``ModelLibraryError``, `ModelFileError`.
    public func describe(_ nameOrPath: String) throws -> ModelDescription {
        let file = try ModelFile(contentsOf: path(of: nameOrPath))
        var result = ModelDescription(
            name: file.name, kind: file.kind, version: file.version, path: file.path,
            bytes: file.byteCount, levelOfTheory: "", elements: [], hasEnergy: false, data: [:],
            details: [])
        switch file.kind {
        case OAMLMForceField.kind: result.add(try OAMLMForceField(file))
        case VectorKernelForceField.kind: result.add(try VectorKernelForceField(file))
        case SOAPPotential.fileKind: result.add(try SOAPPotential(file))
        case LearntRelaxation.kind: result.add(try LearntRelaxation(file))
        default: throw ModelLibraryError.unknownKind(file.kind, path: file.path)
        }
        return result
    }
}

extension ModelDescription {
    fileprivate mutating func add(_ model: OAMLMForceField) {
        levelOfTheory = model.provenance.levelOfTheory
        data = model.data
        add(model.options.environment.soap)
        for entry in model.classes {
            details.append(
                Detail(
                    name: entry.atomClass.rawValue,
                    value: "\(entry.normReferences) references for norms, "
                        + "\(entry.directionReferences) for directions by \(entry.direction) "
                        + "(sigma2 \(entry.sigma2) Å); on held-out frames: "
                        + String(
                            format: "RMS errors of the norm %.3f eV/Å and of the force %.3f eV/Å, "
                                + "mean angle, weighted by the force, %.1f°",
                            entry.normError, entry.forceError, entry.weightedAngle)))
        }
    }

    fileprivate mutating func add(_ learnt: LearntRelaxation) {
        levelOfTheory = learnt.levelOfTheory
        elements = Set(learnt.frames.first?.elements ?? []).sorted().map(\.symbol)
        hasEnergy = true
        details = [
            Detail(name: "composition", value: learnt.frames.first?.formula ?? "none"),
            Detail(name: "charge", value: "\(learnt.charge) e"),
            Detail(name: "corrects", value: learnt.base ?? "no base"),
            Detail(name: "gradients", value: "\(learnt.frames.count)"),
        ]
    }

    private mutating func add(_ soap: SOAPSettings) {
        elements = soap.species ?? []
        details.append(
            Detail(
                name: "descriptor",
                value: "SOAP r_cut \(soap.rCut) Å, n_max \(soap.nMax), l_max \(soap.lMax), "
                    + "sigma \(soap.sigma) Å"))
    }

    fileprivate mutating func add(_ model: VectorKernelForceField) {
        levelOfTheory = model.provenance.levelOfTheory
        data = model.data
        add(model.options.environment.soap)
        for entry in model.classes {
            let kernel = entry.kernel
            details.append(
                Detail(
                    name: entry.atomClass.rawValue,
                    value: "\(entry.references) references, \(kernel.shape.rawValue) kernel "
                        + String(
                            format: "(length %.3g, sigma2 %.3g Å, noise %.2g); on held-out frames: "
                                + "RMS error of the force %.3f eV/Å, mean angle, weighted by the force, %.1f°",
                            kernel.length, kernel.sigma2, kernel.noise, entry.forceError,
                            entry.weightedAngle)))
        }
    }

    fileprivate mutating func add(_ model: SOAPPotential) {
        levelOfTheory = model.provenance.levelOfTheory
        elements = model.elements.map(\.symbol)
        data = model.data
        hasEnergy = true
        for (element, count) in zip(model.elements, model.inducingCounts) {
            let soap = model.settings.descriptors[element.symbol] ?? model.settings.descriptor
            details.append(
                Detail(
                    name: element.symbol,
                    value: "\(count) inducing environments; SOAP r_cut \(soap.rCut) Å, "
                        + "n_max \(soap.nMax), l_max \(soap.lMax), sigma \(soap.sigma) Å, "
                        + "smooth to zero at \(soap.cutoffRadius ?? soap.rCut) Å"))
        }
        details.append(
            Detail(name: "kernel", value: "power \(model.settings.power), prior \(model.prior) eV"))
    }
}
