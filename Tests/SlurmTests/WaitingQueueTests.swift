import Foundation
import Slurm
import Testing

@Suite struct WaitingQueueTests {
    /// Lines that Slurm 22.05 printed, and similar lines.
    private let queue = WaitingQueue(
        """
        a warning of the site
        12|4294901750|N/A|main|Priority
        11|4294901750|2026-11-25T03:10:00|main|Resources
        10|4294901751|2026-11-25T02:30:00|main|Resources
        13|4294901759|N/A|main|Dependency
        14|0|N/A|main|JobHeldUser
        15|4294901740|N/A|long,main|Priority
        16|4294901800|N/A|gpu|Priority
        17|4294901700|N/A|long|Priority
        """)

    /// Waiting jobs are ordered by priority, then by number. Jobs that wait in another partition, or for something
    /// other than resources, do not count.
    @Test("Places in the queue are counted") func places() {
        let places = queue.places(of: [10, 11, 12, 15, 16, 17, 13, 14, 99])
        #expect(places[10] == QueuePlace(position: 1, waiting: 4, start: "2026-11-25T02:30:00"))
        #expect(places[11] == QueuePlace(position: 2, waiting: 4, start: "2026-11-25T03:10:00"))
        #expect(places[12] == QueuePlace(position: 3, waiting: 4))
        #expect(places[15] == QueuePlace(position: 4, waiting: 5), "it waits for both partitions")
        #expect(places[16] == QueuePlace(position: 1, waiting: 1))
        #expect(places[17] == QueuePlace(position: 2, waiting: 2))
        #expect(places[13] == nil && places[14] == nil && places[99] == nil)
    }

    /// The text about a run has its place in the queue while the run waits, and no longer after its start.
    @Test("A run shows its place") func aRunStandsThere() {
        let start = Date(timeIntervalSince1970: 1_800_000_000)
        var run = SlurmRun(
            name: "aurelax-a", number: 1, request: SlurmResources(), stepsBefore: 0, intendedAt: start)
        run.accept(id: 11)
        var entry = QueueEntry(id: 11, name: "aurelax-a", state: .pending)
        entry.reason = "Resources"
        run.see([entry], at: start)
        let place = queue.places(of: [11])[11]
        let isNew = [run.stand(at: place), run.stand(at: place)]
        #expect(isNew == [true, false])
        #expect(
            run.text(at: start)
                == "Slurm job 11 waits (Resources), place 2 of 4, start expected 2026-11-25 03:10:00")
        run.see([QueueEntry(id: 11, name: "aurelax-a", state: .running)], at: start + 60)
        let standsStill = run.stand(at: place)
        #expect(run.place == nil && !standsStill)
    }

    /// A run that was stored by a version without places can be read.
    @Test("Runs stored by earlier versions are read") func runsOfEarlierVersions() throws {
        let text =
            #"{"intendedAt":0,"isHeld":false,"isWithdrawn":false,"name":"a","node":"","number":1,"phase":"pending","#
            + #""reason":"","request":{"tasks":2},"stepsBefore":0,"timesAbsent":0}"#
        let run = try JSONDecoder().decode(SlurmRun.self, from: Data(text.utf8))
        #expect(run.place == nil && run.request.cpus == nil && run.request.tasks == 2)
    }
}
