import Glibc

/// Where copies of one layer's experts would pay at the next step.
///
/// Every expert's expected work is cut into parts that one die could take: as many as keep a part
/// below the dies' mean load. Parts go, largest first, to the least loaded die that holds the expert,
/// or to the least loaded die at all where that would be ahead of the holder by more than a margin:
/// there a copy is wanted. A part of r requests expected on a die loads it with
/// max(compute r F / flops, memory p W / HBM + r A / HBM), p = 1 - exp(-r) being the chance that
/// anybody asks (requests arrive as a Poisson variable); read from elsewhere it costs the way too.
struct CopyPlanner {
  /// A wanted copy and the seconds it would take off the layer's critical path.
  struct Wish {
    let expert: Int
    let die: Int
    /// Expected seconds saved; of a copy already there, what it saves now.
    let value: Double
    let isHeld: Bool
  }

  let fabric: Fabric
  let expert: ExpertCost
  /// What a copy must save, as a share of its part's load, before it is wished for.
  let margin: Double

  /// - Parameters:
  ///   - expected: Expected requests of every expert.
  ///   - holders: Who holds each expert now.
  func wishes(expected: [Double], holders: Holders) -> [Wish] {
    var parts: [(expert: Int, requests: Double, seconds: Double)] = []
    let total = expected.reduce(0) { $0 + alone($1) }
    guard total > 0 else { return [] }
    let mean = total / Double(fabric.dies)
    for (index, requests) in expected.enumerated() where requests > 0.01 {
      let read = chance(requests) * readSeconds
      // A part cannot be lighter than its read, so cutting below a few reads only multiplies them.
      let grain = max(mean, 2 * read)
      let count = max(1, min(fabric.dies, Int((alone(requests) / grain).rounded(.up))))
      let share = requests / Double(count)
      for _ in 0..<count { parts.append((index, share, load(share, chance: chance(requests)))) }
    }
    parts.sort { ($1.seconds, $0.expert) < ($0.seconds, $1.expert) }
    var loads = Array(repeating: 0.0, count: fabric.dies)
    var taken: Set<Int> = []
    var wishes: [Wish] = []
    for part in parts {
      func isFree(_ die: Int) -> Bool { !taken.contains(part.expert * fabric.dies + die) }
      let holding = holders.of[part.expert]
      guard let any = best(loads, where: isFree) else { continue }
      let holder = best(loads) { isFree($0) && holding.contains($0) }
      let without: Double
      if let holder {
        without = loads[holder] + part.seconds
      } else {
        let way = wayBytesSeconds(from: holding[0], to: any)
        without = loads[any] + max(part.seconds, chance(part.requests) * way)
      }
      let with = loads[any] + part.seconds
      let saved = without - with
      let copies = saved > margin * part.seconds && saved > 0
      let die = copies ? any : holder ?? any
      loads[die] += part.seconds
      taken.insert(part.expert * fabric.dies + die)
      if holding.contains(die) {
        // What it would cost to do without this copy: the part would fall back to its home.
        let home = holding[0]
        let fallback =
          home < fabric.dies && home != die
          ? loads[home] + part.seconds - loads[die]
          : chance(part.requests) * wayBytesSeconds(from: home, to: die)
        wishes.append(
          Wish(
            expert: part.expert, die: die, value: max(fallback, 0.01 * part.seconds), isHeld: true))
      } else if copies {
        wishes.append(Wish(expert: part.expert, die: die, value: saved, isHeld: false))
      }
    }
    return wishes
  }

  /// The chance that an expert of which `requests` are expected is asked for at all.
  func chance(_ requests: Double) -> Double { 1 - exp(-requests) }

  private var readSeconds: Double { expert.weightBytes / fabric.hardware.hbmBandwidth }

  private func alone(_ requests: Double) -> Double { load(requests, chance: chance(requests)) }

  private func load(_ requests: Double, chance: Double) -> Double {
    let hardware = fabric.hardware
    let compute =
      requests * expert.flopsPerRequest / (hardware.computeFlops * hardware.computeEfficiency)
    let activations = requests * expert.activationBytesPerRequest / hardware.hbmBandwidth
    return max(compute, chance * readSeconds + activations)
  }

  private func wayBytesSeconds(from source: Int, to die: Int) -> Double {
    guard let link = fabric.way(from: source, to: die).first else { return readSeconds }
    return expert.weightBytes / fabric.linkBandwidth[Int(link)]
  }

  private func best(_ loads: [Double], where condition: (Int) -> Bool) -> Int? {
    var best: Int?
    for die in loads.indices where condition(die) {
      if best.map({ loads[die] < loads[$0] }) ?? true { best = die }
    }
    return best
  }
}
