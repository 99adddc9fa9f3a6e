/// How often a run saves: after so many chunks, seconds or events.
public enum CheckpointInterval: Hashable, Sendable {
  /// Where the stream's chunks, counted from its beginning, are a multiple of this.
  case chunks(UInt64)
  /// When so many have gone by since the last time.
  case seconds(Double)
  /// At the first chunk behind so many since the last time.
  case events(UInt64)

  /// `64` chunks, `30s` seconds, `1000000e` events; nil for anything else or for 0.
  public init?(_ text: String) {
    guard let unit = text.last else { return nil }
    let number = text.dropLast()
    switch unit {
    case "s":
      guard let value = Double(number), value > 0, value.isFinite else { return nil }
      self = .seconds(value)
    case "e":
      guard let value = UInt64(number), value > 0 else { return nil }
      self = .events(value)
    default:
      guard let value = UInt64(text), value > 0 else { return nil }
      self = .chunks(value)
    }
  }
}
