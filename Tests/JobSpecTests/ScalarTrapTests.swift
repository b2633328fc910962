import JobSpec
import Relaxation
import TestTags
import Testing
import YAMLDocument

/// Fault 25: a scalar that other readers of YAML misinterpret has the type that the schema gives, or is an error.
@Suite struct ScalarTrapTests {
    private func read(_ key: String, _ value: String) -> JobFile {
        file("aurelax: 1\nstructure: s.xyz\n\(key): \(value)\nstages: [{ml: {}}]\n")
    }

    @Test(
        "A name is text, whatever it looks like", .tags(.fault25),
        arguments: ["NO", "no", "y", "on", "~x", "012", "1e-3", "1_000", "12:30:45", "2026-11-23"])
    func fault25Names(_ text: String) {
        let read = read("name", text)
        #expect(read.job?.name == (Job.isName(text) ? text : nil), "\(read.report)")
        #expect((read.job == nil) == read.diagnostics.hasErrors)
    }

    @Test(
        "An integer is written in digits", .tags(.fault25),
        arguments: [
            "NO", "yes", "1e-3", "1.0", ".inf", ".nan", "0x10", "0o17", "1_000", "12:30:45", "''", "~",
        ])
    func fault25Digits(_ text: String) {
        #expect(read("charge", text).job == nil, "charge: \(text) was accepted")
    }

    @Test(
        "Integers of YAML 1.1 and 1.2 are read or refused", .tags(.fault25),
        arguments: [("0", 0), ("-2", -2), ("3", 3)]) func fault25Integers(_ text: String, _ value: Int)
    {
        #expect(read("charge", text).job?.charge == value)
    }

    @Test(
        "A force is a finite positive number", .tags(.fault25),
        arguments: [".nan", ".inf", "-.inf", "NaN", "inf", "1e999", "0x1p-3", "1,5", "yes", "0", "-0.1"])
    func fault25Forces(_ text: String) {
        let read = file("aurelax: 1\nstructure: s.xyz\nstages: [{ml: {fmax: \(text)}}]\n")
        #expect(read.job == nil, "fmax: \(text) was accepted")
    }

    @Test(
        "Numbers of YAML 1.1 and 1.2 are read or refused", .tags(.fault25),
        arguments: [("1e-2", 0.01), (".05", 0.05), ("5.E-2", 0.05), ("1", 1)])
    func fault25Numbers(_ text: String, _ value: Double) {
        let read = file("aurelax: 1\nstructure: s.xyz\nstages: [{ml: {fmax: \(text)}}]\n")
        guard case .ml(let stage)? = read.job?.stages.first else {
            // If a form of a number is not known, it is an error and never another number.
            #expect(read.diagnostics.hasErrors)
            return
        }
        #expect(stage.fmax == value)
    }

    @Test("A switch is true or false", .tags(.fault25), arguments: ["NO", "yes", "on", "1", "T", "'true'"])
    func fault25Switches(_ text: String) {
        let read = file("aurelax: 1\nstructure: s.xyz\nstages: [{ml: {}}, {dft: {hessian: \(text)}}]\n")
        #expect(read.job == nil, "hessian: \(text) was accepted")
    }
}
