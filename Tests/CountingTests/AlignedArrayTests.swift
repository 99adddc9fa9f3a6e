import Testing

@testable import Counting

@Suite struct AlignedArrayTests {
  @Test(arguments: [0, 1, 17, 4096])
  func beginsAtACacheLine(count: Int) {
    let array = AlignedArray<Float>(repeating: 1, count: count)
    array.withUnsafeBufferPointer { buffer in
      #expect(Int(bitPattern: buffer.baseAddress) % 64 == 0)
      #expect(buffer.count == count && buffer.allSatisfy { $0 == 1 })
    }
  }

  @Test func copiesAreValuesOfTheirOwn() {
    var array = AlignedArray<UInt32>([3, 1, 4])
    let copy = array
    array.withUnsafeMutableBufferPointer { $0[1] = 9 }
    #expect(array.values == [3, 9, 4] && copy.values == [3, 1, 4])
    #expect(array != copy && copy == AlignedArray([3, 1, 4]))
    #expect(Set([array, copy, AlignedArray([3, 1, 4])]).count == 2)
    array.values = [7]
    #expect(array.count == 1 && array.values == [7])
  }
}
