/// Published key material of OpenVPN's own unit tests.
public enum Vectors {
    /// `static_key` of `test_pkt.c`, as it stands in a profile.
    public static let staticKeyText = """
        <tls-auth>
        -----BEGIN OpenVPN Static key V1-----
        37268ea8f95d7f71f9fb8fc03770c460
        daf714a483d815c013ce0a537efc18f2
        8f4f172669d9e6a413bac6741d8ea054
        00f49b7fd6326470f23798c606bf53d4
        de63ebc64ec59d57ce5d04d5b62e68b5
        3ca6e5354351097fa370446c4d269f18
        7bb6ae54af2dc70ff7317fe2f8754b82
        82aad4202f9fa42c8640245d883e2c54
        a0c1c489a036cf3a8964d8d289c1583b
        9447c262b1da5fd167a5d27bd5ac5143
        17bc2343a31a2efc38dd920d910375f5
        1c2e27f3afd36c49269da079f7ce466e
        bb0f9ad13e9bbb4665974e6bc24b513c
        5700393bf4a3e7f967e2f384069ac8a8
        e78b18b15604993fd16515cce9c0f3e4
        2b4126b999005ade802797b0eeb8b9e6
        -----END OpenVPN Static key V1-----
        </tls-auth>

        """

    /// The wrapped key of `test_client_key` in `test_tls_crypt.c`: client key 00…ff, server key 00…7f, timestamp 0.
    public static let wrappedKeyWithTimestamp = bytes(
        """
        177da5c074a94619b16be4acb71f1a6ccf24f33c6bbaf498459d5f06c369d4952c78396efd93c2598f4771e068cafca3d2d387d8
        7151392b1f74b43df29137072ca3ceae6bf741153c97b0cf6d8386b0ddd4baa201fd024693fa44510e035c29691009bc2624ad89
        95f9171c1c1b02d9a7efc02436e868e90085a8276a19a6f7ce1daf85e16a18c3dd1a9ba46c5ad3deb70edd52f151e1be45dcd788
        c4c2a494a8bc504fd650e46306093e7cfa75a1218f44f3277055aeef56dc2a68b5d36deeed3d927c407e90b18edacfdec7a6b037
        b0fe04c1b5c7d0fcea131721479cde64459faad7b482e276dadcfa7cfc5b34fa149bbf6b49a33a03f1212516aed221626c7224d8
        87cabc7f9c90c6376de16c6efd9e70b4f080674b4ece3e08b5323bedf04e6114df11acb31e012b
        """)

    /// The wrapped key of `test_client_key_metadata`: the same keys, user metadata 0000410820c3.
    public static let wrappedKeyWithUserMetadata = bytes(
        """
        69eda75582aa170b8c9418fe28248cdb7761bea2d277aa1647eb3a9d94083733e91489b4f2d96ef38e2941e4daac313d852c1429
        f3fc8595ebf6622d1ada6f35294bca123751d2e8feeaa8076b1ca81f8554c76ac7527f651d3133c2ec70609cff4b97416128dd21
        eef4b36dbb7b40cef01fd9abd5e71cfccb744985b6969c0068939b6064f293a8538169b483f30baf0a2b2eb7b34ea507059cd5b2
        ef8b0f2a8b58ad65cc935deba32e34eb060386057db0ac0e1f27dc7f82c3593960d0590d86093ad55480159785e3babe0a0e9aa0
        dd234740437855a3d0c4f9290216381f978158db22c487d655659ae5d5e0f53b087f5f5efc0a41eb049625f4b3504b24042a50c6
        5b004b43fa58deab6372daf7a55eb630f41d068fb595cb230c2255400e9753296d6ace0129
        """)

    /// The server key of `test_tls_crypt.c`, 00…7f.
    public static let serverKeyBytes = (0..<128).map { UInt8($0) }
    /// The client key of `test_tls_crypt.c`, 00…ff.
    public static let clientKeyBytes = (0..<256).map { UInt8($0) }

    /// The token of `test_auth_token.c` for "test user name", time 0 and a key of zeros.
    public static let authToken =
        "SESS_ID_AT_0123456789abcdefAAAAAAAAAAAAAAAAAAAAAE5JsQJOVfo8jnI3RL3tBaR5NkE4yPfcylFUHmHSc5Bu"
}
