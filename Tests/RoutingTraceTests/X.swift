import RoutingTrace
import Testing
@Test func b() { #expect(Stage.prefill.name == "prefill") }
