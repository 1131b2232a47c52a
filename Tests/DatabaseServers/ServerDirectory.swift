import Foundation

/// A directory that is removed when nobody uses it any more, at the latest when this process is gone.
package final class ServerDirectory: Sendable {
    /// Where it is: below `TMPDIR`, else `/tmp`.
    package let path: String
    private let keeper: Lifeline

    package init(_ name: String, owner: String) throws {
        path = NSTemporaryDirectory() + "asnode-\(name)-\(UUID().uuidString.prefix(8))"
        // Processes that work in it end at the same time, and may still be writing for a moment.
        keeper = try Lifeline(
            """
            mkdir -m 0755 "$1" && chown "$2": "$1" && echo made
            cat >/dev/null
            for attempt in 1 2 3 4 5 6 7 8 9 10; do rm -rf "$1" 2>/dev/null && break; sleep 0.3; done
            sleep 0.5; rm -rf "$1"
            """, [path, owner])
        guard keeper.line() == "made" else { throw ServerFailure("cannot make \(path) for the user \(owner)") }
    }

    /// Removes it now.
    func remove() { keeper.cut() }

    /// Makes certificates in it, readable for `owner`, all valid for two days from now but for the expired one:
    ///
    /// - `ca.pem`, an authority, and `other.pem`, another one;
    /// - `server.pem` with `server.key`, by the first, for `localhost` alone;
    /// - `expired.pem`, the same with the same key, but its time is over;
    /// - `client.pem` with `client.key`, by the first, for the user `tester`.
    func makeCertificates(owner: String) throws {
        try Programs.require(["openssl"], from: "openssl")
        try Programs.run(
            "bash",
            [
                "-ec",
                """
                cd "$1"
                new="-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
                for ca in ca other; do
                    openssl req -x509 $new -keyout $ca.key -out $ca.pem -subj /CN=$ca -days 2
                done
                printf 'subjectAltName=DNS:localhost' >extensions
                sign() { openssl x509 -req -CA ca.pem -CAkey ca.key -CAcreateserial "$@"; }
                openssl req $new -keyout server.key -out server.csr -subj /CN=server
                sign -in server.csr -days 2 -extfile extensions -out server.pem
                sign -in server.csr -days -1 -extfile extensions -out expired.pem
                openssl req $new -keyout client.key -out client.csr -subj /CN=tester
                sign -in client.csr -days 2 -out client.pem
                chmod 600 *.key
                chown "$2": server.key
                """, "bash", path, owner,
            ])
    }
}
