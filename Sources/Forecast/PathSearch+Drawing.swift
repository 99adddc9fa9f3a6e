extension PathSearch {
  /// Searches for a token whose layers are chosen one after another, and stores nothing.
  ///
  /// The same steps as ``search(_:owners:range:into:learns:)`` at horizon 1, stopped before every
  /// layer until its choice is known.
  ///
  /// - Parameters:
  ///   - votes: room for one token.
  ///   - choose: called with every layer once its votes are in; gives the experts chosen there.
  func search(owner: TokenOwner, into votes: PathVotes, choose: (Int) -> ArraySlice<UInt16>) {
    guard var memory = takeMemory() else { return }
    defer { self.memory = memory }
    let request = Int(owner.slot)
    own.update(repeating: 0, count: layers * words)
    count = 0
    memory.lastStored[request] = -1
    if owner.isFresh {
      memory.trailCounts[request] = 0
    } else {
      follow(request, memory)
    }
    for layer in 0..<layers {
      let at = votes.index(layer: layer, token: 0)
      for metric in isHeard.indices where isHeard[metric] {
        vote(metric, layer, memory, at + metric, votes)
      }
      for expert in choose(layer) {
        own[layer * words + Int(expert) >> 6] |= 1 << UInt64(expert & 63)
      }
      compare(layer, memory)
      if layer < PathMemory.selecting {
        select(layer, memory)
        if layer == min(PathMemory.selecting, layers) - 1 { gather(memory) }
      }
    }
    leaveTrail(request, &memory)
  }
}
