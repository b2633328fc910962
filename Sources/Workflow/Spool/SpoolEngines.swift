internal import DurableFiles
package import Engines
import Foundation
import Synchronization
import SystemPackage

/// The engines that the current version of the spool's `aurelax.yaml` describes.
///
/// The file is read again after a change. While it cannot be read or has a mistake, the engines of its previous version
/// remain.
package final class SpoolEngines: Sendable {
    private struct State {
        var status: FileStatus?
        var hasRead = false
        var engines: [EngineDescription] = []
        var trouble: String?
    }

    private let spool: Spool
    private let state = Mutex(State())

    package init(_ spool: Spool) { self.spool = spool }

    package var current: [EngineDescription] { state.withLock { refreshed(&$0).engines } }

    /// The reason why the last change of the file was not adopted; nil if it was adopted.
    package var trouble: String? { state.withLock { refreshed(&$0).trouble } }

    package var names: [String] { current.map(\.name).sorted() }

    /// Names of the machine-learned engines, whose energies and forces are predictions.
    package var models: [String] { current.filter { $0.kind == .ml }.map(\.name) }

    /// Returns the engine of this name.
    ///
    /// - Throws: ``EngineError/unknown(name:known:)``.
    package func named(_ name: String) throws(EngineError) -> EngineDescription { try current.named(name) }

    private func refreshed(_ state: inout State) -> State {
        let status = try? Directory(spool.root).status(of: FilePath.Component(plain: SpoolConfiguration.file))
        guard !state.hasRead || status != state.status else { return state }
        (state.hasRead, state.status) = (true, status)
        do {
            state.engines = try SpoolConfiguration.read(of: spool).engines
            state.trouble = nil
        } catch {
            state.trouble = "aurelax.yaml was changed, but its engines cannot be used: \(error)"
        }
        return state
    }
}
