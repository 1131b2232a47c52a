import SQLDriverTestKit
import StorageSQL
import StorageTestKit
import Testing

/// A kit that lets something wrong pass is worth nothing: what is wrong in one way has to be noticed, by the cases that
/// are about it.
@Suite("Mutants", .serialized)
struct MutantTests {
    /// The cases that notice a backend which is wrong in one way.
    private static let backends: [BackendMutant: [String]] = [
        .ignoresVersions: ["isolation: a version that is not the stored one any more is refused"],
        .forgetsFence: [
            "fencing: whoever shows an old epoch, an old generation or a removed node is refused",
            "fencing: a fenced process writes nothing of its transaction",
            "leases: of many who show one lease at once exactly one renews it",
        ],
        .changesByNumberAlone: [
            "revisions: where another history is asked about, everything is to be loaded anew"
        ],
        .fencesByClock: ["clock: when it jumps, back or forwards, nothing ends and no order changes by itself"],
        .swallowsCancellation: ["cancellation: a cancelled task begins no body, and the store goes on"],
        .staysOpen: [
            "closing: it waits for what is under way, and later calls are refused",
            "lanes: those of a backend are closed with it",
        ],
    ]

    /// The cases that notice a store over a driver which is wrong in one way.
    private static let stores: [DriverMutant: [String]] = [
        .losesUpdates: ["isolation: of increments by many at once none is lost and none counts twice"],
        .readsStale: ["isolation: what was written is read by everyone as soon as the writer knows"],
        .commitsTwice: ["faults: a commit whose answer was lost is not made a second time"],
        .losesMicroseconds: ["types: times come back to the microsecond, of our days and far from them"],
        .foldsCase: ["types: names keep every byte and are told apart byte for byte"],
        .emptiesAreNull: ["types: nothing, empty and zero are told apart"],
        .keepsFailures: ["isolation: when a body throws, its error comes out and nothing is written"],
        .readsShift: ["isolation: a body that reads sees one state, whatever others write meanwhile"],
        .skipsRows: ["paging: ten thousand users come in pages, each once and in order, while others change"],
        .hidesRules: [
            "constraints: each rule is kept, named, and nothing of a transaction that breaks one stays",
            "constraints: of several who take one name at once exactly one gets it",
        ],
    ]

    /// The cases for drivers that notice the driver itself; the others take a store to be noticed.
    private static let drivers: [DriverMutant: [String]] = [
        .losesUpdates: ["transactions: no increment of two at once is lost"],
        .readsStale: ["transactions: a reader keeps the state that it began with"],
        .losesMicroseconds: ["values: every value comes back as it was, in its type, and NULL as NULL"],
        .foldsCase: ["values: text is compared and ordered byte for byte"],
        .emptiesAreNull: ["values: every value comes back as it was, in its type, and NULL as NULL"],
        .keepsFailures: ["transactions: what was rolled back is gone, what was committed is seen by others"],
        .readsShift: ["transactions: a reader keeps the state that it began with"],
        .hidesRules: ["constraints: a key that is violated is told by its columns or its index's name"],
    ]

    /// What all but one do right: each is wrong in one way and not broken.
    private static let unaffected = "clock: the time is one within a transaction, and of our days"

    @Test(
        "a backend that is wrong in one way is noticed, by the cases that are about it",
        arguments: BackendMutant.allCases)
    func backend(_ mutant: BackendMutant) async throws {
        let wrong = mutant.wrap(SQLiteUnderTest.backend())
        for name in try #require(Self.backends[mutant]) {
            await #expect(throws: (any Error).self, "\(name)") { try await Self.storage(name).run(on: wrong) }
        }
        try await Self.storage(Self.unaffected).run(on: wrong)
    }

    @Test("a store over a driver that is wrong in one way is noticed", arguments: DriverMutant.allCases)
    func store(_ mutant: DriverMutant) async throws {
        let wrong = SQLiteUnderTest.backend(mutant)
        for name in try #require(Self.stores[mutant]) {
            await #expect(throws: (any Error).self, "\(name)") { try await Self.storage(name).run(on: wrong) }
        }
        // Founding a cluster writes an empty text already.
        if mutant != .emptiesAreNull { try await Self.storage(Self.unaffected).run(on: wrong) }
    }

    @Test(
        "a driver that is wrong in one way is noticed without a store",
        arguments: drivers.keys.sorted { $0.rawValue < $1.rawValue })
    func driver(_ mutant: DriverMutant) async throws {
        let directory = try TemporaryDirectory()
        defer { directory.remove() }
        try await onBlockingThread("mutant") {
            var wrong = try SQLiteUnderTest.driver(in: directory)
            let open = wrong.open
            wrong.open = { mutant.wrap(try open()) }
            for name in try #require(Self.drivers[mutant]) {
                let testCase = try #require(DriverConformance.cases.first { $0.description == name }, "\(name)")
                #expect(throws: (any Error).self, "\(name)") { try testCase.run(on: wrong) }
            }
        }
    }

    private static func storage(_ name: String) throws -> ConformanceCase {
        try #require(StorageConformance.cases.first { $0.description == name }, "\(name)")
    }
}
