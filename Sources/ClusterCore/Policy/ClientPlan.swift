public import VPNFormats

/// How both sides of a session notice that the other is gone.
///
/// The node pings an idle client often, so that the client notices within seconds that its node died and goes to the
/// next one; the client pings rarely. Phones, whose radio each packet wakes, have longer times.
public struct ConnectionTiming: Hashable, Sendable {
    /// The node sends a ping when it has sent nothing else for this long.
    public let serverPing: Duration
    /// The client sends a ping when it has sent nothing else for this many seconds.
    public let clientPingSeconds: Int
    /// The client connects anew when it has heard nothing for this many seconds.
    public let clientRestartSeconds: Int
    /// The node ends the session when it has heard nothing for this long; always more than twice the client's ping.
    public let serverTimeout: Duration

    /// The timing of the settings `keepalive.*` for a client.
    ///
    /// - Parameter platform: What the client says it runs on (`IV_PLAT`): `android` and `ios` have the mobile times.
    public init(_ settings: Settings, platform: String) {
        let isMobile = ["android", "ios"].contains(platform.lowercased())
        let clientPing = settings[isMobile ? .mobilePing : .clientPing]
        let clientRestart = settings[isMobile ? .mobileRestart : .clientRestart]
        let leastTimeout = clientPing * (isMobile ? 3 : 2) + .seconds(1)
        serverPing = isMobile ? settings[.mobilePing] : settings[.serverPing]
        clientPingSeconds = Self.seconds(clientPing)
        clientRestartSeconds = Self.seconds(max(clientRestart, serverPing + .seconds(1)))
        serverTimeout = max(settings[.clientTimeout], leastTimeout)
    }

    /// Whole seconds, rounded up, at least one.
    private static func seconds(_ duration: Duration) -> Int {
        let (seconds, attoseconds) = duration.components
        return max(1, Int(clamping: seconds) + (attoseconds > 0 ? 1 : 0))
    }
}

/// What a client is told about networks: the settings `push.*` as typed values. The engine's own options (addresses,
/// cipher, peer id, timing) are not among them.
public struct PushInputs: Hashable, Sendable {
    /// Whether all of the client's traffic goes through the tunnel.
    public let redirectsGateway: Bool
    /// The networks that are reached through the tunnel; without ``redirectsGateway`` these alone.
    public let routes: [IPPrefix]
    /// The name servers to use.
    public let dnsServers: [IPAddress]
    /// The domains to search for short names.
    public let searchDomains: [String]
    /// Whether the client keeps its tunnel device while it reconnects; then the addresses of all nodes are pushed as
    /// routes outside of the tunnel.
    public let holdsTun: Bool

    /// The inputs of the settings.
    public init(_ settings: Settings) {
        redirectsGateway = settings[.redirectGateway]
        routes = settings[.pushedRoutes]
        dnsServers = settings[.dnsServers]
        searchDomains = settings[.searchDomains]
        holdsTun = settings[.holdTun]
    }
}
