import CVectorShims
import RoutingTrace

/// Which of the stored tokens are candidates: those that match best in the first layers.
extension PathSearch {
  /// Replaces the candidates by those that match best in the layers up to `layer`, and keeps the
  /// ones with a history.
  ///
  /// - Precondition: ``countMatches(_:_:)`` has counted this layer and those before.
  func select(_ layer: Int, _ memory: PathMemory) {
    if layer == 0 {
      historic.update(repeating: 0, count: mapWords)
      for index in 0..<count {
        let slot = Int(slots[index])
        historic[slot >> 6] |= 1 << UInt64(slot & 63)
      }
    }
    var index = 0
    while index < count {
      places[Int(slots[index])] = Int32(truncatingIfNeeded: index)
      index += 1
    }
    listBest(memory.written, equals: takeBest(layer))
    memory.masks.withUnsafeBufferPointer { masks in
      index = 0
      while index < count {
        let slot = Int(nextSlots[index])
        if historic[slot >> 6] >> UInt64(slot & 63) & 1 == 1 {
          let place = Int(places[slot])
          for metric in metrics.indices {
            nextScores[metric &* room &+ index] = scores[metric &* room &+ place]
          }
        } else {
          for metric in metrics.indices { nextScores[metric &* room &+ index] = 0 }
          var past = 0
          while past <= layer {
            let match = matches(masks, slot, past)
            for metric in metrics.indices {
              let at = metric &* room &+ index
              let kept = (nextScores[at] &* metrics[metric].layerKeep) &>> 8
              nextScores[at] = kept &+ (match &<< PathMemory.unitShift)
            }
            past &+= 1
          }
        }
        index &+= 1
      }
    }
    swap(&slots, &nextSlots)
    swap(&scores, &nextScores)
  }

  /// Experts that a stored token shares with the token in one of the first layers, which has been
  /// counted.
  ///
  /// The bit planes hold them, so that a candidate's sets need not be fetched from far memory yet;
  /// but where a token chooses more than the planes count.
  @inline(__always)
  func matches(_ masks: UnsafeBufferPointer<UInt64>, _ slot: Int, _ layer: Int) -> Int32 {
    guard planesSuffice else { return Int32(truncatingIfNeeded: shared(masks, slot, layer)) }
    let upTo = counted(slot, layer)
    return layer == 0 ? upTo : upTo &- counted(slot, layer &- 1)
  }

  /// What the bit planes say of a slot: matches in the layers up to `layer`.
  @inline(__always)
  private func counted(_ slot: Int, _ layer: Int) -> Int32 {
    let word = plane + (layer &* Self.planes &* mapWords &+ slot &>> 6)
    let bit = UInt64(truncatingIfNeeded: slot & 63)
    var count: UInt64 = 0
    var place = 0
    while place < Self.planes {
      count |= (word[place &* mapWords] &>> bit & 1) &<< UInt64(truncatingIfNeeded: place)
      place &+= 1
    }
    return Int32(truncatingIfNeeded: count)
  }

  /// Counts the matches of `layer` and those before into the layer's bit planes, 512 slots at a
  /// time.
  func countMatches(_ layer: Int, _ memory: PathMemory) {
    memory.columns.withUnsafeBufferPointer { columns in
      guard let base = columns.baseAddress else { return }
      let columns = UnsafeRawPointer(base + layer * memory.experts * mapWords)
      let planes = UnsafeMutableRawPointer(plane + layer * Self.planes * mapWords)
      let before = UnsafeRawPointer(plane + max(0, layer - 1) * Self.planes * mapWords)
      let stride = mapWords * 8
      var block = 0
      while block < stride {
        var c0 = SIMD8<UInt64>()
        var c1 = SIMD8<UInt64>()
        var c2 = SIMD8<UInt64>()
        var c3 = SIMD8<UInt64>()
        var c4 = SIMD8<UInt64>()
        if layer > 0 {
          c0 = before.loadUnaligned(fromByteOffset: block, as: SIMD8<UInt64>.self)
          c1 = before.loadUnaligned(fromByteOffset: stride + block, as: SIMD8<UInt64>.self)
          c2 = before.loadUnaligned(fromByteOffset: 2 * stride + block, as: SIMD8<UInt64>.self)
          c3 = before.loadUnaligned(fromByteOffset: 3 * stride + block, as: SIMD8<UInt64>.self)
          c4 = before.loadUnaligned(fromByteOffset: 4 * stride + block, as: SIMD8<UInt64>.self)
        }
        var word = 0
        while word < words {
          var bits = own[layer * words + word]
          while bits != 0 {
            let expert = word &* 64 &+ bits.trailingZeroBitCount
            bits &= bits &- 1
            var carry = columns.loadUnaligned(
              fromByteOffset: expert * stride + block, as: SIMD8<UInt64>.self)
            let t0 = c0 & carry
            c0 ^= carry
            carry = t0
            let t1 = c1 & carry
            c1 ^= carry
            carry = t1
            let t2 = c2 & carry
            c2 ^= carry
            carry = t2
            let t3 = c3 & carry
            c3 ^= carry
            // Counts end at 31, more than two layers of top-15 can reach.
            c4 |= t3
          }
          word += 1
        }
        planes.storeBytes(of: c0, toByteOffset: block, as: SIMD8<UInt64>.self)
        planes.storeBytes(of: c1, toByteOffset: stride + block, as: SIMD8<UInt64>.self)
        planes.storeBytes(of: c2, toByteOffset: 2 * stride + block, as: SIMD8<UInt64>.self)
        planes.storeBytes(of: c3, toByteOffset: 3 * stride + block, as: SIMD8<UInt64>.self)
        planes.storeBytes(of: c4, toByteOffset: 4 * stride + block, as: SIMD8<UInt64>.self)
        block += 64
      }
    }
  }

  /// Marks in `taken` the slots with more matches up to `layer` than some threshold, at most
  /// ``PathMemory/matched``, and leaves in `open` those that just reach it.
  ///
  /// - Returns: how many of `open` there is room for.
  func takeBest(_ layer: Int) -> Int {
    open.update(repeating: .max, count: mapWords)
    taken.update(repeating: 0, count: mapWords)
    var left = PathMemory.matched
    var threshold = 0
    for bit in (0..<Self.planes).reversed() {
      let plane = plane + (layer * Self.planes + bit) * mapWords
      var inside = 0
      var word = 0
      while word < mapWords {
        inside &+= (open[word] & plane[word]).nonzeroBitCount
        word += 1
      }
      word = 0
      if inside <= left {
        left -= inside
        while word < mapWords {
          taken[word] |= open[word] & plane[word]
          open[word] &= ~plane[word]
          word += 1
        }
      } else {
        threshold |= 1 << bit
        while word < mapWords {
          open[word] &= plane[word]
          word += 1
        }
      }
    }
    return threshold > 0 ? left : 0
  }

  /// Lists every slot that is taken or historic and the `equals` most recent open ones, most recent
  /// first, as the next candidates.
  func listBest(_ written: Int, equals: Int) {
    var equals = equals
    var next = 0
    let newest = written & (capacity - 1)
    // The newest slots stand below the cursor in its word, the oldest from the cursor on.
    let below: UInt64 = (1 << UInt64(newest & 63)) - 1
    var step = 0
    while step <= mapWords {
      let word = ((newest >> 6) &- step &+ mapWords) & (mapWords - 1)
      let visible = step == 0 ? below : step == mapWords ? ~below : .max
      let sure = taken[word] | historic[word]
      var bits = (equals > 0 ? sure | open[word] : sure) & visible
      while bits != 0 {
        let bit = 63 &- bits.leadingZeroBitCount
        let flag: UInt64 = 1 &<< UInt64(bit)
        bits &= ~flag
        if sure & flag == 0 {
          if equals == 0 { continue }
          equals &-= 1
        }
        nextSlots[next] = Int32(truncatingIfNeeded: word &* 64 &+ bit)
        next &+= 1
      }
      step += 1
    }
    count = next
  }

  /// Copies the candidates' sets of ``window`` layers from `layer` on, layer by layer.
  func gather(from layer: Int, _ memory: PathMemory) {
    let ids = min(window, layers - layer) * words
    // Candidates lie all over the memory: each is asked for while those before it are copied.
    let ahead = 16
    memory.masks.withUnsafeBufferPointer { masks in
      guard let base = masks.baseAddress else { return }
      for index in 0..<count {
        if index + ahead < count {
          processor_fetch(base + sets[Int(slots[index + ahead]), layer, 0])
        }
        let first = sets[Int(slots[index]), layer, 0]
        var at = 0
        while at < ids {
          gathered[at * room + index] = masks[first + at]
          at += 1
        }
      }
    }
  }
}
