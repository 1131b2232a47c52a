import Foundation
import ProtocolTestKit
import SimulationKit
import Testing

/// A few seeds of what `simulate` runs by the thousand, so that a broken machine is seen at once.
@Suite struct PairTests {
    @Test(
        "A simulated client goes live and stays so, whatever the network and the generations do",
        arguments: 1...12 as ClosedRange<UInt64>)
    func pairs(seed: UInt64) throws {
        let outcome = try SimulatedPair(PairScenario(seed: seed), crypto: TestCryptography()).run()
        #expect(outcome.serverPayloads > 100)
        #expect(outcome.clientPayloads > 100)
    }

    @Test("A client with room for two keys loses nothing when the server renegotiates often: seed 14 once did")
    func frequentRenegotiation() throws {
        let outcome = try SimulatedPair(PairScenario(seed: 14), crypto: TestCryptography()).run()
        #expect(outcome.keyExchanges > 2)
    }

    @Test("A session that is written out and read in again at every step behaves as if nothing had happened")
    func recoded() throws {
        var scenario = PairScenario(seed: 3)
        scenario.recodesSessions = true
        scenario.length = .seconds(20)
        let recoded = try SimulatedPair(scenario, crypto: TestCryptography()).run()
        scenario.recodesSessions = false
        let plain = try SimulatedPair(scenario, crypto: TestCryptography()).run()
        #expect(recoded.wentLiveAfter == plain.wentLiveAfter)
        #expect(recoded.serverPayloads == plain.serverPayloads)
        #expect(recoded.clientPayloads == plain.clientPayloads)
    }

    @Test("Another process goes on with the sessions of one that was killed, and renegotiates")
    func takenOver() throws {
        var scenario = PairScenario(seed: 8)
        scenario.link = LossyLink(delay: .milliseconds(1) ... .milliseconds(1))
        scenario.clientRenegotiates = nil
        scenario.serverRenegotiates = nil
        scenario.takesOverAt = .seconds(10)
        scenario.length = .seconds(30)
        let outcome = try SimulatedPair(scenario, crypto: TestCryptography()).run()
        #expect(outcome.keyExchanges == 2)
    }
}
