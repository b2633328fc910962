internal import Atomistics
internal import DurableFiles
internal import ForeignStructures
internal import JobSpec
import Synchronization
import YAMLDocument

/// The reading of the jobs' structures: structures in another program's format are converted, and all are
/// checked against their jobs.
///
/// Conversions and large structures take seconds to minutes, so they are read on separate threads, two at a
/// time; the inbox polls until they are done.
final class StructureReadings: Sendable {
    struct Request: Sendable {
        /// Digest of the stored structure.
        let structure: Digest
        /// The structure's name in messages: the name of its file if it has one.
        let label: String
        /// Digest of the job file.
        let job: Digest
        let file: JobFile

        fileprivate var key: String { "\(structure) \(job)" }

        /// Whether the structure is in a file of another program's format.
        var isForeign: Bool {
            guard case .file(let name)? = file.job?.structure else { return false }
            return StructureFormat(file: name) != .native
        }
    }

    struct Reading: Sendable {
        /// Digest of the structure as extended XYZ or XYZ.
        let digest: Digest
        /// The program that converted the structure; nil if it was not converted.
        let reader: String?
        /// Problems of the job with this structure.
        let problems: [Diagnostic]
    }

    /// The reason why a structure cannot be read.
    struct Refusal: Error, CustomStringConvertible { let description: String }

    private struct State {
        var done: [String: Result<Reading, any Error>] = [:]
        var waiting: [Request] = []
        var running: Set<String> = []
        /// Keys of the structures requested since the last ``keepOnlyAsked()``.
        var asked: Set<String> = []
    }

    private let blobs: BlobStore
    private let converter: StructureConverter
    private let wake: @Sendable () -> Void
    private let state = Mutex(State())
    private static let threads = 2

    init(_ blobs: BlobStore, _ converter: StructureConverter, wake: @escaping @Sendable () -> Void) {
        (self.blobs, self.converter, self.wake) = (blobs, converter, wake)
    }

    /// Returns the result of reading a structure on another thread; nil while the reading is not finished.
    ///
    /// - Throws: ``Refusal``, `FileError`, `BlobDamaged`.
    func reading(_ request: Request) throws -> Reading? {
        let (result, next) = state.withLock { state -> (Result<Reading, any Error>?, Request?) in
            state.asked.insert(request.key)
            if let result = state.done[request.key] {
                // A failure for lack of space or descriptors is retried with the next request.
                if case .failure(let error) = result, !(error is Refusal) { state.done[request.key] = nil }
                return (result, nil)
            }
            if !state.running.contains(request.key), !state.waiting.contains(where: { $0.key == request.key })
            {
                state.waiting.append(request)
            }
            return (nil, Self.next(&state))
        }
        if let next { begin(next) }
        return try result?.get()
    }

    /// Forgets structures that were not requested since the last call.
    func keepOnlyAsked() {
        state.withLock { state in
            state.done = state.done.filter { state.asked.contains($0.key) }
            state.waiting.removeAll { !state.asked.contains($0.key) }
            state.asked = []
        }
    }

    private static func next(_ state: inout State) -> Request? {
        guard state.running.count < threads, !state.waiting.isEmpty else { return nil }
        let request = state.waiting.removeFirst()
        state.running.insert(request.key)
        return request
    }

    private func begin(_ request: Request) {
        Task {
            let result: Result<Reading, any Error>
            do {
                result = .success(try await onOwnThread { try self.read(request) })
            } catch {
                result = .failure(error)
            }
            let next = state.withLock { state -> Request? in
                state.running.remove(request.key)
                state.done[request.key] = result
                return Self.next(&state)
            }
            if let next { begin(next) }
            wake()
        }
    }

    /// Reads a structure now.
    ///
    /// - Throws: ``Refusal``, `FileError`, `BlobDamaged`.
    func read(_ request: Request) throws -> Reading {
        var digest = request.structure
        var bytes = try blobs.read(digest) ?? []
        var originalFrames = 0
        if let converted = try converted(bytes, request) {
            (bytes, originalFrames) = (converted.bytes, converted.frames)
            digest = try blobs.insert(bytes)
        }
        let (atoms, frames) = try last(bytes, request.label)
        return Reading(
            digest: digest, reader: digest == request.structure ? nil : atoms.reader,
            problems: request.file.problems(with: atoms, frames: max(frames, originalFrames)))
    }

    /// Returns the structure as extended XYZ; nil if it is in that format already.
    private func converted(_ bytes: [UInt8], _ request: Request) throws -> StructureConverter.Converted? {
        guard case .file(let name)? = request.file.job?.structure else { return nil }
        do {
            switch StructureFormat(file: name) {
            case .native: return nil
            case .programOutput:
                guard let signature = StructureFormat.signature(bytes.prefix(1 << 16)) else { return nil }
                throw StructureConversionError(path: name, kind: .ambiguous(signature))
            case .foreign(let format):
                return try converter.read(bytes, named: name, format: format, frames: .last)
            }
        } catch let error as StructureConversionError {
            throw Refusal(description: error.description)
        }
    }

    /// Returns the last frame, read in bounded memory, and the number of frames.
    private func last(_ bytes: [UInt8], _ label: String) throws -> (Atoms, frames: Int) {
        do throws(ExtXYZError) {
            var reader = try ExtXYZReader(MemoryBytes(bytes, label: label))
            var last: Atoms?
            while let atoms = try reader.next() { last = atoms }
            guard let last else { throw ExtXYZError(file: label, message: "the file holds no structure") }
            return (last, reader.frame)
        } catch {
            throw Refusal(description: error.description)
        }
    }
}
