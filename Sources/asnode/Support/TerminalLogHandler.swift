internal import Foundation
internal import Logging

/// Writes log lines for people to standard error: time (UTC, milliseconds), level, message, facts.
///
/// Values are cleaned of control characters, since some of them come from clients.
struct TerminalLogHandler: LogHandler {
    var logLevel: Logger.Level = .info
    var metadata: Logger.Metadata = [:]

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        StandardError.write(Self.line(event, metadata: metadata, at: Date()))
    }

    /// The line for an event.
    static func line(_ event: LogEvent, metadata: Logger.Metadata, at time: Date) -> String {
        let facts = metadata.merging(event.metadata ?? [:]) { _, own in own }
        var line = "\(stamp(time)) \(word(event.level)) \(OneLine.of("\(event.message)"))"
        for (key, value) in facts.sorted(by: { $0.key < $1.key }) { line += " \(key)=\(quoted("\(value)"))" }
        if let error = event.error { line += " error=\(quoted("\(error)"))" }
        return line + "\n"
    }

    private static func stamp(_ time: Date) -> String {
        time.ISO8601Format(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    }

    private static func word(_ level: Logger.Level) -> String {
        switch level {
        case .trace: "TRACE"
        case .debug: "DEBUG"
        case .info: "INFO "
        case .notice: "NOTE "
        case .warning: "WARN "
        case .error: "ERROR"
        case .critical: "FATAL"
        }
    }

    private static func quoted(_ value: String) -> String {
        let clean = OneLine.of(value)
        guard clean.isEmpty || clean.contains(where: { $0 == " " || $0 == "\"" || $0 == "=" }) else { return clean }
        return "\"" + clean.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }
}
