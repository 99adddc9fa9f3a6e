/// The tables of one event simulation and its loop.
struct EventRun {
  /// A task as the loop needs it.
  struct Job {
    var source: Int32
    var die: Int32
    /// Where the links from source to die begin and end in ``Fabric/wayLinks``.
    var wayStart: Int32
    var wayEnd: Int32
    /// First entry of the (source, expert) pair's chunks in the LLC's index.
    var cacheBase: Int32
    /// Whether the die writes what it reads into its own HBM.
    var copies: Bool
    /// Seconds of a read command from die to source.
    var commandSeconds: Double
    /// Seconds to compute the requests' part that belongs to one chunk.
    var chunkComputeSeconds: Double
    /// Seconds of the die's memory for the activations of that part.
    var chunkActivationSeconds: Double
  }

  /// An expert's weights as one source's LLC holds them.
  private struct CachedExpert: Hashable {
    let expert: Int32
    let source: Int32
  }

  /// Chunks of an expert.
  let chunks: Int
  private let fabric: Fabric
  private let chunkBytes: Double
  private let jobs: [Job]
  /// Every die's tasks in the order in which it asks, end to end.
  private let queue: [Int32]
  private let queueStart: [Int]
  /// Chunks that a die may have asked for and not yet computed.
  private let inFlight: Int
  /// Chunks that an LLC holds, and chunks of all sources and experts.
  private let cacheSlots: Int
  private let cacheEntries: Int
  private let readsAlone: Bool

  /// - Parameter llcBytes: What demand may use of every LLC; nil for all of it.
  init(
    _ engine: EventEngine, _ tasks: [ExpertTask], copies: [ExpertCopy], expert: ExpertCost,
    on fabric: Fabric, llcBytes: Double? = nil
  ) {
    self.fabric = fabric
    readsAlone = engine.readsAlone
    chunks = max(1, Int((expert.weightBytes / engine.chunkBytes).rounded(.up)))
    chunkBytes = expert.weightBytes / Double(chunks)
    let copied = Set(copies)
    var cacheBases: [CachedExpert: Int32] = [:]
    var jobs: [Job] = []
    for task in tasks {
      let (source, die) = (Int(task.source), Int(task.die))
      let cached = CachedExpert(expert: task.expert, source: task.source)
      let base = cacheBases[cached] ?? Int32(cacheBases.count * chunks)
      cacheBases[cached] = base
      let way = fabric.wayRange(from: source, to: die)
      jobs.append(
        Job(
          source: task.source, die: task.die, wayStart: way.lowerBound, wayEnd: way.upperBound,
          cacheBase: base,
          copies: copied.contains(ExpertCopy(die: die, expert: Int(task.expert))),
          commandSeconds: fabric.commandSeconds(from: source, to: die),
          chunkComputeSeconds: fabric.hardware.computeSeconds(
            requests: Int(task.requests), expert: expert) / Double(chunks),
          chunkActivationSeconds: fabric.hardware.activationSeconds(
            requests: Int(task.requests), expert: expert) / Double(chunks)))
    }
    self.jobs = jobs
    cacheEntries = cacheBases.count * chunks
    let llc = llcBytes ?? fabric.hardware.llcCapacity
    let fitting = engine.usesLLC ? llc.wholeParts(of: chunkBytes) : 0
    cacheSlots = min(fitting, cacheEntries)
    var own: [[Int32]] = Array(repeating: [], count: fabric.dies)
    for (index, task) in tasks.enumerated() { own[Int(task.die)].append(Int32(index)) }
    if engine.order == .rotated {
      for die in 0..<fabric.dies {
        let start = die * own[die].count / fabric.dies
        own[die] = Array(own[die][start...] + own[die][..<start])
      }
    }
    var starts = [0]
    for die in 0..<fabric.dies { starts.append(starts[die] + own[die].count) }
    queue = own.flatMap { $0 }
    queueStart = starts
    inFlight = min(
      max(1, engine.windowBytes.wholeParts(of: chunkBytes)),
      chunks * (own.map(\.count).max() ?? 0))
  }

  /// Runs the layer beside other traffic, which shares memories and links with it; the result holds
  /// the layer's own events and busy times.
  ///
  /// Unsafe pointers: every index below was made by `init`, by the loop itself, or by the side
  /// traffic from the fabric.
  func simulate<Side: BackgroundTraffic, Record: TimelineRecord>(
    spacing: Double, into result: inout LayerResult, beside side: inout Side,
    noting record: inout Record
  ) {
    let dies = fabric.dies
    let nodes = fabric.nodes
    let hardware = fabric.hardware
    let capacity = inFlight * dies
    let calendar = CalendarQueue(capacity: capacity + side.flights, spacing: spacing)
    let cache = LeastRecentCache(nodes: nodes, slots: cacheSlots, entries: cacheEntries)
    let state = RunState(fabric: fabric, chunkBytes: chunkBytes, flights: capacity)
    let (hit, write) = (hardware.llcHit, hardware.llcWrite)
    let (chunks, caches) = (Int32(chunks), cacheSlots > 0)
    var events = 0
    var hits = 0
    var left = queue.count * Int(chunks)
    side.begin(first: Int32(capacity), state, calendar)
    jobs.withUnsafeBufferPointer { jobs in
      queue.withUnsafeBufferPointer { queue in
        fabric.wayLinks.withUnsafeBufferPointer { ways in
          for die in 0..<dies {
            state.cursor[die] = Int32(queueStart[die])
            state.cursorEnd[die] = Int32(queueStart[die + 1])
          }

          /// Lets `die` ask for its next chunk under the number `flight`.
          func issue(_ flight: Int32, _ die: Int, _ now: Double) {
            let at = state.cursor[die]
            if at == state.cursorEnd[die] { return }
            let task = queue[Int(at)]
            let chunk = state.cursorChunk[die]
            if chunk + 1 == chunks {
              state.cursor[die] = at + 1
              state.cursorChunk[die] = 0
            } else {
              state.cursorChunk[die] = chunk + 1
            }
            if Side.isPresent {
              switch side.meet(task: task, chunk: chunk, flight: flight, at: now, state) {
              case .elsewhere: break
              case .here(let ready):
                state.flights[Int(flight)] = Flight(task: task, chunk: chunk, step: Flight.here)
                calendar.insert(flight, at: ready)
                return
              case .coming:
                state.flights[Int(flight)] = Flight(task: task, chunk: chunk, step: Flight.here)
                return
              }
            }
            state.flights[Int(flight)] = Flight(task: task, chunk: chunk, step: Flight.atMemory)
            calendar.insert(flight, at: now + jobs[Int(task)].commandSeconds)
          }

          /// Lets activations, or the copy of a chunk, hold the die's memory once it is free. Nobody
          /// waits for that but later reads and, `latency` after it, the layer's end.
          func hold(
            _ seconds: Double, of die: Int, from now: Double, latency: Double, _ flight: Int32,
            _ kind: Span.Kind
          ) {
            let free = max(now, state.memoryFree[die]) + seconds
            state.memoryFree[die] = free
            state.memoryBusy[die] += seconds
            if !readsAlone { state.lasts(until: free + latency) }
            if Record.isPresent {
              record.note(
                .memory(die), from: free - seconds, to: free, kind, state.flights[Int(flight)])
            }
          }

          /// Computes the chunk of `flight`, which is at its die.
          func compute(_ flight: Int32, _ job: UnsafePointer<Job>, _ now: Double) {
            let die = Int(job.pointee.die)
            if !readsAlone {
              hold(
                job.pointee.chunkActivationSeconds, of: die, from: now,
                latency: hardware.hbmLatency + hardware.llcMiss, flight, .activations)
            }
            let seconds = job.pointee.chunkComputeSeconds
            let free = max(now, state.computeFree[die]) + seconds
            if Record.isPresent {
              record.note(
                .compute(die), from: free - seconds, to: free, .compute,
                state.flights[Int(flight)])
            }
            state.computeFree[die] = free
            state.computeBusy[die] += seconds
            state.flights[Int(flight)].step = Flight.computed
            calendar.insert(flight, at: free)
          }

          for die in 0..<dies {
            for slot in 0..<inFlight { issue(Int32(die * inFlight + slot), die, 0) }
          }
          while let (flight, now) = calendar.take() {
            if Side.isPresent, flight >= capacity {
              if left == 0, now > state.end.pointee + side.gapSeconds {
                side.suspend(flight, at: now)
              } else {
                let woken = side.advance(flight, at: now, state, calendar)
                if woken >= 0 { calendar.insert(woken, at: now + hit) }
              }
              continue
            }
            events += 1
            let step = state.flights[Int(flight)].step
            let job = jobs.baseAddress.unsafelyUnwrapped + Int(state.flights[Int(flight)].task)
            if step >= 0 {
              if step < job.pointee.wayEnd {
                state.flights[Int(flight)].step = step + 1
                let link = Int(ways[Int(step)])
                calendar.insert(flight, at: state.cross(link, at: now))
                if Record.isPresent {
                  let free = state.linkFree[link]
                  record.note(
                    .link(link), from: free - state.linkChunk[link], to: free, .weights,
                    state.flights[Int(flight)])
                }
              } else {
                let die = Int(job.pointee.die)
                if job.pointee.copies {
                  hold(
                    state.memoryChunk[die], of: die, from: now + write, latency: 0, flight, .copy)
                }
                if Side.isPresent { side.received(task: state.flights[Int(flight)].task, at: now) }
                compute(flight, job, now)
              }
            } else if step == Flight.atMemory {
              let source = Int(job.pointee.source)
              let entry = job.pointee.cacheBase + state.flights[Int(flight)].chunk
              var ready: Double
              if caches, source < dies, let arrival = cache.touch(entry, at: source) {
                hits += 1
                ready = max(now, arrival) + hit
              } else {
                let free = max(now, state.memoryFree[source]) + state.memoryChunk[source]
                state.memoryFree[source] = free
                state.memoryBusy[source] += state.memoryChunk[source]
                ready = free + state.memoryLatency[source] + hardware.llcMiss
                if Record.isPresent {
                  record.note(
                    .memory(source), from: free - state.memoryChunk[source], to: free, .weights,
                    state.flights[Int(flight)])
                }
                if caches, source < dies { cache.insert(entry, arriving: ready, at: source) }
              }
              state.flights[Int(flight)].step = job.pointee.wayStart
              calendar.insert(flight, at: ready)
            } else if Side.isPresent, step == Flight.here {
              compute(flight, job, now)
            } else {
              state.lasts(until: now)
              left -= 1
              issue(flight, Int(job.pointee.die), now)
            }
          }
        }
      }
    }
    result.seconds = state.end.pointee
    result.events = events
    result.llcHits = hits
    result.llcMisses = queue.count * Int(chunks) - hits - side.chunksHere
    side.end(at: state.end.pointee)
    state.sum(into: &result, fabric: fabric)
  }
}
