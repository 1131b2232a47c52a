/// Which release this is.
public enum SoftwareVersion {
    /// The version, as in semantic versioning.
    public static let current = "0.1.0"
    /// No clock that is right can show a time before this release: microseconds since 1970 UTC (2026-01-01).
    public static let notBeforeMicroseconds: Int64 = 1_767_225_600_000_000
}
