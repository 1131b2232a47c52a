import DatabaseServers
import Foundation
import Glibc

/// The worker processes.
actor Crew {
    private struct Member {
        var process: Lifeline
        var errors: String
        var isCondemned = false
    }

    private let site: Site
    private let seed: UInt64
    private let mistake: Mistake?
    private let program: String
    private var members: [[Member]]
    private var incarnations: [Int]
    private(set) var journals: [String] = []
    private(set) var findings: [String] = []

    init(_ site: Site, count: Int, seed: UInt64, mistake: Mistake?) throws {
        self.site = site
        self.seed = seed
        self.mistake = mistake
        program = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        members = Array(repeating: [], count: count)
        incarnations = Array(repeating: 0, count: count)
    }

    func start() throws { for slot in members.indices { try add(to: slot) } }

    /// Kills the worker of a slot, in the middle of whatever it does; another takes its place.
    func kill(_ slot: Int) throws {
        for index in members[slot].indices {
            members[slot][index].isCondemned = true
            Glibc.kill(members[slot][index].process.identifier, SIGKILL)
        }
        try lookAfter()
    }

    func pause(_ slot: Int) { signal(slot, SIGSTOP) }

    func resume(_ slot: Int) { signal(slot, SIGCONT) }

    /// Starts another worker in a slot whose first one still is there, as from a cloned disk.
    func double(_ slot: Int) throws { try add(to: slot) }

    /// Puts new workers in the place of those that are gone, and notes those that should not be.
    func lookAfter() throws {
        for slot in members.indices {
            let gone = members[slot].filter { !$0.process.isRunning }
            members[slot].removeAll { !$0.process.isRunning }
            for member in gone { note(member, slot) }
            if members[slot].isEmpty { try add(to: slot) }
        }
    }

    /// Lets all finish what they do.
    func stop() async throws {
        for slot in members.indices {
            resume(slot)
            for member in members[slot] { member.process.end() }
        }
        for _ in 0..<600 where members.joined().contains(where: { $0.process.isRunning }) {
            try await Task.sleep(for: .milliseconds(100))
        }
        for slot in members.indices {
            for member in members[slot] {
                if member.process.isRunning {
                    findings.append("worker \(slot) did not end within a minute")
                    Glibc.kill(member.process.identifier, SIGKILL)
                } else {
                    note(member, slot)
                }
            }
        }
    }

    private func signal(_ slot: Int, _ number: CInt) {
        for member in members[slot] where member.process.isRunning { Glibc.kill(member.process.identifier, number) }
    }

    private func note(_ member: Member, _ slot: Int) {
        let status = member.process.status
        guard !member.isCondemned, status != 0, status != Worker.fencedExit else { return }
        let said = (try? String(contentsOfFile: member.errors, encoding: .utf8)) ?? ""
        findings.append("worker \(slot) ended by itself with \(status): \(said.suffix(1500))")
    }

    private func add(to slot: Int) throws {
        incarnations[slot] += 1
        let name = "\(slot)-\(incarnations[slot])"
        var generator = SeededGenerator(seed: seed ^ UInt64(slot) << 40 ^ UInt64(incarnations[slot]) << 48)
        let plan = WorkerPlan(
            url: site.url, slot: slot, incarnation: incarnations[slot], seed: generator.next(),
            journal: "\(site.directory.path)/journal-\(name)", mistake: mistake)
        let errors = "\(site.directory.path)/errors-\(name)"
        let process = try Lifeline(
            "exec \"$1\" worker 2>\"$2\"", [program, errors],
            environment: [WorkerPlan.variable: String(decoding: try JSONEncoder().encode(plan), as: UTF8.self)])
        journals.append(plan.journal)
        members[slot].append(Member(process: process, errors: errors))
    }
}
