// The settings that are times. How soon a client notices that its node died, and moves on, follows from the pings: the
// node pings an idle desktop client every second, and a client that hears nothing for 4 s goes to the next address.

extension Setting<Duration> {
    /// How long a data key is used.
    public static var renegotiationInterval: Setting {
        Setting(
            "data.renegotiation-interval", .duration(.seconds(5)...day, zero: "leaves it to the clients"),
            default: .seconds(3660),
            "How long a data key is used before the node renegotiates; best a little longer than the clients' own interval, "
                + "an hour, so that both do not begin at once.")
    }

    /// How often a node pings an idle client.
    public static var serverPing: Setting {
        Setting(
            "keepalive.server-ping", .duration(.seconds(1)...minute), default: .seconds(1),
            "How often a node pings an idle client; must be shorter than keepalive.client-restart.")
    }

    /// How often an idle client pings.
    public static var clientPing: Setting {
        Setting(
            "keepalive.client-ping", .duration(.seconds(1)...hour), default: .seconds(8),
            "How often an idle client pings its node.")
    }

    /// How long a client hears nothing before it goes to another node.
    public static var clientRestart: Setting {
        Setting(
            "keepalive.client-restart", .duration(.seconds(2)...hour), default: .seconds(4),
            "How long a client hears nothing before it reconnects, at the next address.")
    }

    /// How long a node hears nothing before it ends a session.
    public static var clientTimeout: Setting {
        Setting(
            "keepalive.client-timeout", .duration(.seconds(10)...day), default: .seconds(40),
            "How long a node hears nothing from a client before it ends the session; never less than two of that "
                + "client's pings.")
    }

    /// How often Android and iOS clients ping and are pinged.
    public static var mobilePing: Setting {
        Setting(
            "keepalive.mobile-ping", .duration(.seconds(1)...hour), default: .seconds(25),
            "How often idle Android and iOS clients ping and are pinged, to spare the battery.")
    }

    /// As ``clientRestart``, for Android and iOS.
    public static var mobileRestart: Setting {
        Setting(
            "keepalive.mobile-restart", .duration(.seconds(2)...day), default: .seconds(60),
            "How long an Android or iOS client hears nothing before it reconnects.")
    }

    /// How long a client may come back without a password.
    public static var tokenLifetime: Setting {
        Setting(
            "token.lifetime", .duration(minute...(day * 365)), default: day,
            "How long after its password a client may come back with its auth token.")
    }

    /// How often a connected client gets a new token.
    public static var tokenRenewal: Setting {
        Setting(
            "token.renewal", .duration(minute...day), default: hour,
            "How often a connected client gets a fresh auth token; one that was not renewed for twice as long "
                + "is refused.")
    }

    /// How long a user is locked out.
    public static var lockoutDuration: Setting {
        Setting(
            "lockout.duration", .duration(.seconds(1)...(day * 30)), default: minute * 15,
            "How long a user is locked out after too many wrong passwords.")
    }

    /// How long client certificates are valid.
    public static var clientCertificateLifetime: Setting {
        Setting(
            "certificate.client-lifetime", .duration(minute...(day * 3650)), default: day * 3650,
            "How long the certificate in a newly issued profile is valid, at most as long as the authority's.")
    }

    /// How long server certificates are valid.
    public static var serverCertificateLifetime: Setting {
        Setting(
            "certificate.server-lifetime", .duration(hour...(day * 3650)), default: day * 825,
            "How long a newly issued server certificate is valid, at most as long as the authority's.")
    }

    /// How long ended sessions stay in the connection log.
    public static var connectionLogRetention: Setting {
        Setting(
            "retention.connection-log", .duration(hour...(day * 3650), zero: "keeps them for ever"),
            default: day * 90, "How long ended sessions stay in the connection log.")
    }

    /// How long audit entries stay.
    public static var auditRetention: Setting {
        Setting(
            "retention.audit", .duration(day...(day * 36_500), zero: "keeps them for ever"),
            default: .zero, "How long entries stay in the audit log.")
    }

    /// How often a node writes the byte counts of live sessions.
    public static var sessionUpdateInterval: Setting {
        Setting(
            "session.update-interval", .duration(.seconds(1)...hour), default: .seconds(30),
            "How often a node writes the byte counts of its sessions, in one batch.")
    }

    /// How often a node looks whether the configuration changed.
    public static var changePollInterval: Setting {
        Setting(
            "store.poll-interval", .duration(.milliseconds(50)...(.seconds(10))), default: .milliseconds(250),
            "How often a node looks whether the configuration changed.")
    }
}

private let minute = Duration.seconds(60)
private let hour = Duration.seconds(3600)
private let day = Duration.seconds(86_400)
