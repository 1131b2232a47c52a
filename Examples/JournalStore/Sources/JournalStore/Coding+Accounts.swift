internal import ClusterCore

// How users, what belongs to them and certificates are written.

extension User {
    func write(to writer: inout ByteWriter) {
        writer.write(id)
        writer.write(name)
        for flag in [isEnabled, isAdmin, allowsAutoLogin] { writer.write(flag) }
        writer.write(passwordVerifier) { $0.write($1.bytes) }
        writer.write(tokensValidFrom)
        writer.write(createdAt)
        writer.write(version)
    }

    init(from reader: inout ByteReader) throws {
        self.init(
            id: try reader.id(), name: try reader.text(), isEnabled: try reader.bool(), isAdmin: try reader.bool(),
            allowsAutoLogin: try reader.bool(),
            passwordVerifier: try reader.optional { try $0.some(SealedValue($0.data())) },
            tokensValidFrom: try reader.time(), createdAt: try reader.time(), version: try reader.number())
    }
}

extension LoginFailures {
    func write(to writer: inout ByteWriter) {
        writer.write(user)
        writer.write(Int64(count))
        writer.write(firstAt)
        writer.write(lastAt)
        writer.write(lockedUntil) { $0.write($1) }
        writer.write(version)
    }

    init(from reader: inout ByteReader) throws {
        self.init(
            user: try reader.id(), count: try reader.some(Int(exactly: try reader.number())),
            firstAt: try reader.time(), lastAt: try reader.time(), lockedUntil: try reader.optional { try $0.time() },
            version: try reader.number())
    }
}

extension TokenRefusal {
    func write(to writer: inout ByteWriter) {
        writer.write(tokenSession.bytes)
        writer.write(user) { $0.write($1) }
        writer.write(refusedAt)
        writer.write(expiresAt)
    }

    init(from reader: inout ByteReader) throws {
        self.init(
            tokenSession: try reader.some(TokenSessionID(bytes: try reader.data())),
            user: try reader.optional { try $0.id() }, refusedAt: try reader.time(), expiresAt: try reader.time())
    }
}

extension SealedSecret {
    func write(to writer: inout ByteWriter) {
        writer.write(id)
        writer.write(purpose.rawValue)
        writer.write(value.bytes)
        writer.write(createdAt)
    }

    init(from reader: inout ByteReader) throws {
        self.init(
            id: try reader.id(), purpose: SecretPurpose(rawValue: try reader.text()),
            value: try reader.some(SealedValue(try reader.data())), createdAt: try reader.time())
    }
}

extension CertificateRecord {
    func write(to writer: inout ByteWriter) {
        writer.write(serial.bytes)
        writer.write(kind.rawValue)
        writer.write(commonName)
        writer.write(user) { $0.write($1) }
        writer.write(profile) { $0.write($1.rawValue) }
        writer.write(notBefore)
        writer.write(notAfter)
        writer.write(der)
        writer.write(privateKey) { $0.write($1.bytes) }
        writer.write(issuedAt)
        writer.write(revocation) {
            $0.write($1.at)
            $0.write($1.reason.rawValue)
        }
        writer.write(version)
    }

    init(from reader: inout ByteReader) throws {
        self.init(
            serial: try reader.some(CertificateSerial(bytes: try reader.data())),
            kind: try reader.some(Kind(rawValue: try reader.text())), commonName: try reader.text(),
            user: try reader.optional { try $0.id() },
            profile: try reader.optional { try $0.some(ProfileKind(rawValue: try $0.text())) },
            notBefore: try reader.time(), notAfter: try reader.time(), der: try reader.data(),
            privateKey: try reader.optional { try $0.some(SealedValue($0.data())) }, issuedAt: try reader.time(),
            revocation: try reader.optional {
                Revocation(at: try $0.time(), reason: try $0.some(Revocation.Reason(rawValue: try $0.text())))
            }, version: try reader.number())
    }
}
