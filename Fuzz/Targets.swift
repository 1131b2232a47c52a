/// All parsers that see bytes from outside. Further ones are added here, each in a file of its own kind.
enum Targets {
    static let all: [Target] = packets + messages + files + backups + endpoint
}
