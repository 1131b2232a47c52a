/// A value made of secret bytes, which never shows them when it is printed, dumped or interpolated.
public protocol SecretMaterial: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {}

extension SecretMaterial {
    /// The name of the type, without its content.
    public var description: String { "\(Self.self)(redacted)" }
    /// The name of the type, without its content.
    public var debugDescription: String { description }
    /// A mirror without children, so that `dump` shows nothing.
    public var customMirror: Mirror { Mirror(self, children: [], displayStyle: .struct) }
}
