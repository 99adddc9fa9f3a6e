import Testing

@testable import MemoryBudget
