import Atomistics
import Foundation
import JobSpec
import ModelLibrary
import YAMLDocument

/// Returns the domain problems of a job's models with its structure, and for each model a sentence about its expected
/// force errors. Models that are not trained on this machine are skipped.
func domainProblems(
    of job: Job, _ atoms: Atoms, _ file: JobFile
) -> (problems: [Diagnostic], expected: [String]) {
    let stages = job.plan.compactMap { planned in
        if case .ml(let stage) = planned.work, stage.engine == nil { stage } else { nil }
    }
    var seen: Set<String> = []
    var expected: [String] = []
    let problems = stages.compactMap { stage -> Diagnostic? in
        let name = stage.model ?? job.model
        guard seen.insert(name).inserted, let model = try? Models.library.load(name, for: atoms) else {
            return nil
        }
        let check: DomainCheck
        do {
            check = try DomainCheck(model, atoms)
        } catch ForceFieldError.unknownElements(let unknown, let known) {
            let lacking = unknown.map(\.symbol).joined(separator: ", ")
            return file.structureProblem(
                "unknown-elements",
                "the model \(model.provenance.name) does not know \(lacking); it knows "
                    + known.map(\.symbol).joined(separator: ", "),
                hint:
                    "leave out the ml stage, or give it an `engine` (docs/engines.md) that knows these elements",
                isError: true)
        } catch ForceFieldError.periodic {
            return file.structureProblem(
                "periodic-not-in-model", "the model \(model.provenance.name) supports only molecules",
                hint:
                    "a SOAP potential, an engine (docs/engines.md) or a dft stage takes a periodic structure",
                isError: true)
        } catch {
            return nil
        }
        if let errors = check.expected {
            expected.append("\(check.model): expected force errors \(errors.text)")
        }
        guard let problem = check.problem else { return nil }
        let isError = check.isRefused && stage.outOfDomain == .refuse
        return file.structureProblem(
            "out-of-domain", problem,
            hint: isError ? DomainCheck.hint : DomainCheck.warningHint,
            isError: isError)
    }
    return (problems, expected)
}
