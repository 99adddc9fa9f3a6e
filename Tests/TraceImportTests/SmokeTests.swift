import Testing
@testable import TraceImport
@Test func smoke() {}
