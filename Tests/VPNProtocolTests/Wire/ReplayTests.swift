import ProtocolTestKit
import Testing
import VPNProtocol

@Suite struct ReplayTests {
    @Test func `control packet ids are ordered by time first`() {
        #expect(LongPacketID(id: 9, time: 1) < LongPacketID(id: 1, time: 2))
        #expect(LongPacketID(id: 1, time: 2) < LongPacketID(id: 2, time: 2))
        #expect(LongPacketID(id: 0x0F00_0001, time: 0).announcesEarlyNegotiation)
        #expect(LongPacketID(id: 0x0FFF_FFFF, time: 0).announcesEarlyNegotiation)
        #expect(!LongPacketID(id: 1, time: 0x0F00_0000).announcesEarlyNegotiation)
        #expect(!LongPacketID(id: 0x1F00_0001, time: 0).announcesEarlyNegotiation)
    }

    @Test func `counting begins at 1 and begins anew with a later time only`() {
        var sequence = LongPacketIDSequence(time: 5_010)
        let given = [sequence.next(now: 9_999), sequence.next(now: 9_999)]
        #expect(given == [LongPacketID(id: 1, time: 5_010), LongPacketID(id: 2, time: 5_010)])
        var exhausted = LongPacketIDSequence(after: .max, time: 5_006)
        let stuck = exhausted.next(now: 5_006)
        #expect(stuck == nil)
        let anew = exhausted.next(now: 5_010)
        #expect(anew == LongPacketID(id: 1, time: 5_010))
        var early = LongPacketIDSequence(after: 0x0F00_0000, time: 1)
        let first = early.next(now: 1)
        #expect(first?.id == 0x0F00_0001)
    }

    @Test func `the control window accepts each id once`() {
        var window = ControlReplayWindow()
        func accept(_ id: UInt32, _ time: UInt32) -> Bool { window.accept(LongPacketID(id: id, time: time)) }
        #expect(!accept(0, 10))
        #expect(accept(1, 10) && !accept(1, 10))
        #expect(accept(3, 10) && accept(2, 10) && !accept(2, 10) && !accept(3, 10))
        #expect(accept(200, 10) && accept(73, 10) && !accept(73, 10) && !accept(72, 10))
        #expect(accept(.max, 10) && !accept(200, 10))
        #expect(accept(1, 11) && !accept(.max, 10) && !accept(4, 10) && accept(2, 11))
        #expect(!accept(0, 12))
    }

    @Test func `the control window agrees with a set of what was seen`() {
        var random = SeededGenerator()
        var window = ControlReplayWindow()
        var seen: Set<UInt32> = []
        for _ in 0..<20_000 {
            let highest = window.highest?.id ?? 1_000
            let id = UInt32(clamping: Int(highest) + Int.random(in: -150...8, using: &random))
            let expected = id != 0 && !seen.contains(id) && (id > highest || highest - id < 128 || seen.isEmpty)
            let accepted = window.accept(LongPacketID(id: id, time: 7))
            #expect(accepted == expected)
            if expected { seen.insert(id) }
        }
    }

    @Test func `the data window follows its rules`() {
        var window = ReplayWindow()
        func accept(_ id: UInt32) -> Bool { window.accept(id) }
        #expect(!accept(0))
        #expect(accept(1) && !accept(1))
        #expect(accept(2_000_000_001) && !accept(1) && !accept(2))
        let oldest = 2_000_000_001 - ReplayWindow.windowPackets + 1
        #expect(accept(oldest) && !accept(oldest) && !accept(oldest - 1))
        #expect(accept(.max) && !accept(.max) && accept(.max - 1))
        #expect(window.highest == .max)
        #expect(ReplayWindow.windowPackets >= 2_048)
    }

    @Test(arguments: [1, 60, 64, 70, 2_000, 4_000, 5_000, 100_000])
    func `the data window agrees with a set of what was seen`(jump: Int) {
        var random = SeededGenerator()
        var window = ReplayWindow()
        var seen: Set<UInt32> = []
        for _ in 0..<20_000 {
            let step = Int.random(in: -5_000...jump, using: &random)
            let id = UInt32(clamping: Int(window.highest) + (Bool.random(using: &random) ? step : step % 100))
            let behind = Int(window.highest) - Int(id)
            let expected = id != 0 && !seen.contains(id) && behind < Int(ReplayWindow.windowPackets)
            #expect(window.isFresh(id) == expected)
            let accepted = window.accept(id)
            #expect(accepted == expected)
            if expected { seen.insert(id) }
        }
    }

    @Test func `ids that are not fresh change nothing when marked`() {
        var window = ReplayWindow()
        window.mark(10_000)
        let before = window
        window.mark(0)
        window.mark(1)
        window.mark(10_000)
        #expect(window == before)
    }

    @Test(arguments: [UInt32(0), 1, 62, 63, 64, 65, 5_000, .max - 1, .max])
    func `a window can be made that refuses everything up to an id`(highest: UInt32) {
        var window = ReplayWindow(refusingUpTo: highest)
        for behind in 0..<UInt32(5_000) where behind <= highest {
            #expect(!window.isFresh(highest - behind))
        }
        for ahead in 1...UInt32(200) where highest.addingReportingOverflow(ahead).overflow == false {
            let accepted = window.accept(highest + ahead)
            #expect(accepted)
        }
    }

    @Test func `windows and counters survive being written out`() throws {
        var random = SeededGenerator()
        var (data, control) = (ReplayWindow(), ControlReplayWindow())
        var sequence = LongPacketIDSequence(time: 3)
        for _ in 0..<500 {
            _ = data.accept(UInt32.random(in: 1...9_000, using: &random))
            _ = control.accept(LongPacketID(id: UInt32.random(in: 1...500, using: &random), time: 4))
            _ = sequence.next(now: 3)
        }
        var writer = StateWriter(version: 1)
        writer.write(data)
        writer.write(control)
        writer.write(sequence)
        writer.write(ControlReplayWindow())
        var reader = try StateReader(writer.bytes, versions: 1...1)
        let readData = try reader.read(ReplayWindow.self)
        let readControl = try reader.read(ControlReplayWindow.self)
        let readSequence = try reader.read(LongPacketIDSequence.self)
        let readEmpty = try reader.read(ControlReplayWindow.self)
        #expect(readData == data && readControl == control && readSequence == sequence)
        #expect(readEmpty == ControlReplayWindow())
        try reader.finish()
    }
}
