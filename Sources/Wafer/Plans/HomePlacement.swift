/// The rules by which experts get their homes, where no ``ExpertPlacement`` says.
public enum HomePlacement: String, CaseIterable, Sendable {
  /// Expert e on die e * D / E: neighbours in number share a die.
  case contiguous
  /// Expert e on die e mod D.
  case roundRobin = "round-robin"

  /// The home node of every expert; the host for all where experts live there.
  public func homes(experts: Int, on fabric: Fabric) -> [Int] {
    (0..<experts).map { expert in
      if let host = fabric.host { return host }
      return self == .contiguous ? expert * fabric.dies / experts : expert % fabric.dies
    }
  }
}
