print("asnode")
