/// What the packet path needs of an endpoint: nothing here allocates, and nothing is put out.
extension ServerEndpoint {
    /// Counts a packet that the driver dropped.
    public mutating func countDrop(_ reason: DropReason) {
        self.drops.count(reason)
    }

    /// Takes note of an authentic data packet. See ``ServerSession/received(packetID:keyIndex:bytes:path:settings:now:)``.
    public mutating func receivedData(
        slot: Int, packetID: UInt32, keyIndex: Int, bytes: Int, path: NetworkPath, now: Instant
    ) -> Bool {
        self.sessions[slot]?.received(
            packetID: packetID, keyIndex: keyIndex, bytes: bytes, path: path, settings: self.settings, now: now)
            ?? false
    }

    /// The next packet id of a session for a payload of `bytes`; nil where it may not send.
    public mutating func takeDataSlot(slot: Int, bytes: Int, now: Instant) -> DataChannel.Slot? {
        self.sessions[slot]?.data.takeSlot(bytes: bytes, now: now)
    }

    /// Counts what a session carried.
    public mutating func countPayload(slot: Int, bytesIn: Int, bytesOut: Int) {
        self.sessions[slot]?.data.bytesIn &+= UInt64(bytesIn)
        self.sessions[slot]?.data.bytesOut &+= UInt64(bytesOut)
    }
}
