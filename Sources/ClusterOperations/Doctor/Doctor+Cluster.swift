internal import VPNFormats

extension Doctor {
    func tamperFindings(_ facts: ClusterFacts) -> [Finding] {
        guard !facts.tampered.isEmpty else {
            return [.ok("integrity", "every row that decides who gets in is authentic")]
        }
        return facts.tampered.map {
            .fail(
                "integrity", "\($0) was written by someone without the cluster's key, and is not obeyed",
                advice: "find out who writes to the database; set the value anew or restore a copy")
        }
    }

    func hostnameFinding(_ facts: ClusterFacts) -> Finding {
        guard let hostname = facts.hostname, !hostname.isEmpty else {
            return .fail(
                "hostname", "the name that clients connect to is not set", advice: "asnode config set hostname NAME")
        }
        if IPAddress(hostname) != nil {
            return .ok("hostname", "clients connect to the address \(hostname)")
        }
        let addresses = Set(probe.resolve(hostname).map(\.description)).sorted()
        guard !addresses.isEmpty else {
            return .warn(
                "hostname", "\(hostname) does not resolve on this machine",
                advice: "add it to DNS, or set another: asnode config set hostname NAME")
        }
        return .ok("hostname", "\(hostname) resolves to \(addresses.joined(separator: ", "))")
    }

    func certificateFindings(_ facts: ClusterFacts) -> [Finding] {
        let now = probe.nowMicroseconds()
        return facts.certificates.map { certificate in
            let check = "certificate-\(certificate.name)"
            if now < certificate.notBefore {
                return .fail(
                    check, "the \(certificate.title) is not valid yet: the machine's clock is slow",
                    advice: "set the machine's clock")
            }
            let (left, overflow) = certificate.notAfter.subtractingReportingOverflow(now)
            let days = overflow ? .max : left / 86_400_000_000
            if left < 0, !overflow {
                return .fail(
                    check, "the \(certificate.title) has expired",
                    advice: "check the clock; a node that starts renews it")
            }
            if left < Self.expiryNotice, !overflow {
                return .warn(
                    check, "the \(certificate.title) ends in \(days) days",
                    advice: "restart the node, which renews what it can")
            }
            return .ok(check, "the \(certificate.title) is valid for \(days) days")
        }
    }

    func overlapFindings(_ facts: ClusterFacts, device: String) -> [Finding] {
        let networks = probe.networks().filter { $0.interface != device }
        let conflicts = facts.clientNetworks.flatMap { client in
            networks.filter { $0.prefix.overlaps(client) }.map { host in
                Finding.fail(
                    "overlap", "the client network \(client) overlaps \(host.prefix), which \(host.interface) is on",
                    advice: "choose another: asnode config set client.networks CIDR")
            }
        }
        guard conflicts.isEmpty else { return conflicts }
        return [.ok("overlap", "the client networks overlap no network of this machine")]
    }
}
