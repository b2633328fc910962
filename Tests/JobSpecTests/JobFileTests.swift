import Foundation
import JobSpec
import Relaxation
import TestTags
import Testing
import YAMLDocument

@Suite struct JobFileTests {
    static let minimal = "aurelax: 1\nstructure: s.xyz\nstages: [{ml: {}}]\n"

    @Test("Defaults are the paper's settings") func defaults() throws {
        let job = try #require(file(Self.minimal, name: "dir/ring4.yaml").job)
        #expect(job.name == "ring4" && job.structure == .file("s.xyz") && job.charge == 0)
        #expect(job.model == "auto" && job.priority == 0 && job.after.isEmpty)
        #expect(job.stages == [.ml(MLStage())])
    }

    @Test("Every key is read") func everyKeyIsRead() throws {
        let text = """
            aurelax: 1
            name: all-keys
            structure: s.extxyz
            charge: -2
            model: other
            priority: 7
            after: [a, b.2]
            stages:
              - ml: {optimizer: fire2, fmax: 0.3, max_steps: 9, maxstep: 0.05, move: [3, 1, 3], model: m}
              - dft: {engine: gpaw, mode: pw, cutoff: 500, xc: RPBE, h: 0.18, vacuum: 6, smearing: 0.1,
                      density_convergence: 1e-5, fmax: 0.02, max_steps: 50, maxstep: 0.04, move: shell, hessian: false}
              - dft: {engine: tblite, fmax: 0.07, move: mask}
              - dft: {basis: sz(dzp), move: core}

            """
        let read = file(text)
        #expect(read.report == "")
        let job = try #require(read.job)
        var ml = MLStage()
        (ml.optimizer, ml.fmax, ml.maxSteps, ml.maxStep) = (.fire2, 0.3, 9, 0.05)
        (ml.move, ml.model) = (.indices([1, 3]), "m")
        var pw = DFTStage()
        (pw.mode, pw.cutoff, pw.xc, pw.h, pw.vacuum, pw.smearing) = (.pw, 500, "RPBE", 0.18, 6, 0.1)
        (pw.densityConvergence, pw.fmax, pw.maxSteps, pw.maxStep) = (1e-5, 0.02, 50, 0.04)
        (pw.move, pw.hessian) = (.shell, false)
        var tight = DFTStage()
        (tight.engine, tight.fmax, tight.move) = (.tblite, 0.07, .mask)
        var lcao = DFTStage()
        (lcao.basis, lcao.move) = ("sz(dzp)", .core)
        #expect(
            job
                == Job(
                    name: "all-keys", structure: .file("s.extxyz"), charge: -2, model: "other", priority: 7,
                    after: ["a", "b.2"], stages: [.ml(ml), .dft(pw), .dft(tight), .dft(lcao)]))
    }

    @Test("Every option of an ML stage is read and written") func mlOptions() throws {
        let text = """
            aurelax: 1
            name: options
            structure: s.extxyz
            stages:
              - ml: {optimizer: safe-bfgs, start_hessian: model, reset_hessian_every: 36, rounds: 6, at_switch: literal,
                     alternate: [{move: shell, steps: 24}, {move: {classes: [core-gold], indices: [4, 1]}, steps: 12}],
                     stop_below_uncertainty: 1.5, stop_after_stagnation: 40, stop_at_cycle: 8, trusted_error: 0.2,
                     freeze_unknown: true, remove_net_force: true, remove_net_torque: true, keep: lowest-energy}
              - ml: {move: {elements: [S, H, S], units: [2, 0]}, engine: gfn1}

            """
        let read = file(text)
        #expect(read.report == "")
        let job = try #require(read.job)
        var ml = MLStage()
        (ml.optimizer, ml.startHessian, ml.resetEvery) = (.safeBFGS, .model, 36)
        var core = AtomLists()
        (core.classes, core.indices) = (["core-gold"], [1, 4])
        ml.alternate = [.init(move: .shell, steps: 24), .init(move: .any(core), steps: 12)]
        (ml.rounds, ml.atSwitch, ml.keep) = (6, .literal, .lowestEnergy)
        (ml.stops.belowUncertainty, ml.stopAfterStagnation, ml.stops.cycle) = (1.5, 40, 8)
        (ml.trustedError, ml.freezesOutOfDomain) = (0.2, true)
        (ml.removesNetForce, ml.removesNetTorque) = (true, true)
        var lists = AtomLists()
        (lists.elements, lists.units) = (["H", "S"], [0, 2])
        var second = MLStage()
        (second.move, second.engine) = (.any(lists), "gfn1")
        #expect(job.stages == [.ml(ml), .ml(second)])
        let again = file(job.yaml)
        #expect(again.job == job && again.report == "")
    }

    @Test("A stage may use an engine of the spool") func anEngineOfTheSpool() throws {
        let text = """
            aurelax: 1
            name: engines
            structure: s.xyz
            stages:
              - ml: {engine: gfn1, model: other}
              - hybrid: {ml: {engine: gfn2}, learn: true}

            """
        let read = file(text)
        let job = try #require(read.job)
        var first = MLStage()
        first.engine = "gfn1"
        #expect(job.stages[0] == .ml(first))
        guard case .hybrid(let hybrid) = job.stages[1] else { throw NoHybridStage() }
        #expect(!hybrid.learn && hybrid.ml.engine == "gfn2")
        #expect(read.report.contains("‘model’ has no effect: the forces are the engine's"))
        #expect(read.report.contains("‘learn’ has no effect: an engine does not learn"))
        #expect(read.problems(withoutEngines: ["gfn1", "gfn2"]).isEmpty)
        let missing = read.problems(withoutEngines: ["gfn1"])
        #expect(missing.map(\.keyPath) == ["stages[1].hybrid.ml.engine"])
        #expect(
            read.report(missing).contains("6:27: error: this spool has no engine ‘gfn2’"),
            "\(read.report(missing))")
        #expect(file(text.replacingOccurrences(of: "gfn1", with: "../x")).job == nil)
    }

    private struct NoHybridStage: Error {}

    @Test("A hybrid stage is read and written") func hybridOptions() throws {
        let text = """
            aurelax: 1
            name: hybrid
            structure: s.xyz
            stages:
              - hybrid: {ml: {fmax: 0.02}, check: {engine: tblite, max_steps: 2, fmax: 0.1}, rounds: 4,
                         max_gradient_calls: 9}
              - hybrid: {}

            """
        let read = file(text)
        #expect(read.report == "")
        let job = try #require(read.job)
        var hybrid = HybridStage()
        (hybrid.ml.fmax, hybrid.check.engine, hybrid.check.maxSteps, hybrid.check.fmax) = (
            0.02, .tblite, 2, 0.1
        )
        (hybrid.rounds, hybrid.maxGradientCalls) = (4, 9)
        #expect(job.stages == [.hybrid(hybrid), .hybrid(HybridStage())])
        #expect(HybridStage().check.maxSteps == 0)
        #expect(file(job.yaml).job == job)
    }

    /// A stage that an earlier version stored is read; values that it lacks have their defaults.
    @Test("Stages stored by earlier versions are read") func olderStagesAreRead() throws {
        let text = """
            {"optimizer":"fire","fmax":0.3,"maxSteps":9,"maxStep":0.05,"move":{"indices":{"_0":[1,3]}},"model":"m"}
            """
        let read = try JSONDecoder().decode(MLStage.self, from: Data(text.utf8))
        var ml = MLStage()
        (ml.optimizer, ml.fmax, ml.maxSteps, ml.maxStep) = (.fire, 0.3, 9, 0.05)
        (ml.move, ml.model) = (.indices([1, 3]), "m")
        #expect(read == ml)
        ml.trustedError = 0.1
        #expect(try JSONDecoder().decode(MLStage.self, from: JSONEncoder().encode(ml)) == ml)
    }

    @Test(
        "Options that have no effect beside others give a warning",
        arguments: [
            ("{rounds: 3}", "‘rounds’ has no effect: the stage has no ‘alternate’"),
            (
                "{optimizer: fire, start_hessian: model}",
                "‘start_hessian’ has no effect: fire uses no Hessian"
            ),
            ("{move: {elements: [Xx]}}", "‘Xx’ is not the symbol of an element"),
            ("{move: {classes: [gold]}}", "core-gold"),
            ("{alternate: [{move: shell}]}", "steps"),
        ])
    func optionsThatDoNotGoTogether(_ stage: String, _ message: String) {
        let read = file("aurelax: 1\nstructure: s.xyz\nstages:\n  - ml: \(stage)\n")
        #expect(read.report.contains(message), "\(read.report)")
    }

    @Test("Five mistakes are reported at once") func fiveMistakesAtOnce() {
        let text = """
            aurelax: 1
            name: five/mistakes
            structure: ring4.xyz
            charge: none
            stages:
              - ml: {optimiser: bfgs, fmax: -0.1}
              - dft: {mode: wavelet}

            """
        let read = file(text)
        #expect(read.job == nil)
        #expect(
            read.report == """
                j.yaml:2:7: error: ‘five/mistakes’ cannot be the name of a job
                  name: five/mistakes
                        ^~~~~~~~~~~~~
                  hint: letters, digits, ‘-’, ‘_’ and ‘.’ only, beginning with a letter or digit, at most 64
                j.yaml:4:9: error: expected an integer from -100 to 100, found ‘none’
                  charge: none
                          ^~~~
                j.yaml:6:10: error: there is no key ‘optimiser’ here
                    - ml: {optimiser: bfgs, fmax: -0.1}
                           ^~~~~~~~~
                  hint: did you mean ‘optimizer’?
                j.yaml:6:33: error: expected a number above 0 and at most 100, found -0.1
                    - ml: {optimiser: bfgs, fmax: -0.1}
                                                  ^~~~
                j.yaml:7:17: error: expected one of lcao, fd, pw, found ‘wavelet’
                    - dft: {mode: wavelet}
                                  ^~~~~~~

                """)
    }

    /// Faults 21 and 23: a job cannot name a file outside its own folder.
    @Test(
        "A structure's name cannot lead to another folder", .tags(.fault21),
        arguments: [
            ("../x.xyz", "is not the name of a file beside the job file"),
            ("/etc/passwd", "is not the name of a file beside the job file"),
            ("a/b.xyz", "is not the name of a file beside the job file"),
            ("..", "is not the name of a file beside the job file"),
            (".", "is not the name of a file beside the job file"), (".hidden.xyz", "is a hidden file"),
            ("\"x\\0.xyz\"", "this is not the name of a file"),
            ("\"x\\u202Ezyx.\"", "this is not the name of a file"),
            ("\"\\u200B\"", "this is not the name of a file"),
            ("\"\\x1b[2J\"", "this is not the name of a file"),
            (String(repeating: "x", count: 256), "this is not the name of a file"),
            ("\"  \"", "the structure is empty"),
            ("\"1\\n\\x07\\n\"", "control characters"),
        ])
    func fault21StructureNames(name: String, message: String) {
        let read = file("aurelax: 1\nstructure: \(name)\nstages: [{ml: {}}]\n")
        #expect(read.job == nil)
        #expect(read.diagnostics.count == 1)
        #expect(read.diagnostics.first?.message.contains(message) == true, "\(read.report)")
    }

    @Test(arguments: [
        ("name: rejected", "‘rejected’ is taken"), ("name: .x", "cannot be the name of a job"),
        ("name: a b", "cannot be the name of a job"),
        ("name: \(String(repeating: "n", count: 65))", "cannot be the name"),
        ("name: ä", "cannot be the name of a job"),
        ("name: x\nafter: [y, x]", "the job ‘x’ cannot wait for itself"),
        ("after: [j]", "the job ‘j’ cannot wait for itself"),
        ("after: [../x]", "cannot be the name of a job"),
        ("model: ../m", "is not the name of a model"), ("priority: 1001", "from -1000 to 1000"),
        ("after: x", "expected a list"), ("aurelax: 2", "appears twice"),
    ])
    func refused(lines: String, message: String) {
        let read = file(Self.minimal + lines + "\n")
        #expect(read.job == nil)
        #expect(read.diagnostics.contains { $0.message.contains(message) }, "\(read.report)")
    }

    @Test(
        "Incomplete files are refused",
        arguments: [
            ("aurelax: 2\nstructure: s.xyz\nstages: [{ml: {}}]\n", "expected 1, found 2"),
            ("structure: s.xyz\nstages: [{ml: {}}]\n", "the key ‘aurelax’ is missing"),
            ("aurelax: 1\nstages: [{ml: {}}]\n", "the key ‘structure’ is missing"),
            ("aurelax: 1\nstructure: s.xyz\nstages: []\n", "expected at least one element, found 0"),
            (
                "aurelax: 1\nstructure: s.xyz\nstages: [ml]\n",
                "expected a mapping of keys to values, found ‘ml’"
            ),
            (
                "aurelax: 1\nstructure: s.xyz\nstages: [{ml: {}, dft: {}}]\n",
                "expected one of ‘ml’, ‘dft’, ‘hybrid’, ‘single-points’, found ‘ml’ and ‘dft’"
            ),
            (
                "aurelax: 1\nstructure: s.xyz\nstages: [{dft: {xc: \"PBE; rm -rf\"}}]\n",
                "has characters that are not allowed in such a name"
            ),
            ("aurelax: 1\nstructure: s.xyz\nstages: [{ml: {move: some}}]\n", "found ‘some’"),
            ("aurelax: 1\nstructure: s.xyz\nstages: [{ml: {fmax: .nan}}]\n", "found ‘.nan’"),
        ])
    func incomplete(text: String, message: String) {
        let read = file(text)
        #expect(read.job == nil)
        #expect(read.diagnostics.contains { $0.message.contains(message) }, "\(read.report)")
    }

    @Test("A file name that is not a job name needs a name") func fileNames() {
        let read = file(Self.minimal, name: "my job.yaml")
        #expect(read.job == nil && read.report.contains("hint: give the job a name: ‘name: …’"))
        #expect(file(Self.minimal + "name: mine\n", name: "my job.yaml").job?.name == "mine")
    }

    /// The other settings cannot be checked if the engine is unknown.
    @Test("An unknown engine is the only reported mistake") func unknownEngine() {
        let read = file("aurelax: 1\nstructure: s.xyz\nstages: [{dft: {engine: gpwa, h: 0.2, basis: sz}}]\n")
        #expect(!read.diagnostics.hasErrors)
        let problems = read.problems(withoutEngines: ["gfn1", "sevennet"], models: ["sevennet"])
        #expect(problems.map(\.code) == ["unknown-engine"])
        #expect(problems.first?.hint == "did you mean ‘gpaw’?")
        let predicts = file("aurelax: 1\nstructure: s.xyz\nstages: [{dft: {engine: sevennet}}]\n")
        #expect(
            predicts.problems(withoutEngines: ["sevennet"], models: ["sevennet"]).map(\.code)
                == ["engine-predicts"])
    }

    @Test("Settings without effect do not change a job") func ineffectiveSettings() throws {
        let head = "aurelax: 1\nstructure: s.xyz\nstages: [{dft: {"
        let job = try #require(file(head + "engine: tblite, h: 0.3, xc: RPBE, mode: pw}}]\n").job)
        #expect(job == file(head + "engine: tblite}}]\n").job)
        #expect(job == file(job.yaml).job)
        #expect(file(head + "mode: fd, basis: sz, cutoff: 300}}]\n").job == file(head + "mode: fd}}]\n").job)
    }

    @Test("A misplaced key gets a hint to its place") func misplacedKey() {
        let text = "aurelax: 1\nstructure: s.xyz\nfmax: 0.1\nstages:\n  - ml: {}\n    xc: PBE\n"
        #expect(
            file(text).report == """
                j.yaml:3:1: error: there is no key ‘fmax’ here
                  fmax: 0.1
                  ^~~~
                  hint: ‘fmax’ is a key of ‘stages[].ml’ and ‘stages[].dft’
                j.yaml:6:5: error: there is no key ‘xc’ here
                      xc: PBE
                      ^~
                  hint: ‘xc’ is a key of ‘stages[].dft’ and ‘stages[].single-points’

                """)
    }

    @Test("A job named twice in after is a warning") func duplicateDependency() {
        let read = file(Self.minimal + "after: [a, b, a]\n")
        #expect(read.job != nil)
        #expect(read.report.hasPrefix("j.yaml:4:15: warning: ‘a’ appears twice\n"))
    }

    @Test(
        "A job without a name has that of its file",
        arguments: ["ring4.yaml", "ring4.yml", "d/ring4.YAML", "ring4"])
    func theFileNamesTheJob(name: String) {
        #expect(file(Self.minimal, name: name).job?.name == "ring4")
    }

    @Test(
        "Settings without effect give warnings",
        arguments: [
            ("engine: tblite, h: 0.2", "‘h’ has no effect: it is a setting of GPAW"),
            ("mode: pw, basis: dzp", "‘basis’ has no effect: the mode is pw, not lcao"),
            ("cutoff: 400", "‘cutoff’ has no effect: the mode is lcao, not pw"),
        ])
    func settingsWithoutEffectAreWarnings(settings: String, message: String) {
        let read = file("aurelax: 1\nstructure: s.xyz\nstages: [{dft: {\(settings)}}]\n")
        #expect(read.job != nil)
        #expect(read.diagnostics.map(\.message) == [message])
        #expect(read.report.contains("warning: "))
    }

    @Test("The project's own jobs are printed and read again unchanged", arguments: Project.jobs)
    func theProjectsOwnJobsAreReadAndComeBackTheSame(path: String) throws {
        let template = JobTemplate(String(decoding: try Project.bytes(path), as: UTF8.self), file: path)
        let values = template.placeholders.isEmpty ? [:] : ["name": "ring", "structure": "ring.xyz"]
        let read = JobFile(Array(try template.text(values).utf8), file: path)
        #expect(read.report == "")
        let job = try #require(read.job)
        #expect(JobFile(Array(job.yaml.utf8), file: "other.yaml").job == job)
    }

    @Test(
        "Printed jobs are read again unchanged",
        arguments: [
            "name: null", "name: 'true'", "name: '0123'", "name: y", "name: 1e5", "model: 'null'",
            "after: ['null', '12', no]", "name: \"a.b-c_d\"", "priority: -3", "charge: +1",
        ])
    func jobTextComesBackTheSame(line: String) throws {
        let quoted = line == "name: null" ? "name: 'null'" : line
        let job = try #require(file(Self.minimal + quoted + "\n").job)
        let again = file(job.yaml, name: "other.yaml")
        #expect(again.report == "" && again.job == job)
        #expect(again.job?.yaml == job.yaml)
    }

    @Test(
        "Inline structures are printed and read again unchanged",
        arguments: [
            "|\n  2\n  comment\n  H 0 0 0\n  H 0 0 0.8\n", "|-\n  1\n\n  H 0 0 0\n",
            "|+\n  1\n\n  H 0 0 0\n\n\n",
            "\"2\\n  # indented: 'x' \\\"y\\\"\\nH\\t0 0 0\\r\\nH 0 0 1\"", ">\n  1\n\n  x\n\n  H 0 0 0\n",
            "\"1\\n\\nH 0 0 0\\u2028\"", "\"\\n1\\n\\nH 0 0 0\"",
        ])
    func inlineStructuresComeBackTheSame(block: String) throws {
        let read = file("aurelax: 1\nstructure: \(block)\nstages: [{ml: {}}]\n")
        let job = try #require(read.job, "\(read.report)")
        guard case .inline(let text) = job.structure else {
            Issue.record("not inline: \(job.structure)")
            return
        }
        #expect(text.hasSuffix("\n") && !text.hasSuffix("\n\n"))
        #expect(file(job.yaml).job == job)
    }

    @Test("Without an optimizer, BFGS relaxes small structures and LBFGS large ones") func optimizerBySize() {
        var stage = MLStage()
        func chosen(_ atoms: Int) -> OptimizerKind? {
            stage.completed(forEnergies: true, atoms: atoms).optimizer
        }
        #expect(chosen(400) == .bfgs && chosen(401) == .lbfgs)
        // Only BFGS can start from a Hessian.
        stage.startHessian = .model
        #expect(chosen(401) == .bfgs)
        (stage.startHessian, stage.optimizer) = (.unit, .fire)
        #expect(chosen(10) == .fire && chosen(5000) == .fire)
    }
}
