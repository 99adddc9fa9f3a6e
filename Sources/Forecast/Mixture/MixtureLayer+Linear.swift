import Counting

/// The linear part's rows: which of them an event looks at, and what they learn from it.
///
/// Unsafe: rows that are listed lie in the table, `scratch` has room for them.
extension MixtureLayer {
  /// Lists the rows of the linear part that the event looks at.
  ///
  /// - Parameter task: 1 + the bucket of the request's task, or 0.
  func listLinearRows(_ context: EventContext, task: Int32, _ scratch: EventScratch) {
    scratch.linearRowCount = 0
    guard parts.contains(.linear) else { return }
    var count = 0
    for group in 0..<EarlierChoices.count {
      let set = EarlierChoices.choices(group, of: context)
      var slot = 0
      while slot < set.count {
        scratch.linearRows[count] = group &* experts &+ set[slot]
        scratch.linearScales[count] = scratch.slotScales[slot]
        count &+= 1
        slot &+= 1
      }
    }
    if task > 0 {
      scratch.linearRows[count] = EarlierChoices.count * experts + Int(task) - 1
      scratch.linearScales[count] = 1
      count += 1
    }
    scratch.linearRows[count] = linearVisits.count - 1
    scratch.linearScales[count] = 1
    scratch.linearRowCount = count + 1
  }

  /// Moves the listed rows by the errors; the last is the bias.
  mutating func moveLinearRows(_ scratch: EventScratch) {
    let lanes = lanes
    let count = scratch.linearRowCount
    let errors = scratch.errors
    LinearSteps.table.withUnsafeBufferPointer { steps in
      linear.withUnsafeMutableBufferPointer { linear in
        linearVisits.withUnsafeMutableBufferPointer { visits in
          let base = linear.baseAddress.unsafelyUnwrapped
          var index = 0
          while index < count {
            let row = scratch.linearRows[index]
            let isBias = index == count - 1
            let step =
              isBias
              ? Self.biasStep : steps[LinearSteps.index(visits[row])] * scratch.linearScales[index]
            if visits[row] < .max { visits[row] += 1 }
            let own = base + row * lanes
            var j = 0
            while j &+ 32 <= lanes {
              let sum0 = own.eight(j) + errors.eight(j) * step
              let sum1 = own.eight(j &+ 8) + errors.eight(j &+ 8) * step
              let sum2 = own.eight(j &+ 16) + errors.eight(j &+ 16) * step
              let sum3 = own.eight(j &+ 24) + errors.eight(j &+ 24) * step
              own.put(sum0, j)
              own.put(sum1, j &+ 8)
              own.put(sum2, j &+ 16)
              own.put(sum3, j &+ 24)
              j &+= 32
            }
            while j < lanes {
              own.put(own.eight(j) + errors.eight(j) * step, j)
              j &+= 8
            }
            index &+= 1
          }
        }
      }
    }
  }
}
