import Foundation
import JobSpec
import Testing
import YAMLDocument

@Suite struct SinglePointsTests {
    private func job(_ stages: String) -> JobFile {
        file("aurelax: 1\nname: j\nstructure: s.xyz\nstages: \(stages)\n")
    }

    @Test("Every key is read and written") func everyKeyIsReadAndWritten() throws {
        let read = job(
            "[{ml: {}}, {single-points: {stage: 1, every: 10, frames: 12, mode: fd, h: 0.18, xc: RPBE, vacuum: 6, "
                + "resources: {time: '1:00:00'}}}]")
        #expect(read.report == "")
        let job = try #require(read.job)
        var points = SinglePointsStage()
        (points.stage, points.every, points.frames) = (1, 10, 12)
        (points.calculation.mode, points.calculation.h, points.calculation.xc) = (.fd, 0.18, "RPBE")
        points.calculation.vacuum = 6
        points.calculation.resources = .init()
        points.calculation.resources?.time = 3600
        #expect(job.stages == [.ml(MLStage()), .singlePoints(points)])
        #expect(file(job.yaml).job == job, "\(job.yaml)")
        let copy = try JSONDecoder().decode(Job.self, from: JSONEncoder().encode(job))
        #expect(copy == job)
        #expect(job.plan.count == 2)
    }

    /// Without `every` and `frames`, 20 geometries are selected. `every` alone selects all geometries at its interval,
    /// `frames` alone selects that number.
    @Test(
        "Defaults of single points",
        arguments: [
            ("{}", 1, 20), ("{every: 5}", 5, nil), ("{frames: 7}", 1, 7), ("{every: 5, frames: 7}", 5, 7),
        ] as [(String, Int, Int?)])
    func whatIsChosenWhereLittleIsSaid(text: String, every: Int, frames: Int?) throws {
        let read = job("[{ml: {}}, {single-points: \(text)}]")
        let job = try #require(read.job, "\(read.report)")
        guard case .singlePoints(let points) = job.stages[1] else {
            Issue.record("\(job.stages)")
            return
        }
        #expect(points.every == every && points.frames == frames)
        #expect(file(job.yaml).job == job, "\(job.yaml)")
    }

    @Test("The first and the last frame are always selected") func firstAndLast() {
        func chosen(_ count: Int, every: Int = 1, frames: Int? = nil) -> [Int] {
            var stage = SinglePointsStage()
            (stage.every, stage.frames) = (every, frames)
            return stage.chosen(of: count)
        }
        #expect(chosen(0) == [] && chosen(1, every: 10, frames: 2) == [0])
        #expect(chosen(5) == [0, 1, 2, 3, 4])
        #expect(chosen(25, every: 10) == [0, 10, 20, 24])
        #expect(chosen(21, every: 10) == [0, 10, 20])
        #expect(chosen(101, frames: 5) == [0, 25, 50, 75, 100])
        #expect(chosen(101, every: 10, frames: 3) == [0, 50, 100])
        #expect(chosen(5000).count == SinglePointsStage.most)
        for count in 1...60 {
            for most in 2...12 {
                for every in [1, 3, 7] {
                    let places = chosen(count, every: every, frames: most)
                    #expect(places.first == 0 && places.last == count - 1 && places.count <= most)
                    #expect(places == Array(Set(places)).sorted(), "\(count) \(most) \(every): \(places)")
                    let gaps = zip(places, places.dropFirst()).map { $1 - $0 }
                    #expect((gaps.max() ?? 0) - (gaps.dropLast().min() ?? gaps.max() ?? 0) <= 2 * every)
                }
            }
        }
    }

    /// A stage of single points has no path of its own, so single points follow the nearest earlier stage that moves
    /// atoms.
    @Test("Single points follow the path of the nearest earlier stage") func whoseStepsTheyAre() throws {
        let read = job(
            "[{ml: {}}, {single-points: {}}, {single-points: {mode: fd}}, {hybrid: {rounds: 2}}, {single-points: {}}, "
                + "{single-points: {stage: 1}}]")
        let job = try #require(read.job, "\(read.report)")
        #expect(job.stages.indices.map(job.source) == [nil, 0, 0, nil, 3, 0])
        #expect(job.plan.map(\.stage) == [0, 1, 2, 3, 3, 3, 3, 4, 5])
    }

    @Test(
        "Mistakes are reported with their place",
        arguments: [
            (
                "[{single-points: {}}]",
                "j.yaml:4:11: error: there is no earlier stage with a path from which geometries could be taken",
                "put it after an ml, dft or hybrid stage"
            ),
            (
                "[{single-points: {}}, {ml: {}}]", "there is no earlier stage with a path",
                "put it after an ml, dft or hybrid stage"
            ),
            (
                "[{ml: {}}, {single-points: {stage: 2}}]",
                "j.yaml:4:44: error: stage 2 does not come before this one, which is stage 2",
                "the number of an earlier stage"
            ),
            (
                "[{ml: {}}, {single-points: {}}, {single-points: {stage: 2}}]",
                "stage 2 is a single-points stage, which has no path of its own",
                "the number of an ml, dft or hybrid stage"
            ),
            ("[{ml: {}}, {single-points: {fmax: 0.1}}]", "there is no key ‘fmax’ here", "‘stages[].dft’"),
            ("[{ml: {}}, {single-points: {frames: 1}}]", "frames", "2"),
        ]) func mistakesAreSaidWithTheirPlace(stages: String, message: String, hint: String)
    {
        let read = job(stages)
        #expect(read.job == nil)
        #expect(read.report.contains(message), "\(read.report)")
        #expect(read.report.contains(hint), "\(read.report)")
    }

    @Test("Settings that an engine ignores are reported") func ignoredSettings() throws {
        let read = job("[{ml: {}}, {single-points: {engine: tblite, h: 0.1}}]")
        #expect(read.job != nil)
        #expect(read.report.contains("‘h’ has no effect: it is a setting of GPAW"), "\(read.report)")
    }

    @Test("Resources beyond the limits are reported") func excessiveResources() {
        var limits = Resources()
        limits.tasks = 4
        let read = job("[{ml: {}}, {single-points: {resources: {tasks: 5}}}]")
        let problems = read.problems(beyond: limits)
        #expect(problems.map(\.keyPath) == ["stages[1].single-points.resources.tasks"])
    }
}
