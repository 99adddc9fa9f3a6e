import RoutingTrace

/// How much of a trace was not recorded; the keys of `absent` in `--json`.
struct AbsenceFacts: Encodable {
  /// Tokens without an expert in any layer.
  var tokens: Int
  /// Events without an expert, those tokens' among them.
  var events: Int
  /// Empty slots of other events.
  var slots: Int

  init(_ absent: AbsentRoutes) {
    tokens = absent.tokens
    events = absent.events
    slots = absent.slots
  }

  /// In words; nil where nothing is absent.
  var text: String? {
    guard events > 0 || slots > 0 else { return nil }
    let parts = [(tokens, "token"), (events, "event"), (slots, "single slot")].compactMap {
      $0 == 0 ? nil : counted($0, $1)
    }
    return parts.joined(separator: ", ")
  }
}

/// Says what was passed over since nobody recorded it, if anything was.
func complain(of absent: AbsentRoutes) {
  guard let text = AbsenceFacts(absent).text else { return }
  complain("moecast: not recorded: \(text); these are passed over, neither scored nor learnt")
}
