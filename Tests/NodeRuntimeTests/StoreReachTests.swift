import ClusterCore
import Testing

@testable import NodeRuntime

@Suite("Whether a node reads the store")
struct StoreReachTests {
    private enum Look {
        case read(began: Int)
        case failed(at: Int)
    }

    private static let revision = Revision(
        lineage: LineageID(bytes: [UInt8](repeating: 1, count: 16)) ?? sample(), number: 1,
        change: ChangeID(bytes: [UInt8](repeating: 2, count: 16)) ?? sample())

    private static func sample<Subject>() -> Identifier<Subject> {
        var generator = SystemRandomNumberGenerator()
        return Identifier(using: &generator)
    }

    private func sighting(_ look: Look) -> StoreSighting {
        switch look {
        case .read(let began):
            .read(Self.revision, storeTime: .epoch, began: .milliseconds(began))
        case .failed(let time):
            .failed(StorageError(.connectionLost, "gone"), at: .milliseconds(time))
        }
    }

    @Test(
        "an outage begins two seconds after the last look that succeeded began, and ends with the next one",
        arguments: [
            ([(.read(began: 0), 10, nil), (.failed(at: 250), 300, nil), (.read(began: 500), 510, nil)]),
            ([(.read(began: 0), 10, nil), (.failed(at: 1000), 1999, nil), (.failed(at: 1999), 2000, .lost)]),
            ([(.failed(at: 0), 2100, .lost), (.failed(at: 2100), 4000, nil), (.read(began: 4100), 4110, .found)]),
            // A look that takes longer than that says nothing of now.
            ([(.read(began: 0), 2500, .lost), (.read(began: 2500), 2600, .found)]),
        ] as [[(Look, Int, StoreReach.Change?)]])
    private func outage(_ looks: [(look: Look, now: Int, change: StoreReach.Change?)]) {
        var reach = StoreReach(since: .zero)
        for (index, look) in looks.enumerated() {
            #expect(reach.note(sighting(look.look), now: .milliseconds(look.now)) == look.change, "look \(index)")
        }
    }
}
